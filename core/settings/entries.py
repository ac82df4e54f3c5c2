"""The environment as one value, validated once, all faults reported at once.

Every field is one environment variable: its name in capitals. Only entry points read the environment and hand
it in here. docs/reference/settings.md explains each one.
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
from core.routing.plan import Policy
from core.settings.parsing import must, read

MetricsNamespace = Annotated[str, must("be 1 to 255 letters, digits or . _ / # : -", r"^[A-Za-z0-9._/#:-]{1,255}\Z")]
Bucket = Annotated[str, must("be a bucket's name, not a URL or ARN", r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")]
Url = Annotated[str, must("begin with https:// or http://", "^https?://")]
#: Its origin is part of the page's Content-Security-Policy: nothing may end a rule there.
LoginUrl = Annotated[
    str,
    must(
        "be a URL, https://…", r"^https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?([/?#][^\s\x00-\x1f\x7f]*)?\Z"
    ),
]
_Pipeline = Annotated[PipelineName, Meta(extra={"must": "be a pipeline's name"})]

_REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
#: Far above all that is sensible: infinity is none, and no sum of theirs overflows.
_MOST_MEGAPIXELS, _YEAR_HOURS = 1_000_000, 8760
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class DatabaseAuth(StrEnum):
    """How the database knows who connects."""

    URL = "url"
    IAM = "iam"


class WorkerSettings(Value, frozen=True, kw_only=True):
    """What it takes to run pipelines, with or without a cloud around it."""

    #: The company's own functions, `package.module:function`, separated by spaces. Each is an operation by its name.
    operations: str = ""
    #: A folder of pipeline files; the shipped ones when empty.
    pipelines: str = ""
    #: Images of more megapixels, all frames together, are refused before a pixel is decoded.
    max_megapixels: Annotated[float, Meta(gt=0, le=_MOST_MEGAPIXELS)] = 250.0
    #: Sources of more bytes are refused before they are downloaded.
    max_bytes: Annotated[int, Meta(gt=0, le=50 * 1024**4)] = 5 * 1024**3
    #: Memory of the container in MB; Lambda says its own as AWS_LAMBDA_FUNCTION_MEMORY_SIZE.
    memory_mb: Annotated[int, Meta(ge=512, le=2**20)] = 2048
    #: Threads OpenCV may use; 0 means one for each CPU.
    threads: Annotated[int, Meta(ge=0, le=64)] = 0
    #: A table of costs, as `pictureperfect calibrate` writes it; the shipped one of this architecture when empty.
    costs: str = ""
    #: Scratch space for the images being worked on.
    work_dir: str = "/tmp"  # noqa: S108 - the only folder that Lambda lets a function write to
    #: The longest that one image may take, in seconds, where no Lambda deadline is nearer.
    timeout_seconds: Annotated[float, Meta(gt=0, le=14 * 86_400)] = 14_400.0


class ProcessingSettings(WorkerSettings, frozen=True, kw_only=True):
    """What the entries that touch images need: `handler.process` and `batch`."""

    #: The home bucket, by name.
    bucket: Bucket
    #: The SQS queue that tells the recorder of results and tombstones.
    records_queue_url: Url
    #: What stored URLs begin with; https, except on this machine itself.
    public_base_url: Url
    #: Where customers may refer to besides their own place in the home bucket: s3:// prefixes, separated by
    #: spaces, each with `{customer}` in it, so that one customer's prefix never holds another's images.
    references: str = ""
    #: The CloudWatch namespace of the metrics.
    metrics_namespace: MetricsNamespace = "PicturePerfect"
    #: How many images of a batch are worked on at once, each with its share of the memory; 0 means one for each CPU.
    workers: Annotated[int, Meta(ge=0, le=64)] = 0
    #: Images of more megapixels go to Batch, those of fewer stay, whatever the estimate says; 0: the estimate decides.
    lambda_max_megapixels: Annotated[float, Meta(ge=0, le=_MOST_MEGAPIXELS)] = 0.0
    #: What decides where the estimate leaves a choice: `latency`, the function; or `cost`, what is cheaper.
    policy: Policy = Policy.LATENCY
    #: The SQS queue that takes what needs more memory or time than its share of a batch. Kafka needs one.
    overflow_queue_url: Url = ""
    #: Whose a record of Kafka is that has no header `customer-id`: rules, separated by spaces, tried in order.
    kafka_customers: str = ""
    #: The pipeline of a record of Kafka that has no header `pipeline`; without one, such a record is refused.
    kafka_pipeline: _Pipeline = ""
    #: Whether Kafka's event source mapping has ReportBatchItemFailures among its FunctionResponseTypes.
    report_batch_item_failures: bool = False


class DispatchSettings(Value, frozen=True, kw_only=True):
    """What the dispatcher needs."""

    bucket: Bucket
    records_queue_url: Url
    metrics_namespace: MetricsNamespace = "PicturePerfect"
    references: str = ""
    kafka_customers: str = ""
    kafka_pipeline: _Pipeline = ""
    #: The Batch job queue, by name or ARN.
    batch_queue: str
    #: What the job definitions' names begin with; a dash and the tier follow.
    batch_definitions: Annotated[
        str, must("be 1 to 100 letters, digits, - or _", r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
    ] = "picture-perfect"
    #: How often one instance of the function may submit, in a second; all of them together 50 times.
    submits_per_second: Annotated[float, Meta(gt=0, le=50)] = 5.0
    #: How long messages of a bad deployment wait for someone to mend it, before they go to Batch as all others do.
    hold_hours: Annotated[float, Meta(ge=0, le=_YEAR_HOURS)] = 24.0


class ReconcilingSettings(Value, frozen=True, kw_only=True):
    """What the reconciler needs."""

    bucket: Bucket
    metrics_namespace: MetricsNamespace = "PicturePerfect"
    #: How long a source may wait without a result before it is taken up again, and between two times.
    reconcile_after_hours: Annotated[float, Meta(gt=0, le=_YEAR_HOURS)] = 12.0
    #: How often it is taken up before it ends `failed: abandoned`.
    reconcile_times: Annotated[int, Meta(ge=1, le=100)] = 3


class DatabaseSettings(Value, frozen=True, kw_only=True):
    """What it takes to reach the database."""

    #: A PostgreSQL connection URI; postgresql://…
    database_url: Annotated[str, must("be a PostgreSQL URI, postgresql://…", "^postgres(ql)?://")]
    #: How its user proves who it is: `url`, as the URI says; or `iam`, by a token of Amazon RDS or Aurora.
    database_auth: DatabaseAuth = DatabaseAuth.URL
    #: How long a connection may take to be made: Aurora Serverless v2 may have to be woken first.
    database_connect_seconds: Annotated[int, Meta(ge=2, le=600)] = 60


class MigratingSettings(DatabaseSettings, frozen=True, kw_only=True):
    """What the migrations need."""

    #: After how many days the bucket's lifecycle removes what is processed, for the ledger to say; 0: it does not.
    retention_days: Annotated[int, Meta(ge=0, le=3650)] = 0


class RecordingSettings(DatabaseSettings, frozen=True, kw_only=True):
    """What the recorder, inside the database's network, needs."""

    bucket: Bucket


