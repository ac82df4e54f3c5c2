"""The cost of a month without an image, counted in the synthesized template: under five dollars."""

import copy
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.idle_costs import lines, template
from infra.idle_costs.prices import load_prices
from infra.idle_costs.template import properties_of
from pictureperfect.deployment.aws_session import Account
from pictureperfect.deployment.deploy import named_buckets
from pictureperfect.deployment.outputs import deployment_from_outputs
from tests.support.aws import synthesis
from tests.support.aws.deploying_world import ACCOUNT, OUTPUTS, REGION
from tools.docs import idle_costs as idle_document

PRICES = load_prices()


@pytest.fixture(scope="module")
def templates() -> tuple[Any, Any]:
    """The templates of the shipped settings, and of every option with idle costs."""
    default, full = (
        msgspec.json.decode(synthesis.template(settings).read_bytes()) for settings in ("", idle_document.FULL)
    )
    return default, full


def test_the_default_is_under_five_dollars(templates: tuple[Any, Any]) -> None:
    own, _ = lines.total_usd(lines.price_template(templates[0], PRICES))
    assert 0.5 < own < 5


def test_nothing_in_the_default_is_billed_by_the_hour(templates: tuple[Any, Any]) -> None:
    assert template.find_hourly(templates[0]) == []


def test_the_idle_cost_of_every_resource_type_is_known(templates: tuple[Any, Any]) -> None:
    assert [template.find_unknown_types(each) for each in templates] == [set(), set()]


def test_endpoints_and_pollers_are_found_and_priced_by_the_hour(templates: tuple[Any, Any]) -> None:
    full = templates[1]
    kinds = sorted(full["Resources"][name]["Type"] for name in template.find_hourly(full))
    assert kinds == [*["AWS::EC2::VPCEndpoint"] * 3, "AWS::Lambda::EventSourceMapping"]
    found = {line.item.split(",")[0]: line.usd for line in lines.price_template(full, PRICES)}
    assert found["3 interface endpoints"] == pytest.approx(3 * 2 * 0.01 * 730)
    assert found["1 event poller unit"] == pytest.approx(0.185 * 730)


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::EC2::NatGateway", {}),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface"}),
        ("AWS::RDS::DBInstance", {"DBInstanceClass": "db.t4g.medium"}),
        ("AWS::RDS::DBProxy", {}),
        ("AWS::MSK::ServerlessCluster", {}),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", {}),
        ("AWS::Batch::ComputeEnvironment", {"ComputeResources": {"Type": "EC2", "MinvCpus": 2}}),
        ("AWS::KMS::Key", {}),
    ],
)
def test_a_resource_billed_by_the_hour_would_be_found(
    templates: tuple[Any, Any], kind: str, properties: dict[str, Any]
) -> None:
    changed = copy.deepcopy(templates[0])
    changed["Resources"]["Costly"] = {"Type": kind, "Properties": properties}
    assert template.find_hourly(changed) == ["Costly"]


def test_an_aurora_that_does_not_pause_would_be_found(templates: tuple[Any, Any]) -> None:
    changed = copy.deepcopy(templates[0])
    (cluster,) = properties_of(changed, "AWS::RDS::DBCluster")
    cluster["ServerlessV2ScalingConfiguration"]["MinCapacity"] = 0.5
    kinds = [changed["Resources"][name]["Type"] for name in template.find_hourly(changed)]
    assert kinds == ["AWS::RDS::DBInstance"]


def test_beyond_the_free_allowances_every_piece_counts() -> None:
    def alarms(count: int, queries: int = 0) -> Any:
        metrics: dict[str, Any] = {"Metrics": [{"MetricStat": {}}] * queries} if queries else {}
        return {"Resources": {str(n): {"Type": "AWS::CloudWatch::Alarm", "Properties": metrics} for n in range(count)}}

    prices = [lines._alarms(alarms(*size), PRICES) for size in ((10,), (11,), (4, 3))]
    assert [line.usd for line in prices] == pytest.approx([0, 0.1, 0.2])
    assert [line.usd_without_free for line in prices] == pytest.approx([1.0, 1.1, 1.2])


def test_every_price_has_a_date_and_a_source() -> None:
    assert PRICES.date > "2026-01-01"
    assert all(source.startswith("https://") for source in PRICES.sources)
    values = {name: value for name, value in msgspec.structs.asdict(PRICES).items() if isinstance(value, int | float)}
    assert all(value > 0 for value in values.values())


def test_the_stack_has_every_output_that_the_commands_read(templates: tuple[Any, Any]) -> None:
    for each in templates:
        outputs = {name: OUTPUTS.get(name, "x") for name in each["Outputs"]}
        assert deployment_from_outputs("PicturePerfect", outputs).process_memory_mb == 3008
    assert set(OUTPUTS) <= set(templates[0]["Outputs"])


def test_the_buckets_that_are_kept_are_known_by_name_before_they_are_deployed(templates: tuple[Any, Any]) -> None:

    names = named_buckets(templates[0], Account(ACCOUNT, REGION, "arn"))
    assert names == [f"picture-perfect-{what}-{ACCOUNT}-{REGION}" for what in ("access-logs", "pictures")]
    kept = [one for one in templates[0]["Resources"].values() if one["Type"] == "AWS::S3::Bucket"]
    assert {one["DeletionPolicy"] for one in kept} == {"Retain"}


def _buckets(context: dict[str, str]) -> list[Any]:
    """The bucket names of a stack with the bucket only."""
    import aws_cdk as cdk

    from infra.app import FEATURE_FLAGS
    from infra.constructs.bucket import ImageBucket
    from infra.settings.schema import Storage as Settings

    app = cdk.App(context={**FEATURE_FLAGS, **context})
    ImageBucket(cdk.Stack(app, "Alone"), "pp", Settings(), cdk.RemovalPolicy.RETAIN, [])
    made = app.synth().get_stack_by_name("Alone").template
    return [one["BucketName"] for one in properties_of(made, "AWS::S3::Bucket")]


@pytest.mark.usefixtures("templates")
def test_where_kept_buckets_are_taken_over_their_names_are_written_out() -> None:
    """CloudFormation imports by static names only; they equal the computed ones."""
    computed = [name["Fn::Sub"] for name in _buckets({})]
    place = f"{ACCOUNT}-{REGION}"
    assert _buckets({"at": place}) == [name.replace("${AWS::AccountId}-${AWS::Region}", place) for name in computed]


def test_the_alarms_that_the_architecture_page_names_exist(templates: tuple[Any, Any]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"alarm `([A-Za-z]+)`", text))
    there = {one["AlarmName"].split("-")[-1] for one in properties_of(templates[1], "AWS::CloudWatch::Alarm")}
    assert len(named) > 6
    assert named <= there
