"""The functions: their environments are complete and hold nothing else; failed events are kept."""

import re
from pathlib import Path
from typing import Any

import pytest

from core.domain.model import Value
from core.settings import entries
from tests.infra.stack import ACCOUNT, REGION, Stack

ROOT = Path(__file__).parents[2]
DOORS = ("process", "dispatch", "record", "admin", "web")
#: The settings that each entry loads from its environment: core/bootstrap.
READ: dict[str, tuple[type[Value], ...]] = {
    "process": (entries.ProcessSettings,),
    "batch": (entries.ProcessSettings,),
    "dispatch": (entries.DispatchSettings,),
    "record": (entries.RecordSettings,),
    "admin": (entries.RecordSettings, entries.ReconcileSettings, entries.MigrateSettings),
    "web": (entries.WebSettings,),
}
#: Read by boto3.
CLIENTS = {"AWS_DEFAULT_REGION"}


def environments(stack: Stack) -> dict[str, list[dict[str, str]]]:
    result = {entry: [stack.environment(entry)] for entry in DOORS}
    tiers = [
        properties["ContainerProperties"]["Environment"]
        for properties in stack.properties_of("Batch::JobDefinition").values()
    ]
    return {**result, "batch": [{pair["Name"]: pair["Value"] for pair in tier} for tier in tiers]}


