"""`deploy` names everything that is missing at once, with the remedies, before it starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import click
import pytest

from pictureperfect.deployment import cdk, deploy
from tests.support.aws.deploying_world import BOOTSTRAPPED, REGION, answering, environment, program, refusal

NO_ENGINE = 'echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock." >&2; exit 1'


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with only a Docker that answers."""
    folder = tmp_path / "bin"
    program(folder, "docker", "echo 28.2.2")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def bootstrapped(cloud: str) -> Iterator[None]:
    ssm: Any = boto3.Session("test", "test", region_name=REGION).client("ssm", endpoint_url=cloud)
    ssm.put_parameter(Name=BOOTSTRAPPED, Value="27", Type="String")
    yield
    ssm.delete_parameter(Name=BOOTSTRAPPED)


def missing(image: str = "") -> list[str]:
    with pytest.raises(click.ClickException) as caught:
        deploy.check_prerequisites(image)
    return caught.value.message.splitlines()


@pytest.mark.usefixtures("programs", "bootstrapped")
def test_if_nothing_is_missing_the_account_is_known(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, cloud)
    ready = deploy.check_prerequisites("")
    assert (ready.account.number, ready.account.region) == ("123456789012", REGION)
    assert ready.account.arn.startswith("arn:aws:sts::123456789012:")
    assert Path(ready.npx.command[0]).name == "node"


def test_everything_that_is_missing_is_named_at_once_on_a_line_of_its_own(
    cloud: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "docker", NO_ENGINE)
    environment(monkeypatch, cloud)
    bootstrap, docker = missing()
    assert f"npx {cdk.PACKAGE} bootstrap aws://123456789012/{REGION}" in bootstrap
    assert "The engine of docker does not answer (Cannot connect to the Docker daemon" in docker
    assert "make deploy IMAGE=" in docker


@pytest.mark.usefixtures("bootstrapped")
def test_an_image_in_ecr_needs_no_docker(cloud: str, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (programs / "docker").unlink()
    environment(monkeypatch, cloud)
    (docker,) = missing()
    assert docker.startswith("docker is not installed")
    assert (
        deploy.check_prerequisites("123456789012.dkr.ecr.eu-west-1.amazonaws.com/pictures:1").account.region == REGION
    )


@pytest.mark.usefixtures("bootstrapped")
def test_cdk_docker_names_the_program_that_is_checked(
    cloud: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "docker", NO_ENGINE)
    program(programs, "finch", "echo 1.10")
    environment(monkeypatch, cloud, CDK_DOCKER="finch")
    assert deploy.check_prerequisites("").account.region == REGION


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "There are no AWS credentials. Log in"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "The AWS credentials are incomplete"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "No AWS region is set: export AWS_DEFAULT_REGION="),
        ({"AWS_PROFILE": "production"}, "production"),
    ],
)
@pytest.mark.usefixtures("programs", "bootstrapped")
def test_faults_of_this_machine_are_found_without_a_call_to_aws(
    changes: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(monkeypatch, "http://127.0.0.1:1", **changes)
    for name, value in changes.items():
        if not value:
            monkeypatch.delenv(name, raising=False)
    (message,) = missing()
    assert sentence in message


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ExpiredToken", "The AWS credentials have expired. Log in again"),
        ("InvalidClientTokenId", "AWS does not know these credentials (InvalidClientTokenId)"),
        ("AccessDenied", "These credentials lack a permission"),
    ],
)
@pytest.mark.usefixtures("programs")
def test_refused_credentials_are_reported_with_the_reason(
    code: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(403, refusal(code)) as endpoint:
        environment(monkeypatch, endpoint)
        (message,) = missing()
    assert message.startswith(sentence)


@pytest.mark.usefixtures("programs")
def test_an_unreachable_aws_is_reported_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, "http://127.0.0.1:1")
    (message,) = missing()
    assert message.startswith("AWS cannot be reached from here")
    assert "HTTPS_PROXY" in message


def test_a_caller_who_may_not_read_the_bootstrap_version_is_not_stopped(
    cloud: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = '{"__type": "AccessDeniedException", "message": "not authorized to perform: ssm:GetParameter"}'
    with answering(400, denied) as endpoint:
        environment(monkeypatch, cloud, AWS_ENDPOINT_URL_SSM=endpoint)
        assert deploy.check_prerequisites("").account.region == REGION


def test_without_node_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdk, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(click.ClickException, match="there is no npx: `make setup` installs one"):
        cdk.find_npx()
