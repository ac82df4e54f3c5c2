"""The lines of a month's bill in which no image is sent, from the synthesized template and the price file."""

from collections.abc import Callable, Sequence
from math import ceil

import msgspec

from core.routing import prices as work_prices
from infra.idle_costs.prices import Prices
from infra.idle_costs.template import Template, count_alarm_metrics, event_source_mappings, properties_of

# Assumptions about a month without an image
_RECONCILER_SECONDS = 3.0  # a cold start, and one list of an empty prefix
_RECONCILER_LOG_BYTES = 2_000
_RECONCILER_METRICS = 1  # `Reconciled` without a dimension; by outcome it is sent only if it is not 0
_IMAGE_GB, _IMAGES = 0.3, 4  # compressed, as ECR bills it; each deployment of another image adds one
_DATABASE_GB = 1.0
_BUCKET_GB = 10.0  # of earlier months, until the retention is over
#: Lambda reads a queue by five long polls, which last 20 seconds while the queue is empty.
#: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_POLLS_PER_HOUR = 5 * 3600 / 20


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars a month for one item. `usd_without_free`: if other uses exhaust the account's free allowances."""

    item: str
    usd: float
    usd_without_free: float
    reason: str


def without_allowance(item: str, usd: float, reason: str) -> Line:
    """A line for which there is no free allowance."""
    return Line(item=item, usd=usd, usd_without_free=usd, reason=reason)


def price_template(template: Template, prices: Prices) -> list[Line]:
    """The lines of the stack of `template`."""
    return [line for price in _LINES for line in [price(template, prices)] if line]


def total_usd(lines: Sequence[Line]) -> tuple[float, float]:
    """The sums of `usd` and of `usd_without_free`."""
    return sum(line.usd for line in lines), sum(line.usd_without_free for line in lines)


