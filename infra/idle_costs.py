"""What a month costs in which no image comes, line by line, from the synthesized template and a dated price file.

`tools.docs.idle_costs` makes docs/reference/idle-costs.md of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import msgspec

from core.routing import prices as work_prices

_FILE = Path(__file__).parent / "idle_prices.json"

#: What is taken for granted of a month without an image.
_RECONCILER_SECONDS = 3.0  # a start from cold, and one look at an empty list
_RECONCILER_LOG_BYTES = 2_000
_RECONCILER_METRICS = 1  # its sum; by outcome it tells only what there was
_IMAGE_GB, _IMAGES = 0.3, 4  # as ECR bills it, compressed; each deployment of another image leaves one
_DATABASE_GB = 1.0
_PICTURES_GB = 10.0  # what earlier months left, until the retention is over
#: Lambda asks each queue by five long polls, of 20 seconds while it is empty.
_POLLS_AN_HOUR = 5 * 3600 / 20
_LEAST_ACU = 0.5  # of an Aurora that is awake
_DASHBOARD_METRICS = 20

#: Types that cost nothing while nothing happens: what they do is billed, or nothing ever.
FREE = frozenset({
    "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::Batch::ComputeEnvironment",
    "AWS::Batch::JobDefinition", "AWS::Batch::JobQueue", "AWS::Budgets::Budget", "AWS::CloudFront::Distribution",
    "AWS::CloudFront::OriginAccessControl", "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain", "AWS::EC2::InternetGateway", "AWS::EC2::Route", "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCGatewayAttachment", "AWS::Events::Rule",
    "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Function",
    "AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::RDS::DBClusterParameterGroup", "AWS::RDS::DBSubnetGroup",
    "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy", "AWS::SecretsManager::SecretTargetAttachment",
})  # fmt: skip
#: Types that have a line below.
PRICED = frozenset({
    "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::EC2::VPCEndpoint", "AWS::Lambda::EventSourceMapping",
    "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::SecretsManager::Secret",
})  # fmt: skip
Template = Mapping[str, Any]


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars, on demand; `free_…` is what every account has each month, for ever."""

    region: str
    date: str
    sources: tuple[str, ...]
    hours: float
    alarm: float
    free_alarms: int
    dashboard: float
    free_dashboards: int
    metric: float
    free_metrics: int
    metric_read: float
    log_gb: float
    log_gb_month: float
    secret: float
    sqs_request: float
    free_sqs_requests: float
    free_gb_seconds: float
    ecr_gb_month: float
    aurora_acu_hour: float
    aurora_gb_month: float
    aurora_backup_gb_month: float
    interface_endpoint_hour: float
    event_poller_unit_hour: float
    pollers_of_a_unit: int
    active_user: float
    free_active_users: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a month's bill: `usd` in an account of its own, `used_up` where others use its free allowances."""

    what: str
    usd: float
    used_up: float
    why: str


def load() -> Prices:
    """The file that comes with this release."""
    return msgspec.json.decode(_FILE.read_bytes(), type=Prices)


def lines(template: Template, price: Prices) -> list[Line]:
    """What that stack costs while no image comes."""
    return [line for made in _LINES for line in [made(template, price)] if line]


def total(found: Sequence[Line]) -> tuple[float, float]:
    """Dollars, in an account of its own, and where its free allowances are used up."""
    return sum(line.usd for line in found), sum(line.used_up for line in found)


def hourly(template: Template) -> list[str]:
    """What is billed by the hour though nothing happens, by the names that the template has for it."""
    return [name for name, resource in template["Resources"].items() if _by_the_hour(resource, template)]


def unknown(template: Template) -> set[str]:
    """Types of which nobody has said what they cost."""
    return {resource["Type"] for resource in template["Resources"].values()} - FREE - PRICED


def _of(template: Template, kind: str) -> list[dict[str, Any]]:
    found = template["Resources"].values()
    return [resource.get("Properties", {}) for resource in found if resource["Type"] == kind]


def _by_the_hour(resource: Mapping[str, Any], template: Template) -> bool:
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::EC2::VPCEndpoint":
            return bool(properties.get("VpcEndpointType", "Gateway") != "Gateway")
        case "AWS::Lambda::EventSourceMapping":
            return "ProvisionedPollerConfig" in properties
        case "AWS::RDS::DBInstance":
            return properties.get("DBInstanceClass") != "db.serverless" or not _sleeps(template)
        case "AWS::Batch::ComputeEnvironment":
            resources = properties.get("ComputeResources", {})
            return resources.get("Type") not in {"FARGATE", "FARGATE_SPOT"}
        case kind:
            return kind not in FREE | PRICED


