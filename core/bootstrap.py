"""The composition root: the one place where settings become adapters.

Clients are made here once, when an entry point is loaded, and live as long as its process.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import cost_table, settings
from core.errors import Code, Misconfigured
from core.model import Route
from core.operations import OPERATIONS, Catalogue
from core.operations.company import Description, build
from core.pipeline import load_folder, shipped
from core.planning import MB_OF_A_VCPU, Limits
from core.ports import SCRATCH
from core.worker import SupervisedWorker
from core.worker_pool import WorkerPool

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.credentials import Credentials
    from botocore.session import Session
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from core.adapters.admin_function import FunctionReports
    from core.adapters.database import Database
    from core.adapters.postgres import PostgresLedger
    from core.adapters.s3 import S3Store
    from core.adapters.s3_links import S3Links
    from core.adapters.s3_multipart import S3Multiparts
    from core.adapters.sqs import SqsHandovers
    from core.dispatching import Dispatching
    from core.intake import Intake
    from core.reconciling import Reconciling
    from core.recording import Recording
    from core.reporting import Reporting
    from core.service import Processing
    from core.streaming import Streaming
    from core.web import Web

_PARENT_BYTES = 192 * 2**20  # what the parent holds at its peak: boto3's clients, an event of 6 MB, its answer
_SECRET = ("AWS_", "DATABASE_URL")  # what the process that touches customers' bytes has no use for


def processing(environ: Mapping[str, str], route: Route) -> "Processing":
    """The service of the entries that touch images."""
    values = settings.load(settings.ProcessingSettings, environ)
    if route is Route.LAMBDA:  # one image at a time: what lies there is of one that was killed at the time-out
        for stale in Path(values.work_dir).glob(f"{SCRATCH}*"):
            shutil.rmtree(stale, ignore_errors=True)
    own = _own(environ)  # the child loads OpenCV while this process loads its clients
    functions = values.operations.split()
    pool = WorkerPool(partial(_started, own, functions), _room(values), values.threads, values.workers)

    from core.adapters.emf import EmfMetrics  # noqa: PLC0415 - after the child was started
    from core.adapters.s3 import S3Store  # noqa: PLC0415
    from core.adapters.sqs import SqsAnnouncements, SqsHandovers  # noqa: PLC0415
    from core.service import Processing  # noqa: PLC0415

    return Processing(
        store=S3Store(_s3(), values.bucket),
        announcements=SqsAnnouncements(_sqs(), values.records_queue_url, values.bucket),
        metrics=EmfMetrics(sys.stdout, values.metrics_namespace),
        worker=pool,
        pipelines=load_folder(
            Path(values.pipelines) if values.pipelines else shipped(),
            _catalogue(pool.operations()) if functions else OPERATIONS,
        ),
        limits=Limits(
            max_megapixels=values.max_megapixels,
            max_bytes=values.max_bytes,
            lambda_max_megapixels=values.lambda_max_megapixels,
            policy=values.policy,
            max_seconds=values.timeout_seconds,
        ),
        estimate=cost_table.estimator(os.uname().machine, values.costs),
        references=tuple(values.references.split()),
        route=route,
        public_base_url=values.public_base_url,
        vcpus=values.memory_mb / MB_OF_A_VCPU if route is Route.LAMBDA else float(os.cpu_count() or 1),
        memory_mb=values.memory_mb,
        handovers=SqsHandovers(_sqs(), values.overflow_queue_url) if values.overflow_queue_url else None,
        work_dir=Path(values.work_dir),
        timeout_seconds=values.timeout_seconds,
    )


def streaming(environ: Mapping[str, str], service: "Processing") -> "Streaming | None":
    """The service of the Kafka door, on top of the other; None where there is no overflow queue."""
    from core.customers import read_rules  # noqa: PLC0415 - only what this entry needs is loaded
    from core.streaming import Streaming  # noqa: PLC0415

    values = settings.load(settings.ProcessingSettings, environ)
    if values.kafka_pipeline and values.kafka_pipeline not in service.pipelines:
        known = ", ".join(sorted(service.pipelines))
        raise Misconfigured(
            Code.INVALID_SETTINGS, f"KAFKA_PIPELINE is wrong: there is no such pipeline; there are {known}"
        )
    if not values.overflow_queue_url:
        return None
    return Streaming(
        processing=service,
        rules=read_rules(values.kafka_customers),
        pipeline=values.kafka_pipeline,
        partial=values.report_batch_item_failures,
    )


def handovers(environ: Mapping[str, str]) -> "SqsHandovers":
    """The overflow queue. Raises Misconfigured(INVALID_SETTINGS) where there is none."""
    from core.adapters.sqs import SqsHandovers  # noqa: PLC0415 - only what this entry needs is loaded

    url = settings.load(settings.ProcessingSettings, environ).overflow_queue_url
    if not url:
        raise Misconfigured(Code.INVALID_SETTINGS, "OVERFLOW_QUEUE_URL is missing")
    return SqsHandovers(_sqs(), url)


def dispatching(environ: Mapping[str, str]) -> "tuple[Dispatching, Intake]":
    """The services of the dispatcher: what submits, and what accepts the images of events that were given up on."""
    from core.adapters.batch import BatchJobs  # noqa: PLC0415 - only what this entry needs is loaded
    from core.adapters.emf import EmfMetrics  # noqa: PLC0415
    from core.adapters.s3 import S3Store  # noqa: PLC0415
    from core.adapters.sqs import SqsAnnouncements  # noqa: PLC0415
    from core.committing import Committing  # noqa: PLC0415
    from core.customers import read_rules  # noqa: PLC0415
    from core.dispatching import Dispatching  # noqa: PLC0415
    from core.intake import Intake  # noqa: PLC0415

    values = settings.load(settings.DispatchSettings, environ)
    committing = Committing(
        store=S3Store(_s3(), values.bucket), metrics=EmfMetrics(sys.stdout, values.metrics_namespace)
    )
    jobs = BatchJobs(_batch(), values.batch_queue, values.batch_definitions, values.submits_per_second)
    return Dispatching(committing=committing, jobs=jobs, hold=timedelta(hours=values.hold_hours)), Intake(
        committing=committing,
        announcements=SqsAnnouncements(_sqs(), values.records_queue_url, values.bucket),
        references=tuple(values.references.split()),
        rules=read_rules(values.kafka_customers),
        pipeline=values.kafka_pipeline,
    )


def reconciling(environ: Mapping[str, str]) -> "Reconciling":
    """The service that takes up what has waited for too long."""
    from core.adapters.emf import EmfMetrics  # noqa: PLC0415 - only what this entry needs is loaded
    from core.adapters.s3 import S3Store  # noqa: PLC0415
    from core.committing import Committing  # noqa: PLC0415
    from core.reconciling import Reconciling  # noqa: PLC0415

    values = settings.load(settings.ReconcilingSettings, environ)
    return Reconciling(
        committing=Committing(
            store=S3Store(_s3(), values.bucket), metrics=EmfMetrics(sys.stdout, values.metrics_namespace)
        ),
        patience=timedelta(hours=values.reconcile_after_hours),
        times=values.reconcile_times,
    )


def recording(environ: Mapping[str, str]) -> "Recording":
    """The service of the recorder."""
    from core.adapters.s3 import S3Store  # noqa: PLC0415 - only what this entry needs is loaded
    from core.recording import Recording  # noqa: PLC0415

    values = settings.load(settings.RecordingSettings, environ)
    return Recording(store=S3Store(_s3(), values.bucket), ledger=_ledger(values))


def web(environ: Mapping[str, str]) -> "Web":
    """The services of the page's API. No client is made until one is needed: most requests only read and sign."""
    from core.adapters.gallery_rows import GalleryRows  # noqa: PLC0415 - only what this entry needs is loaded
    from core.gallery import Gallery  # noqa: PLC0415
    from core.pipeline_summaries import read  # noqa: PLC0415
    from core.uploading import Uploading  # noqa: PLC0415
    from core.web import Web  # noqa: PLC0415

    values = settings.load(settings.WebSettings, environ)

    def multiparts() -> "S3Multiparts":
        from core.adapters.s3_multipart import S3Multiparts  # noqa: PLC0415 - botocore's parsers and a client

        return S3Multiparts(_s3(), values.bucket)

    links, rows, kept = (
        _links(values.bucket, environ),
        GalleryRows(_database(values)),
        cache(partial(store, values.bucket)),
    )
    pipelines = cache(partial(read, Path(values.pipelines) if values.pipelines else shipped()))
    return Web(
        settings=values,
        uploading=Uploading(store=kept, links=links, multiparts=cache(multiparts), rows=rows, pipelines=pipelines),
        gallery=Gallery(rows=rows, links=links, store=kept, bucket=values.bucket),
        pipelines=pipelines,
        csp_source=links.csp_source,
    )