def count_of(count: int, noun: str) -> str:
    """The count with its noun, in the plural unless it is 1."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _alarms(template: Template, prices: Prices) -> Line:
    metrics, alarms = count_alarm_metrics(template), len(properties_of(template, "AWS::CloudWatch::Alarm"))
    return Line(
        item=f"{alarms} alarms on {metrics} metrics",
        usd=max(0, metrics - prices.free_alarms) * prices.alarm,
        usd_without_free=metrics * prices.alarm,
        reason=f"${prices.alarm:.2f} for each metric of an alarm; the first {prices.free_alarms} of an account are "
        f"free",
    )


def _dashboards(template: Template, prices: Prices) -> Line:
    count = len(properties_of(template, "AWS::CloudWatch::Dashboard"))
    return Line(
        item=count_of(count, "CloudWatch dashboard"),
        usd=max(0, count - prices.free_dashboards) * prices.dashboard,
        usd_without_free=count * prices.dashboard,
        reason=f"${prices.dashboard:.2f} each; the first {prices.free_dashboards} of an account are free",
    )


def _secrets(template: Template, prices: Prices) -> Line | None:
    count = len(properties_of(template, "AWS::SecretsManager::Secret"))
    if not count:
        return None
    reason = "the first password of the database, in Secrets Manager"
    return without_allowance(count_of(count, "secret"), count * prices.secret, reason)


def _queue_polls(template: Template, prices: Prices) -> Line:
    mappings = len(event_source_mappings(template, "sqs"))
    requests = mappings * _POLLS_PER_HOUR * prices.hours
    return Line(
        item=f"polls of {count_of(mappings, 'queue')} by Lambda",
        usd=max(0.0, requests - prices.free_sqs_requests) * prices.sqs_request,
        usd_without_free=requests * prices.sqs_request,
        reason=f"{requests / 1e6:.2f} million empty responses of SQS; the first million are free",
    )


def _reconciler(template: Template, prices: Prices) -> Line:
    schedules = sum("ScheduleExpression" in rule for rule in properties_of(template, "AWS::Events::Rule"))
    memory_mb = next(
        function["MemorySize"]
        for function in properties_of(template, "AWS::Lambda::Function")
        if function["Description"].startswith("handler.admin.")
    )
    runs, work = schedules * prices.hours, work_prices.load()
    gb_seconds = runs * _RECONCILER_SECONDS * memory_mb / 1024
    function = work.functions["x86_64"]
    requests = runs * (work.s3.put + work.s3.get) + runs * _RECONCILER_LOG_BYTES / 1e9 * prices.log_gb
    return Line(
        item="the reconciler, every hour",
        usd=max(0.0, gb_seconds - prices.free_gb_seconds) * function.gb_second + requests,
        usd_without_free=gb_seconds * function.gb_second + runs * function.request + requests,
        reason=f"{runs:.0f} runs of {_RECONCILER_SECONDS:.0f} s at {memory_mb} MB, each with a list and a read of S3; "
        "Aurora stays paused",
    )


def _reconciler_metric(_template: Template, prices: Prices) -> Line:
    return Line(
        item="the metric `Reconciled`",
        usd=max(0, _RECONCILER_METRICS - prices.free_metrics) * prices.metric,
        usd_without_free=_RECONCILER_METRICS * prices.metric,
        reason=f"sent every hour, 0 too; ${prices.metric:.2f} a metric, and the first {prices.free_metrics} of an "
        "account are free",
    )


def _ecr_images(_template: Template, prices: Prices) -> Line:
    usd = _IMAGE_GB * _IMAGES * prices.ecr_gb_month
    reason = f"assumed: {_IMAGES} versions of {_IMAGE_GB} GB, ${prices.ecr_gb_month:.2f} a GB"
    return without_allowance("images in ECR", usd, reason)


def _database(template: Template, prices: Prices) -> Line | None:
    clusters = len(properties_of(template, "AWS::RDS::DBCluster"))
    if not clusters:
        return None
    return without_allowance(
        "Aurora: storage and backups",
        clusters * _DATABASE_GB * prices.aurora_gb_month,
        f"assumed: {_DATABASE_GB:.0f} GB, ${prices.aurora_gb_month:.2f} a GB; backups up to the database's size are "
        f"free, then ${prices.aurora_backup_gb_month} a GB. A paused Aurora bills no capacity",
    )


def _buckets(template: Template, _prices: Prices) -> Line:
    gb_month = work_prices.load().s3.gb_month
    count = len(properties_of(template, "AWS::S3::Bucket"))
    reason = f"assumed: {_BUCKET_GB:.0f} GB of earlier months, ${gb_month} a GB"
    return without_allowance(count_of(count, "bucket"), _BUCKET_GB * gb_month, reason)


def price_endpoints(template: Template, prices: Prices) -> Line | None:
    """Interface endpoints, billed by the hour in each subnet; None if there are none."""
    endpoints = properties_of(template, "AWS::EC2::VPCEndpoint")
    subnets = [len(item["SubnetIds"]) for item in endpoints if item.get("VpcEndpointType") == "Interface"]
    if not subnets:
        return None
    return without_allowance(
        f"{count_of(len(subnets), 'interface endpoint')}, `kafka.endpoints`",
        sum(subnets) * prices.interface_endpoint_hour * prices.hours,
        f"${prices.interface_endpoint_hour} an hour in each of {sum(subnets) // len(subnets)} subnets; needed for "
        f"private "
        "brokers in a VPC without NAT only",
    )


def price_pollers(template: Template, prices: Prices) -> Line | None:
    """Event pollers of Kafka's provisioned mode, billed by the hour; None if there are none."""
    pollers = [
        mapping["ProvisionedPollerConfig"]["MinimumPollers"]
        for mapping in event_source_mappings(template, "kafka")
        if "ProvisionedPollerConfig" in mapping
    ]
    if not pollers:
        return None
    units = sum(ceil(minimum / prices.pollers_of_a_unit) for minimum in pollers)
    return without_allowance(
        count_of(units, "event poller unit") + ', `kafka.mode = "provisioned"`',
        units * prices.event_poller_unit_hour * prices.hours,
        f"${prices.event_poller_unit_hour} an hour for each topic, up to {prices.pollers_of_a_unit} pollers",
    )


_LINES: tuple[Callable[[Template, Prices], Line | None], ...] = (
    _alarms,
    _dashboards,
    _secrets,
    _queue_polls,
    _reconciler,
    _reconciler_metric,
    _ecr_images,
    _database,
    _buckets,
    price_endpoints,
    price_pollers,
)