def _sleeps(template: Template) -> bool:
    scalings = [one.get("ServerlessV2ScalingConfiguration", {}) for one in _of(template, "AWS::RDS::DBCluster")]
    return all(one.get("MinCapacity") == 0 and "SecondsUntilAutoPause" in one for one in scalings)


def _mappings(template: Template, of: str) -> list[dict[str, Any]]:
    """Event source mappings that read `sqs`, or `kafka`."""
    found = _of(template, "AWS::Lambda::EventSourceMapping")
    return [one for one in found if ("Topics" in one) == (of == "kafka")]


def _alarms(template: Template, price: Prices) -> Line:
    count = _alarmed(template)
    beyond = max(0, count - price.free_alarms)
    return Line(
        what=f"{count} alarms",
        usd=beyond * price.alarm,
        used_up=count * price.alarm,
        why=f"${price.alarm:.2f} each; the first {price.free_alarms} of an account are free",
    )


def _alarmed(template: Template) -> int:
    """Metrics that alarms look at: an alarm on a sum of three is billed as three."""
    alarms = _of(template, "AWS::CloudWatch::Alarm")
    return sum(max(1, sum("MetricStat" in query for query in one.get("Metrics", []))) for one in alarms)


def _dashboards(template: Template, price: Prices) -> Line:
    count = len(_of(template, "AWS::CloudWatch::Dashboard"))
    return Line(
        what=f"{_count(count, 'dashboard')} of CloudWatch",
        usd=max(0, count - price.free_dashboards) * price.dashboard,
        used_up=count * price.dashboard,
        why=f"${price.dashboard:.2f} each; the first {price.free_dashboards} are free",
    )


def _secrets(template: Template, price: Prices) -> Line | None:
    count = len(_of(template, "AWS::SecretsManager::Secret"))
    if not count:
        return None
    usd = count * price.secret
    return Line(
        what=_count(count, "secret"), usd=usd, used_up=usd, why="the database's first password, in Secrets Manager"
    )


def _polls(template: Template, price: Prices) -> Line:
    mappings = len(_mappings(template, "sqs"))
    requests = mappings * _POLLS_AN_HOUR * price.hours
    return Line(
        what=f"{mappings} queues that functions listen to",
        usd=max(0.0, requests - price.free_sqs_requests) * price.sqs_request,
        used_up=requests * price.sqs_request,
        why=f"{requests / 1e6:.2f} million empty answers of SQS; the first million are free",
    )


def _schedules(template: Template, price: Prices) -> Line:
    count = sum("ScheduleExpression" in one for one in _of(template, "AWS::Events::Rule"))
    admin = next(
        one for one in _of(template, "AWS::Lambda::Function") if one["Description"].startswith("handler.admin.")
    )
    runs, work = count * price.hours, work_prices.load()
    gb_seconds = runs * _RECONCILER_SECONDS * admin["MemorySize"] / 1024
    function = work.functions["x86_64"]
    looks = runs * (work.s3.put + work.s3.get) + runs * _RECONCILER_LOG_BYTES / 1e9 * price.log_gb
    return Line(
        what="the reconciler, every hour",
        usd=max(0.0, gb_seconds - price.free_gb_seconds) * function.gb_second + looks,
        used_up=gb_seconds * function.gb_second + runs * function.request + looks,
        why=f"{runs:.0f} runs of {_RECONCILER_SECONDS:.0f} s at {admin['MemorySize']} MB; a list and a read of S3 "
        "each. It does not wake the database",
    )


def _reconciled(_template: Template, price: Prices) -> Line:
    return Line(
        what="the metric by which it is seen to run",
        usd=max(0, _RECONCILER_METRICS - price.free_metrics) * price.metric,
        used_up=_RECONCILER_METRICS * price.metric,
        why=f"`Reconciled`, once an hour, is sent of nothing too; ${price.metric:.2f} a metric, and the first "
        f"{price.free_metrics} of an account are free",
    )


def _registry(_template: Template, price: Prices) -> Line:
    usd = _IMAGE_GB * _IMAGES * price.ecr_gb_month
    return Line(
        what="images in ECR",
        usd=usd,
        used_up=usd,
        why=f"{_IMAGES} versions of {_IMAGE_GB} GB are assumed, ${price.ecr_gb_month:.2f} a GB",
    )


def _database(template: Template, price: Prices) -> Line | None:
    clusters = len(_of(template, "AWS::RDS::DBCluster"))
    if not clusters:
        return None
    usd = clusters * _DATABASE_GB * price.aurora_gb_month
    return Line(
        what="Aurora: storage and backups",
        usd=usd,
        used_up=usd,
        why=f"{_DATABASE_GB:.0f} GB is assumed, ${price.aurora_gb_month:.2f} a GB; backups up to its size are free, "
        f"then ${price.aurora_backup_gb_month}. Asleep, it has no capacity to pay",
    )