def migrate(environ: Mapping[str, str]) -> list[str]:
    """Bring the database to this release's schema; returns the names of the migrations applied."""
    values = settings.load(settings.MigratingSettings, environ)
    with closing(_ledger(values)) as ledger:
        return ledger.migrate(values.retention_days or None)


def image_row(environ: Mapping[str, str], image_id: str) -> dict[str, Any] | None:
    """What the ledger has of one image, with its renditions, as JSON's plain values; None where it has none."""
    with closing(_ledger(settings.load(settings.DatabaseSettings, environ))) as ledger:
        return ledger.find(image_id)


@contextmanager
def reporting(environ: Mapping[str, str]) -> Iterator["Reporting"]:
    """The service that counts what is in the ledger."""
    from core.adapters.postgres_figures import PostgresFigures  # noqa: PLC0415 - only what this entry needs is loaded
    from core.reporting import Reporting  # noqa: PLC0415

    figures = PostgresFigures(_database(settings.load(settings.DatabaseSettings, environ)))
    with closing(figures):
        yield Reporting(figures=figures)


def function_reports(function: str) -> "FunctionReports":
    """The same, asked of the operator's function in AWS."""
    from core.adapters.admin_function import FunctionReports  # noqa: PLC0415

    return FunctionReports(_lambda(), function)


