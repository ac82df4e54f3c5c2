"""`pictureperfect deploy`: CDK's command line gets the assembly, then the database is migrated."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import click
import psycopg
import pytest
from click.testing import CliRunner

from handler import admin
from localcloud.http_server import HttpServer
from localcloud.lambda_.invoke_api import invoke_routes
from pictureperfect import cli
from pictureperfect.commands.deployment.deploy import deploy as command
from pictureperfect.deployment import aws_session, cdk, deploy
from pictureperfect.deployment.outputs import deployment_from_outputs, stack_deployment
from tests.support.aws.deploying_world import (
    ACCOUNT,
    BOOTSTRAPPED,
    OUTPUTS,
    REGION,
    Cdk,
    answering,
    assembly,
    data_api,
    environment,
    program,
    template,
)

URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/pictures:1.4"


class Admin:
    """The operator's function as Lambda runs it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def invoke(self, event: Any) -> SimpleNamespace:
        try:
            return SimpleNamespace(error="", payload=admin.answer(event, self.environ), request_id="1")
        except Exception as error:  # noqa: BLE001 - Lambda reports any error
            answer = {"errorMessage": str(error), "errorType": type(error).__name__}
            return SimpleNamespace(error="Unhandled", payload=answer, request_id="1")


@pytest.fixture
def environ(postgres: Callable[[], str]) -> dict[str, str]:
    return {"DATABASE_URL": postgres()}