def with_valid_values(environment: dict[str, str], entry: str) -> dict[str, str]:
    """The environment with unresolved references replaced by valid values."""

    def value(name: str, text: str) -> str:
        if name.endswith("_QUEUE_URL"):
            return re.sub("<.+>", f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue", text)
        return re.sub("<[^>]+>", "made-by-aws.example.com", text)

    result = {name: value(name, text) for name, text in environment.items()}
    memory = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008"} if entry == "process" else {}
    return {**result, **memory}


@pytest.mark.parametrize("entry", READ)
@pytest.mark.parametrize("which", ["shipped", "other"])
def test_each_entry_gets_every_variable_that_it_needs(request: pytest.FixtureRequest, which: str, entry: str) -> None:
    for environment in environments(request.getfixturevalue(which))[entry]:
        for kind in READ[entry]:
            entries.load(kind, with_valid_values(environment, entry))


@pytest.mark.parametrize("entry", READ)
@pytest.mark.parametrize("which", ["shipped", "other"])
def test_no_entry_gets_a_variable_that_it_does_not_read(request: pytest.FixtureRequest, which: str, entry: str) -> None:
    known = {name.upper() for kind in READ[entry] for name in kind.__struct_fields__}
    for environment in environments(request.getfixturevalue(which))[entry]:
        assert set(environment) - known <= CLIENTS


def test_both_routes_have_the_same_environment(other: Stack) -> None:
    """Except the memory, which each tier sets, and the setting of Kafka's mappings."""
    process = other.environment("process")
    for tier in environments(other)["batch"]:
        differing = {name for name in {*process, *tier} if process.get(name) != tier.get(name)}
        assert differing <= {"MEMORY_MB", "AWS_DEFAULT_REGION", "REPORT_BATCH_ITEM_FAILURES"}


def test_dispatch_reads_failed_events_with_the_settings_of_process(other: Stack) -> None:
    process, dispatch = other.environment("process"), other.environment("dispatch")
    for name in ("BUCKET", "REFERENCES", "METRICS_NAMESPACE", "KAFKA_CUSTOMERS", "KAFKA_PIPELINE"):
        assert process.get(name) == dispatch.get(name)


@pytest.mark.parametrize("which", ["shipped", "other"])
def test_dispatch_submits_to_existing_job_definitions(request: pytest.FixtureRequest, which: str) -> None:
    from core.routing.batch_tiers import TIERS
    from core.routing.job_definitions import definition_name

    stack: Stack = request.getfixturevalue(which)
    environment = stack.environment("dispatch")
    there = {properties["JobDefinitionName"] for properties in stack.properties_of("Batch::JobDefinition").values()}
    assert {definition_name(tier.name, environment["BATCH_DEFINITIONS"]) for tier in TIERS} == there
    assert environment["BATCH_QUEUE"] == stack.only("Batch::JobQueue")["JobQueueName"]


def commands(stack: Stack) -> set[str]:
    return {properties["ImageConfig"]["Command"][0] for properties in stack.properties_of("Lambda::Function").values()}


def doors() -> set[str]:
    files = [*(ROOT / "handler").glob("*.py"), *(ROOT / "handler").glob("*/__init__.py")]
    # The page's is a package, which has its `handle` once it is asked for
    entry = re.compile(r"^def handle\(|^    if name == \"handle\"", re.MULTILINE)
    result = [file for file in files if entry.search(file.read_text())]
    names = {file.parent.name if file.stem == "__init__" else file.stem for file in result}
    return {f"handler.{name}.handle" for name in names}


def test_every_door_is_deployed(shipped: Stack) -> None:
    assert doors() <= commands(shipped)


def test_every_function_has_its_door(shipped: Stack) -> None:
    assert commands(shipped) <= doors()


def test_without_a_page_there_is_neither_its_function_nor_its_api(synthesize: Any) -> None:
    stack = synthesize('[web]\nlogin = "none"')
    assert "handler.web.handle" not in commands(stack)
    assert not stack.properties_of("ApiGatewayV2::Api")
    assert not stack.properties_of("Cognito::UserPool")


@pytest.mark.parametrize("which", ["shipped", "other"])
def test_each_function_is_what_lambda_takes(request: pytest.FixtureRequest, which: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""
    for properties in request.getfixturevalue(which).properties_of("Lambda::Function").values():
        assert properties["PackageType"] == "Image"
        assert 128 <= properties["MemorySize"] <= 10_240
        assert 1 <= properties["Timeout"] <= 900
        assert 512 <= properties["EphemeralStorage"]["Size"] <= 10_240 if "EphemeralStorage" in properties else True


def test_the_image_is_of_one_processor_everywhere(shipped: Stack, other: Stack) -> None:
    for stack, lambda_, batch in ((shipped, "x86_64", "X86_64"), (other, "arm64", "ARM64")):
        assert {
            tuple(properties["Architectures"]) for properties in stack.properties_of("Lambda::Function").values()
        } == {(lambda_,)}
        jobs = [
            properties["ContainerProperties"] for properties in stack.properties_of("Batch::JobDefinition").values()
        ]
        assert {properties["RuntimePlatform"]["CpuArchitecture"] for properties in jobs} == {batch}


def test_an_existing_image_is_used_by_its_uri(other: Stack) -> None:
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/company/pictures:1.4"
    assert {properties["Code"]["ImageUri"] for properties in other.properties_of("Lambda::Function").values()} == {uri}
    jobs = other.properties_of("Batch::JobDefinition").values()
    assert {properties["ContainerProperties"]["Image"] for properties in jobs} == {uri}
    assert not [*other.assembly.glob("asset.*")]


def test_the_image_asset_has_the_files_that_the_dockerfile_copies_only(shipped: Stack) -> None:
    (asset,) = shipped.assembly.glob("asset.*")
    kept = {"Dockerfile", ".dockerignore", "LICENSE", "batch", "container", "core", "handler", "requirements"}
    assert {path.name for path in asset.iterdir()} == kept


def test_failed_asynchronous_events_are_kept_whole(shipped: Stack) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html."""
    pictures = shipped.environment("process")["BUCKET"]
    config = shipped.only("Lambda::EventInvokeConfig")
    assert config["FunctionName"] == f"<{shipped.logical_id('Lambda::Function', Description='handler.process.handle')}>"
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": f"arn:aws:s3:::{pictures}"}}
    assert config["MaximumEventAgeInSeconds"] == 6 * 3600


def test_every_log_ends(shipped: Stack, other: Stack) -> None:
    for stack in (shipped, other):
        groups = stack.properties_of("Logs::LogGroup")
        assert all(properties["RetentionInDays"] == 30 for properties in groups.values())
        for properties in stack.properties_of("Lambda::Function").values():
            assert properties["LoggingConfig"]["LogGroup"].strip("<>") in groups


def test_the_reconciler_runs_every_hour(shipped: Stack) -> None:
    rule = shipped.only("Events::Rule", ScheduleExpression="rate(1 hour)")
    (target,) = rule["Targets"]
    admin = shipped.arn("Lambda::Function", Description="handler.admin.handle")
    assert (target["Arn"], target["Input"]) == (admin, '{"action":"reconcile"}')
    permission = shipped.only("Lambda::Permission", Principal="events.amazonaws.com")
    assert permission["FunctionName"] == admin
    assert permission["SourceArn"] == shipped.arn("Events::Rule", ScheduleExpression="rate(1 hour)")
    waits = float(shipped.environment("admin")["RECONCILE_AFTER_HOURS"]) * 3600
    queue = shipped.only("Batch::JobQueue")
    assert all(waits > action["MaxTimeSeconds"] for action in queue["JobStateTimeLimitActions"])