def store(bucket: str) -> "S3Store":
    """A bucket alone, for who looks at what is in it."""
    from core.adapters.s3 import S3Store  # noqa: PLC0415 - only what this entry needs is loaded

    return S3Store(_s3(), bucket)


def worker(environ: Mapping[str, str]) -> SupervisedWorker:
    """A worker alone, for who has files and no cloud."""
    values = settings.load(settings.WorkerSettings, environ)
    return _started(_own(environ), values.operations.split(), _room(values), values.threads)


def catalogue(environ: Mapping[str, str]) -> Catalogue:
    """What pipelines may use, a company's own functions too, for who has files and no cloud."""
    if not settings.load(settings.WorkerSettings, environ).operations.split():
        return OPERATIONS
    child = worker(environ)
    try:
        return _catalogue(child.operations())
    finally:
        child.close()


def _catalogue(own: Iterable[Description]) -> Catalogue:
    return {**OPERATIONS, **{description.name: build(description) for description in own}}


def _started(environ: Mapping[str, str], functions: Sequence[str], memory_bytes: int, threads: int) -> SupervisedWorker:
    return SupervisedWorker(memory_bytes, threads, environ, functions=functions)


def _room(values: settings.WorkerSettings) -> int:
    return values.memory_mb * 2**20 - _PARENT_BYTES


def _own(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(_SECRET)}


def _ledger(values: settings.DatabaseSettings) -> "PostgresLedger":
    from core.adapters.postgres import PostgresLedger  # noqa: PLC0415 - no client that an entry does not need

    return PostgresLedger(_database(values))


def _database(values: settings.DatabaseSettings) -> "Database":
    from core.adapters.database import Database  # noqa: PLC0415

    if values.database_auth is settings.DatabaseAuth.URL:
        return Database(values.database_url, values.database_connect_seconds)
    import boto3  # noqa: PLC0415

    from core.adapters.rds_token import RdsTokens  # noqa: PLC0415

    with _of_the_environment():
        session = boto3.Session()
        tokens = RdsTokens(values.database_url, session.get_credentials(), session.region_name)
    return Database(values.database_url, values.database_connect_seconds, tokens)


def _s3() -> "S3Client":
    import boto3  # noqa: PLC0415 - half a second that worker and migrations should not pay

    with _of_the_environment():
        return boto3.client("s3", config=_patience())


def _links(bucket: str, environ: Mapping[str, str]) -> "S3Links":
    from core.adapters.s3_links import S3Links, address  # noqa: PLC0415

    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise Misconfigured(Code.INVALID_SETTINGS, "AWS_REGION is missing: what is signed is signed for a region")
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
    return S3Links(_credentials, region, bucket, address(bucket, region, endpoint))


@cache
def _session() -> "Session":
    from botocore.session import Session  # noqa: PLC0415

    return Session()


def _credentials() -> "Credentials":
    """What there is to sign with. Raises Misconfigured(INVALID_SETTINGS)."""
    with _of_the_environment():
        found = _session().get_credentials()
    if found is None:
        raise Misconfigured(Code.INVALID_SETTINGS, "There are no AWS credentials to sign with")
    return found


def _batch() -> "BatchClient":
    import boto3  # noqa: PLC0415

    with _of_the_environment():
        return boto3.client("batch", config=_patience(attempts=1))


def _lambda() -> "LambdaClient":
    """For who waits for an answer as long as a function may take: 900 seconds. Asked twice, it would work twice."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    with _of_the_environment():
        return boto3.client("lambda", config=Config(read_timeout=910, retries={"total_max_attempts": 1}))


def _sqs() -> "SQSClient":
    import boto3  # noqa: PLC0415

    with _of_the_environment():
        return boto3.client("sqs", config=_patience())


@contextmanager
def _of_the_environment() -> Iterator[None]:
    """What boto3 does not find, or cannot use, when a client is made, was read from the environment."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        yield
    except (BotoCoreError, ValueError) as error:
        message = f"{str(error).rstrip('.')}. Look at AWS_DEFAULT_REGION, AWS_ENDPOINT_URL and AWS_PROFILE."
        raise Misconfigured(Code.INVALID_SETTINGS, message) from error


def _patience(attempts: int = 4) -> "Config":
    """Fail soon and try again, rather than wait: an image's time is short."""
    from botocore.config import Config  # noqa: PLC0415

    return Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=64,  # each image of a batch has some under way; none is opened before it is needed
    )
