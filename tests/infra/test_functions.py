"""The functions: told all that they need and nothing that they do not read; what fails is kept."""

import re
from pathlib import Path
from typing import Any

import pytest

from core.domain.model import Value
from core.settings import entries
from tests.infra.stack import ACCOUNT, REGION, Stack

ROOT = Path(__file__).parents[2]
DOORS = ("process", "dispatch", "record", "admin", "web")
#: What each entry loads from its environment: core/bootstrap.py.
READ: dict[str, tuple[type[Value], ...]] = {
    "process": (entries.ProcessSettings,),
    "batch": (entries.ProcessSettings,),
    "dispatch": (entries.DispatchSettings,),
    "record": (entries.RecordSettings,),
    "admin": (entries.RecordSettings, entries.ReconcileSettings, entries.MigrateSettings),
    "web": (entries.WebSettings,),
}
#: boto3's, not ours.
CLIENTS = {"AWS_DEFAULT_REGION"}


def environments(stack: Stack) -> dict[str, list[dict[str, str]]]:
    found = {entry: [stack.environment(entry)] for entry in DOORS}
    tiers = [one["ContainerProperties"]["Environment"] for one in stack.of("Batch::JobDefinition").values()]
    return {**found, "batch": [{pair["Name"]: pair["Value"] for pair in tier} for tier in tiers]}


