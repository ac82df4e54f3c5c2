"""The environment of each entry point as one value, validated once, with all faults reported together.

Every field is an environment variable: its name in capitals. Only entry points read the environment and pass it to
`load`. docs/reference/settings.md documents each variable.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from core.domain.errors import Code, Misconfigured
from core.domain.kafka_customer_rules import read_rules
from core.domain.model import Value
from core.domain.object_keys import PipelineName
from core.routing.job_definitions import DEFAULT_PREFIX
from core.routing.plan import Policy
from core.settings.parsing import must, parse

MetricsNamespace = Annotated[str, must("be 1 to 255 letters, digits or . _ / # : -", r"^[A-Za-z0-9._/#:-]{1,255}\Z")]
Bucket = Annotated[str, must("be a bucket's name, not a URL or ARN", r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")]
Url = Annotated[str, must("begin with https:// or http://", "^https?://")]
#: Its origin becomes part of the page's Content-Security-Policy, so it must not contain the end of a directive.
LoginUrl = Annotated[
    str,
    must(
        "be a URL, https://…", r"^https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?([/?#][^\s\x00-\x1f\x7f]*)?\Z"
    ),
]
_Pipeline = Annotated[PipelineName, Meta(extra={"must": "be a pipeline's name"})]

_REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
#: Far above any sensible value: they exclude infinity and overflows.
_MOST_MEGAPIXELS, _YEAR_HOURS = 1_000_000, 8760
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class DatabaseAuth(StrEnum):
    """The authentication of a connection to the database."""

    URL = "url"
    IAM = "iam"


class WorkerSettings(Value, frozen=True, kw_only=True):
    """Settings of the worker, with or without a cloud."""

    #: The company's own functions, `package.module:function`, separated by spaces. Each becomes an operation.
    operations: str = ""
    #: Path of a folder of pipeline files; if empty, the shipped pipelines.
    pipelines: str = ""
    #: Largest image in megapixels, all decoded frames together; a larger one is refused before a pixel is decoded.
    max_megapixels: Annotated[float, Meta(gt=0, le=_MOST_MEGAPIXELS)] = 250.0
    #: Largest source file in bytes; a larger one is refused before it is downloaded.
    max_bytes: Annotated[int, Meta(gt=0, le=50 * 1024**4)] = 5 * 1024**3
    #: Memory of the container in MB. Unset: Lambda's AWS_LAMBDA_FUNCTION_MEMORY_SIZE.
    memory_mb: Annotated[int, Meta(ge=512, le=2**20)] = 2048
    #: Number of OpenCV's threads; 0: one per CPU.
    threads: Annotated[int, Meta(ge=0, le=64)] = 0
    #: Path of a cost table by `pictureperfect calibrate`; if empty, the shipped table of this architecture.
    costs: str = ""
    #: Path of a writable folder for temporary files of images.
    work_dir: str = "/tmp"  # noqa: S108 - the only folder that a Lambda function may write to
    #: Seconds that one image may take, unless the Lambda function times out sooner.
    timeout_seconds: Annotated[float, Meta(gt=0, le=14 * 86_400)] = 14_400.0


class ProcessSettings(WorkerSettings, frozen=True, kw_only=True):
    """Settings of the entry points that process images: `handler.process` and `batch`."""

    #: Name of the home bucket.
    bucket: Bucket
    #: URL of the SQS queue from which `handler.record` reads results and tombstones.
    records_queue_url: Url
    #: First part of the URLs in results. It must be https, except on localhost.
    public_base_url: Url
    #: Prefixes, `s3://bucket/…/{customer}/…`, separated by spaces, under which customers may refer to images outside
    #: their own part of the home bucket. `{customer}` keeps each customer to a prefix of their own.
    references: str = ""
    #: CloudWatch namespace of the metrics.
    metrics_namespace: MetricsNamespace = "PicturePerfect"
    #: Number of images of a batch that are processed at once, each with an equal share of the memory; 0: one per CPU.
    workers: Annotated[int, Meta(ge=0, le=64)] = 0
    #: Megapixels; larger images go to Batch and smaller ones stay, whatever the estimate. 0: the estimate routes.
    lambda_max_megapixels: Annotated[float, Meta(ge=0, le=_MOST_MEGAPIXELS)] = 0.0
    #: Route of an image that fits both: `latency` takes Lambda, `cost` the cheaper one.
    policy: Policy = Policy.LATENCY
    #: URL of the SQS queue for images that need more memory or time than they have here. Kafka requires it.
    overflow_queue_url: Url = ""
    #: Rules, separated by spaces, for the customer of a Kafka record: a rule `topic:` wins over a header `customer-id`,
    #: `key` counts without either. Of several matching rules the first counts.
    kafka_customers: str = ""
    #: Pipeline of a Kafka record without a header `pipeline`; if empty, such a record is refused.
    kafka_pipeline: _Pipeline = ""
    #: Whether the FunctionResponseTypes of Kafka's event source mapping contain ReportBatchItemFailures.
    report_batch_item_failures: bool = False


class DispatchSettings(Value, frozen=True, kw_only=True):
    """Settings of `handler.dispatch`."""

    bucket: Bucket
    records_queue_url: Url
    metrics_namespace: MetricsNamespace = "PicturePerfect"
    references: str = ""
    kafka_customers: str = ""
    kafka_pipeline: _Pipeline = ""
    #: Name or ARN of the Batch job queue.
    batch_queue: str
    #: First part of the job definitions' names; a dash and the tier follow.
    batch_definitions: Annotated[
        str, must("be 1 to 100 letters, digits, - or _", r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
    ] = DEFAULT_PREFIX
    #: Jobs that one instance of the function may submit per second. AWS allows an account 50.
    submits_per_second: Annotated[float, Meta(gt=0, le=50)] = 5.0
    #: Hours that the messages of a broken deployment wait for its repair before they go to Batch like all others.
    hold_hours: Annotated[float, Meta(ge=0, le=_YEAR_HOURS)] = 24.0


class ReconcileSettings(Value, frozen=True, kw_only=True):
    """Settings of the reconciler, a part of `handler.admin`."""

    bucket: Bucket
    metrics_namespace: MetricsNamespace = "PicturePerfect"
    #: Hours after which a source without a result is handed over again, and between two such hand-overs.
    reconcile_after_hours: Annotated[float, Meta(gt=0, le=_YEAR_HOURS)] = 12.0
    #: Number of such hand-overs before the image ends `failed` with the code `abandoned`.
    reconcile_times: Annotated[int, Meta(ge=1, le=100)] = 3


class DatabaseSettings(Value, frozen=True, kw_only=True):
    """Settings of the connection to PostgreSQL."""

    #: PostgreSQL connection URI, postgresql://…
    database_url: Annotated[str, must("be a PostgreSQL URI, postgresql://…", "^postgres(ql)?://")]
    #: Authentication: `url` takes the URI's password, `iam` a token of Amazon RDS or Aurora.
    database_auth: DatabaseAuth = DatabaseAuth.URL
    #: Seconds to wait for a connection; a paused Aurora Serverless v2 needs some to resume.
    database_connect_seconds: Annotated[int, Meta(ge=2, le=600)] = 60


class MigrateSettings(DatabaseSettings, frozen=True, kw_only=True):
    """Settings of the migrations, a part of `handler.admin`."""

    #: Days after which the bucket's lifecycle deletes renditions, which the ledger shows; 0: it deletes none.
    retention_days: Annotated[int, Meta(ge=0, le=3650)] = 0


class RecordSettings(DatabaseSettings, frozen=True, kw_only=True):
    """Settings of `handler.record`."""

    bucket: Bucket


class WebSettings(DatabaseSettings, frozen=True, kw_only=True):
    """Settings of `handler.web`: the page and its API."""

    bucket: Bucket
    #: Path of a folder of pipeline files, the same as for `handler.process`; if empty, the shipped pipelines.
    pipelines: str = ""
    #: Claim of the JWT that holds the user's customer.
    customer_claim: Annotated[str, Meta(min_length=1, max_length=128)] = "custom:customer"
    #: OAuth 2.0 client of the login; the page uses the code flow with PKCE.
    login_client_id: str = ""
    login_authorize_url: LoginUrl = ""
    login_token_url: LoginUrl = ""
    login_logout_url: LoginUrl = ""


SettingsT = TypeVar("SettingsT", bound=Value)


def load(kind: type[SettingsT], environ: Mapping[str, str]) -> SettingsT:
    """The settings of the class `kind` from the environment variables `environ`.

    Raises Misconfigured(INVALID_SETTINGS) that names every variable that is missing or wrong. It never contains a
    value, which may be a secret.
    """
    values, faults = {}, []
    for field in msgspec.structs.fields(kind):
        variable = field.name.upper()
        text = environ.get(variable, "")
        if not text and variable == "MEMORY_MB":
            text = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        if not text:
            if field.required:
                faults.append(f"{variable} is missing")
            continue
        try:
            values[field.name] = parse(text, field.type)
        except ValueError as error:
            faults.append(f"{variable} is wrong: it {error}")
    faults += _faults_beyond_types(values)
    if faults:
        raise Misconfigured(Code.INVALID_SETTINGS, "; ".join(faults))
    return kind(**values)


def _faults_beyond_types(values: Mapping[str, object]) -> list[str]:
    faults = []
    try:
        url = urlsplit(str(values.get("public_base_url", "https://")))
    except ValueError as error:
        faults.append(f"PUBLIC_BASE_URL is wrong: {error}")
    else:
        if url.scheme != "https" and url.hostname not in _LOOPBACK:
            faults.append("PUBLIC_BASE_URL is wrong: it must be https")
    # Only a folder that was set is checked: the default /tmp exists
    if "work_dir" in values and not _is_writable(Path(str(values["work_dir"]))):
        faults.append("WORK_DIR is wrong: it must be an existing folder with permission to write")
    faults.extend(
        f"REFERENCES is wrong: {prefix!r} must be s3://bucket/…/{{customer}}/…"
        for prefix in str(values.get("references", "")).split()
        if not prefix.startswith("s3://") or "/{customer}/" not in prefix
    )
    faults.extend(
        f"OPERATIONS is wrong: {reference!r} must be package.module:function"
        for reference in str(values.get("operations", "")).split()
        if not _REFERENCE.fullmatch(reference)
    )
    try:
        read_rules(str(values.get("kafka_customers", "")))
    except ValueError as error:
        faults.append(f"KAFKA_CUSTOMERS is wrong: {error}")
    return faults


def _is_writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