class WebSettings(DatabaseSettings, frozen=True, kw_only=True):
    """What the page and its API, inside the database's network, need."""

    bucket: Bucket
    #: A folder of pipeline files, as `process` has it; the shipped ones when empty.
    pipelines: str = ""
    #: The claim of the token that says which customer somebody is of.
    customer_claim: Annotated[str, Meta(min_length=1, max_length=128)] = "custom:customer"
    #: What the page must know to send somebody to the login: the OAuth 2.0 client, and three addresses.
    login_client_id: str = ""
    login_authorize_url: LoginUrl = ""
    login_token_url: LoginUrl = ""
    login_logout_url: LoginUrl = ""


SettingsT = TypeVar("SettingsT", bound=Value)


def load(kind: type[SettingsT], environ: Mapping[str, str]) -> SettingsT:
    """Read the settings of one entry point.

    Raises Misconfigured(INVALID_SETTINGS) that names every variable that is missing or wrong, and never its
    value: it may be a secret.
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
            values[field.name] = read(text, field.type)
        except ValueError as error:
            faults.append(f"{variable} is wrong: it {error}")
    faults += _beyond_types(values)
    if faults:
        raise Misconfigured(Code.INVALID_SETTINGS, "; ".join(faults))
    return kind(**values)


def _beyond_types(values: Mapping[str, object]) -> list[str]:
    faults = []
    try:
        url = urlsplit(str(values.get("public_base_url", "https://")))
    except ValueError as error:
        faults.append(f"PUBLIC_BASE_URL is wrong: {error}")
    else:
        if url.scheme != "https" and url.hostname not in _LOOPBACK:
            faults.append("PUBLIC_BASE_URL is wrong: it must be https")
    # The default is there, on Lambda as elsewhere
    if "work_dir" in values and not _is_writable(Path(str(values["work_dir"]))):
        faults.append("WORK_DIR is wrong: it must be a folder that is there and may be written to")
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