def spelled(environment: dict[str, str], entry: str) -> dict[str, str]:
    """References, which only AWS knows, as something of their kind."""

    def value(name: str, text: str) -> str:
        if name.endswith("_QUEUE_URL"):
            return re.sub("<.+>", f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue", text)
        return re.sub("<[^>]+>", "made-by-aws.example.com", text)

    found = {name: value(name, text) for name, text in environment.items()}
    memory = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008"} if entry == "process" else {}
    return {**found, **memory}


@pytest.mark.parametrize("entry", READ)
@pytest.mark.parametrize("which", ["shipped", "other"])
def test_each_entry_is_told_all_that_it_needs(request: pytest.FixtureRequest, which: str, entry: str) -> None:
    for environment in environments(request.getfixturevalue(which))[entry]:
        for kind in READ[entry]:
            entries.load(kind, spelled(environment, entry))


@pytest.mark.parametrize("entry", READ)
@pytest.mark.parametrize("which", ["shipped", "other"])
def test_no_entry_is_told_what_it_does_not_read(request: pytest.FixtureRequest, which: str, entry: str) -> None:
    known = {name.upper() for kind in READ[entry] for name in kind.__struct_fields__}
    for environment in environments(request.getfixturevalue(which))[entry]:
        assert set(environment) - known <= CLIENTS


def test_both_routes_are_told_the_same(other: Stack) -> None:
    """But for what is Kafka's, which comes by the function alone, and the memory, which is each tier's own."""
    process = other.environment("process")
    for tier in environments(other)["batch"]:
        differing = {name for name in {*process, *tier} if process.get(name) != tier.get(name)}
        assert differing <= {"MEMORY_MB", "AWS_DEFAULT_REGION", "REPORT_BATCH_ITEM_FAILURES"}


def test_what_failed_over_is_accepted_as_the_function_would_have(other: Stack) -> None:
    process, dispatch = other.environment("process"), other.environment("dispatch")
    for name in ("BUCKET", "REFERENCES", "METRICS_NAMESPACE", "KAFKA_CUSTOMERS", "KAFKA_PIPELINE"):
        assert process.get(name) == dispatch.get(name)


@pytest.mark.parametrize("which", ["shipped", "other"])
def test_dispatch_submits_to_the_definitions_that_there_are(request: pytest.FixtureRequest, which: str) -> None:
    from core.routing.batch_tiers import TIERS
    from core.routing.job_definitions import definition_name

    stack: Stack = request.getfixturevalue(which)
    told = stack.environment("dispatch")
    there = {one["JobDefinitionName"] for one in stack.of("Batch::JobDefinition").values()}
    assert {definition_name(tier.name, told["BATCH_DEFINITIONS"]) for tier in TIERS} == there
    assert told["BATCH_QUEUE"] == stack.one("Batch::JobQueue")["JobQueueName"]


def commands(stack: Stack) -> set[str]:
    return {one["ImageConfig"]["Command"][0] for one in stack.of("Lambda::Function").values()}


def doors() -> set[str]:
    files = [*(ROOT / "handler").glob("*.py"), *(ROOT / "handler").glob("*/__init__.py")]
    # The page's is a package, which has its `handle` once it is asked for
    entry = re.compile(r"^def handle\(|^    if name == \"handle\"", re.MULTILINE)
    found = [file for file in files if entry.search(file.read_text())]
    names = {file.parent.name if file.stem == "__init__" else file.stem for file in found}
    return {f"handler.{name}.handle" for name in names}


def test_every_door_is_deployed(shipped: Stack) -> None:
    assert doors() <= commands(shipped)


def test_every_function_has_its_door(shipped: Stack) -> None:
    assert commands(shipped) <= doors()


def test_without_a_page_there_is_neither_its_function_nor_its_api(synthesize: Any) -> None:
    stack = synthesize('[web]\nlogin = "none"')
    assert "handler.web.handle" not in commands(stack)
    assert not stack.of("ApiGatewayV2::Api")
    assert not stack.of("Cognito::UserPool")


@pytest.mark.parametrize("which", ["shipped", "other"])
def test_each_function_is_what_lambda_takes(request: pytest.FixtureRequest, which: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""
    for one in request.getfixturevalue(which).of("Lambda::Function").values():
        assert one["PackageType"] == "Image"
        assert 128 <= one["MemorySize"] <= 10_240
        assert 1 <= one["Timeout"] <= 900
        assert 512 <= one["EphemeralStorage"]["Size"] <= 10_240 if "EphemeralStorage" in one else True


def test_the_image_is_of_one_processor_everywhere(shipped: Stack, other: Stack) -> None:
    for stack, lambda_, batch in ((shipped, "x86_64", "X86_64"), (other, "arm64", "ARM64")):
        assert {tuple(one["Architectures"]) for one in stack.of("Lambda::Function").values()} == {(lambda_,)}
        jobs = [one["ContainerProperties"] for one in stack.of("Batch::JobDefinition").values()]
        assert {one["RuntimePlatform"]["CpuArchitecture"] for one in jobs} == {batch}


def test_an_image_that_is_there_is_used_as_it_is(other: Stack) -> None:
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/company/pictures:1.4"
    assert {one["Code"]["ImageUri"] for one in other.of("Lambda::Function").values()} == {uri}
    jobs = other.of("Batch::JobDefinition").values()
    assert {one["ContainerProperties"]["Image"] for one in jobs} == {uri}
    assert not [*other.assembly.glob("asset.*")]


def test_the_image_that_is_built_has_what_the_dockerfile_copies_and_nothing_else(shipped: Stack) -> None:
    (asset,) = shipped.assembly.glob("asset.*")
    kept = {"Dockerfile", ".dockerignore", "LICENSE", "batch", "container", "core", "handler", "requirements"}
    assert {path.name for path in asset.iterdir()} == kept


def test_what_lambda_gives_up_is_kept_with_its_event(shipped: Stack) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html."""
    pictures = shipped.environment("process")["BUCKET"]
    config = shipped.one("Lambda::EventInvokeConfig")
    assert config["FunctionName"] == f"<{shipped.logical('Lambda::Function', Description='handler.process.handle')}>"
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": f"arn:aws:s3:::{pictures}"}}
    assert config["MaximumEventAgeInSeconds"] == 6 * 3600


def test_every_log_ends(shipped: Stack, other: Stack) -> None:
    for stack in (shipped, other):
        groups = stack.of("Logs::LogGroup")
        assert all(one["RetentionInDays"] == 30 for one in groups.values())
        for one in stack.of("Lambda::Function").values():
            assert one["LoggingConfig"]["LogGroup"].strip("<>") in groups


def test_the_reconciler_comes_by_every_hour(shipped: Stack) -> None:
    rule = shipped.one("Events::Rule", ScheduleExpression="rate(1 hour)")
    (target,) = rule["Targets"]
    admin = shipped.arn("Lambda::Function", Description="handler.admin.handle")
    assert (target["Arn"], target["Input"]) == (admin, '{"action":"reconcile"}')
    permission = shipped.one("Lambda::Permission", Principal="events.amazonaws.com")
    assert permission["FunctionName"] == admin
    assert permission["SourceArn"] == shipped.arn("Events::Rule", ScheduleExpression="rate(1 hour)")
    waits = float(shipped.environment("admin")["RECONCILE_AFTER_HOURS"]) * 3600
    queue = shipped.one("Batch::JobQueue")
    assert all(waits > action["MaxTimeSeconds"] for action in queue["JobStateTimeLimitActions"])