@pytest.fixture
def world(
    cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> Iterator[SimpleNamespace]:
    """A bootstrapped account, with stand-ins for CDK and for the stack's functions."""
    program(tmp_path / "bin", "docker", "echo 28.2.2")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    cdk_cli, assemble = Cdk(), assembly(template())
    monkeypatch.setattr(cdk, "run", cdk_cli.run)
    monkeypatch.setattr(cdk, "assemble", assemble)
    monkeypatch.setattr(cdk, "OUT", tmp_path / "cdk.out")
    with HttpServer(invoke_routes({"pp-admin": Admin(environ)})) as api:  # type: ignore[dict-item]
        environment(monkeypatch, cloud, AWS_ENDPOINT_URL_LAMBDA=api.url)
        session = boto3.Session()
        session.client("ssm").put_parameter(Name=BOOTSTRAPPED, Value="27", Type="String", Overwrite=True)
        yield SimpleNamespace(session=session, cdk=cdk_cli, contexts=assemble.contexts)
        session.client("cloudformation").delete_stack(StackName="PicturePerfect")
        session.client("ssm").delete_parameter(Name=BOOTSTRAPPED)
        s3: Any = session.resource("s3")
        for bucket in s3.buckets.all():
            if bucket.name == OUTPUTS["BucketName"]:
                bucket.object_versions.delete()
                bucket.delete()


def run(*arguments: str) -> SimpleNamespace:
    """Exit code, stdout and stderr of the console script."""
    runner = CliRunner()
    result = runner.invoke(command, arguments, standalone_mode=False)
    if isinstance(result.exception, click.ClickException):
        return SimpleNamespace(code=1, out=result.stdout, err=result.exception.message)
    assert result.exception is None, result.exception
    return SimpleNamespace(code=result.return_value or 0, out=result.stdout, err=result.stderr)


def test_deploy_deploys_migrates_and_prints_the_next_steps(world: SimpleNamespace, environ: dict[str, str]) -> None:
    done = run("--yes")
    assert done.code == 0
    assert "The page: https://page.example" in done.out
    assert f"aws s3 cp photo.jpg s3://{OUTPUTS['BucketName']}/incoming/acme/web/first/photo.jpg" in done.out
    assert "make smoke" in done.out
    assert "replay" not in done.out
    assert f"Account {ACCOUNT}, {REGION}, as arn:aws:sts::{ACCOUNT}:" in done.err
    assert "0001_ledger.sql" in done.err
    with psycopg.connect(environ["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM images").fetchone() == (0,)
    assert run("--yes").err.count("nothing to migrate") == 1


def test_cdk_gets_the_assembly_that_was_checked(world: SimpleNamespace, tmp_path: Path) -> None:
    run("--yes")
    called = world.cdk.called
    assert called[called.index("--yes") :] == [
        *("--yes", "aws-cdk@2.1148.1", "deploy", "PicturePerfect", "--app", str(tmp_path / "cdk.out")),
        *("--require-approval", "never", "--progress", "events", "--no-notices"),
    ]
    assert world.contexts == [{}]


def test_an_image_in_ecr_is_used_and_nothing_is_built(world: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "bin" / "docker").unlink()
    assert run("--yes", "--image", URI).code == 0
    assert world.contexts == [{"image": URI}]


def test_children_of_npx_find_its_node_on_the_path(tmp_path: Path) -> None:
    shown = tmp_path / "path"
    npx = cdk.Npx(("sh", "-c", f'echo "$PATH" > {shown}; exit 3'), "/the/wheel's/node")
    assert cdk.run(npx.command, npx) == 3
    assert shown.read_text().startswith("/the/wheel's/node:")


def test_on_a_terminal_cdk_asks_before_permissions_grow(tmp_path: Path) -> None:
    command_line = cdk.deploy_command(cdk.Npx(("npx",)), "PicturePerfect", tmp_path, ask=True, take_over=False)
    assert command_line[command_line.index("--require-approval") + 1] == "broadening"


def test_buckets_that_an_earlier_stack_retained_are_taken_over(world: SimpleNamespace) -> None:
    s3 = world.session.client("s3")
    s3.create_bucket(Bucket=OUTPUTS["BucketName"], CreateBucketConfiguration={"LocationConstraint": REGION})
    ready = deploy.check_prerequisites(URI)
    sentences: list[str] = []
    with pytest.raises(click.ClickException, match="CDK ended with exit 1"):  # moto does not know of imports
        deploy.deploy(ready, "PicturePerfect", URI, sentences.append, ask=False)
    assert f"Retained from an earlier stack, and taken over by this one: {OUTPUTS['BucketName']}" in sentences
    assert world.cdk.called[-1] == "--import-existing-resources"
    assert world.contexts == [{"image": URI}, {"image": URI, "at": f"{ACCOUNT}-{REGION}"}]
    assert '--payload \'{"action": "replay"}\'' in deploy.next_steps(OUTPUTS, took_over=True)


def test_buckets_of_the_stack_itself_are_not_taken_over(world: SimpleNamespace) -> None:
    run("--yes")
    run("--yes")
    assert "--import-existing-resources" not in world.cdk.called


@pytest.mark.parametrize(
    ("status", "owned"),
    [
        ("CREATE_COMPLETE", True),
        ("UPDATE_ROLLBACK_COMPLETE", True),
        ("ROLLBACK_COMPLETE", False),
        ("ROLLBACK_FAILED", False),
    ],
)
def test_a_first_deployment_that_failed_has_left_its_buckets(status: str, owned: bool) -> None:
    assert deploy.owns_buckets({"StackStatus": status}) is owned
    assert not deploy.owns_buckets(None)


def test_a_bucket_of_another_account_is_named(world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(403, "") as endpoint, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        done = run("--yes")
    assert done.code == 1
    assert f"The bucket {OUTPUTS['BucketName']} exists and you may not access it" in done.err


def test_when_cdk_fails_nothing_is_migrated(world: SimpleNamespace, environ: dict[str, str]) -> None:
    world.cdk.code = 3
    done = run("--yes")
    assert (done.code, done.out) == (1, "")
    assert "CDK ended with exit 3" in done.err
    with psycopg.connect(environ["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT to_regclass('images')").fetchone() == (None,)


def test_a_failed_migration_is_reported_with_the_functions_error(
    world: SimpleNamespace, environ: dict[str, str]
) -> None:
    environ["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"
    done = run("--yes")
    assert done.code == 1
    assert done.err.startswith("The function pp-admin failed: database_unavailable")


class NewCluster(Admin):
    """The function of a new Aurora cluster, whose first user can log in by IAM only once that was granted."""

    def invoke(self, event: Any) -> SimpleNamespace:
        with psycopg.connect(self.environ["DATABASE_URL"]) as connection:
            granted = connection.execute(
                "SELECT 1 FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole AND member = current_user::regrole"
            ).fetchone()
        if granted:
            return super().invoke(event)
        answer = {"errorMessage": "database_unavailable: PAM authentication failed", "errorType": "Unavailable"}
        return SimpleNamespace(error="Unhandled", payload=answer, request_id="1")


@pytest.fixture
def new_cluster(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A cluster without IAM login for its first user, and the outputs of its stack."""
    outputs = {**OUTPUTS, "ClusterArn": "arn:aws:rds:eu-west-1:1:cluster:c", "DatabaseName": "pictures"}
    outputs["ClusterSecretArn"] = "arn:aws:secretsmanager:eu-west-1:1:secret:s"
    with psycopg.connect(environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS rds_iam")
        connection.execute("CREATE ROLE rds_iam")
    with HttpServer(invoke_routes({"pp-admin": NewCluster(environ)})) as api:  # type: ignore[dict-item]
        environment(monkeypatch, "http://127.0.0.1:1", AWS_ENDPOINT_URL_LAMBDA=api.url)
        yield SimpleNamespace(outputs=outputs, url=environ["DATABASE_URL"])
    with psycopg.connect(environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DROP OWNED BY rds_iam")
        connection.execute("DROP ROLE rds_iam")


def test_a_new_clusters_first_user_is_granted_iam_login_once_it_has_resumed(
    new_cluster: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    with data_api(new_cluster.url, sleeps=2) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS_DATA", endpoint)
        assert deploy.migrate(boto3.Session(), new_cluster.outputs, waited.append)[0] == "0001_ledger.sql"
    assert len(waited) == 2
    assert deploy.migrate(boto3.Session(), new_cluster.outputs) == []  # by IAM: the Data API is gone


def test_if_iam_login_cannot_be_granted_both_errors_are_reported(
    new_cluster: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with data_api(new_cluster.url, refuses="ForbiddenException") as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS_DATA", endpoint)
        with pytest.raises(click.ClickException, match=r"PAM authentication failed\nNor could.*ForbiddenException"):
            deploy.migrate(boto3.Session(), new_cluster.outputs)


def test_a_stack_is_found_by_its_outputs(world: SimpleNamespace) -> None:
    run("--yes")
    deployment, clients = stack_deployment("PicturePerfect")
    assert (deployment.bucket, deployment.process_memory_mb) == (OUTPUTS["BucketName"], 3008)
    assert deployment.kafka_topic == ""
    assert clients.s3.head_bucket(Bucket=deployment.bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_missing_stack_is_reported_with_the_remedy(world: SimpleNamespace) -> None:
    with pytest.raises(
        click.ClickException, match=r"There is no stack Other in eu-west-1. Deploy it with `make deploy`"
    ):
        stack_deployment("Other")
    assert aws_session.stack_outputs(world.session.client("cloudformation"), "Other") is None


def test_another_stack_of_that_name_is_not_taken_for_this_one() -> None:
    with pytest.raises(click.ClickException, match="has no outputs ProcessFunctionName, AdminFunctionName"):
        deployment_from_outputs("Website", {"BucketName": "b"})


def test_an_arm_function_is_priced_as_one() -> None:
    assert deployment_from_outputs("PicturePerfect", {**OUTPUTS, "Architecture": "arm64"}).machine == "aarch64"
    assert deployment_from_outputs("PicturePerfect", {**OUTPUTS, "Architecture": "x86_64"}).machine == "x86_64"


def test_without_credentials_the_exit_is_1_and_the_answer_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch, "http://127.0.0.1:1", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert cli.run(lambda: cli.cli.main(["smoke"], standalone_mode=False)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("There are no AWS credentials.")


def test_wrong_settings_are_reported_with_the_fields_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[storage]\nretention_days = 3\n")
    monkeypatch.setenv("PICTURE_PERFECT_SETTINGS", str(settings))
    with pytest.raises(click.ClickException, match=r"cannot be synthesized.*storage.retention_days"):
        cdk.assemble({}, tmp_path / "out")