def _pictures(template: Template, _price: Prices) -> Line:
    gb_month = work_prices.load().s3.gb_month
    usd = _PICTURES_GB * gb_month
    return Line(
        what=f"{len(_of(template, 'AWS::S3::Bucket'))} buckets",
        usd=usd,
        used_up=usd,
        why=f"{_PICTURES_GB:.0f} GB that earlier months left are assumed, ${gb_month} a GB",
    )


def _endpoints(template: Template, price: Prices) -> Line | None:
    found = [one for one in _of(template, "AWS::EC2::VPCEndpoint") if one.get("VpcEndpointType") == "Interface"]
    zones = sum(len(one["SubnetIds"]) for one in found)
    usd = zones * price.interface_endpoint_hour * price.hours
    if not usd:
        return None
    return Line(
        what=f"{len(found)} interface endpoints, `kafka.endpoints`",
        usd=usd,
        used_up=usd,
        why=f"${price.interface_endpoint_hour} an hour in each of {zones // len(found)} subnets; only private brokers "
        "whose VPC has no way out need them",
    )


def _pollers(template: Template, price: Prices) -> Line | None:
    found = [
        one["ProvisionedPollerConfig"]["MinimumPollers"]
        for one in _mappings(template, "kafka")
        if "ProvisionedPollerConfig" in one
    ]
    units = sum(ceil(pollers / price.pollers_of_a_unit) for pollers in found)
    usd = units * price.event_poller_unit_hour * price.hours
    if not usd:
        return None
    return Line(
        what=_count(units, "event poller unit") + ', `kafka.mode = "provisioned"`',
        usd=usd,
        used_up=usd,
        why=f"${price.event_poller_unit_hour} an hour for each topic, up to {price.pollers_of_a_unit} pollers",
    )


_LINES: tuple[Callable[[Template, Prices], Line | None], ...] = (
    _alarms,
    _dashboards,
    _secrets,
    _polls,
    _schedules,
    _reconciled,
    _registry,
    _database,
    _pictures,
    _endpoints,
    _pollers,
)


def optional(default: Template, full: Template, price: Prices) -> Iterator[Line]:
    """What parts cost that the default has not. `full` is the template with all of them that are resources."""
    alarms = _alarmed(full) - _alarmed(default)
    topics = len(_mappings(full, "kafka"))
    usd = alarms * price.alarm
    yield Line(
        what=f"Kafka on demand, {_count(topics, 'topic')}",
        usd=usd,
        used_up=usd,
        why=f"the mapping costs nothing; {_count(alarms, 'alarm')} more. Brokers are the company's own",
    )
    yield from (line for made in (_endpoints, _pollers) for line in [made(full, price)] if line)
    distributions = len(_of(full, "AWS::CloudFront::Distribution"))
    yield Line(
        what=f"CloudFront, {_count(distributions, 'distribution')}, `storage.cloudfront`",
        usd=0.0,
        used_up=0.0,
        why="nothing while nobody looks; the first TB and 10 million requests a month are free",
    )
    awake = _LEAST_ACU * price.aurora_acu_hour * price.hours
    yield Line(
        what="Grafana, or anything else, that keeps Aurora awake",
        usd=awake,
        used_up=awake,
        why=f"{_LEAST_ACU} ACU at ${price.aurora_acu_hour} an hour, day and night: a panel that asks PostgreSQL more "
        "often than every `database.pause_after_minutes`",
    )
    reads = _DASHBOARD_METRICS * price.metric_read * 60 * price.hours
    yield Line(
        what="Grafana that reads CloudWatch",
        usd=reads,
        used_up=reads,
        why=f"{_DASHBOARD_METRICS} metrics every minute, day and night, at ${1000 * price.metric_read:.2f} a thousand; "
        "a dashboard that nobody has open reads nothing",
    )
    yield Line(
        what="each metric that images bring about",
        usd=price.metric,
        used_up=price.metric,
        why="for the hours of the month in which it was written; no other is in a month without an image",
    )
    yield Line(
        what=f"Cognito, each active user beyond {price.free_active_users:,}",
        usd=price.active_user,
        used_up=price.active_user,
        why="who does not log in costs nothing",
    )
    yield Line(
        what="logs, each GB kept",
        usd=price.log_gb_month,
        used_up=price.log_gb_month,
        why=f"and ${price.log_gb:.2f} when it is written; `functions.log_days` ends it",
    )


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
