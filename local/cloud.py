"""The embedded cloud: S3, SQS and CloudWatch by moto, PostgreSQL, and the functions with their event sources.

What is wired here is what infra/ wires in AWS. Nothing in core or handler knows which of the two it runs in.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from local import aws, emf, notifications
from local.asynchronous import AsyncInvoker
from local.function import Function, FunctionConfig
from local.lambda_api import LambdaApi
from local.postgres import PostgreSQL
from local.sources import S3Source, SqsSource

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BUCKET = "pictures"
NAMESPACE = "PicturePerfect"
_DAY = 86_400


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything of a running cloud is; other processes read it from `cloud.json`."""

    pid: int
    endpoint: str
    lambda_endpoint: str
    bucket: str
    incoming_queue_url: str
    records_queue_url: str
    dead_letter_queue_url: str
    database_url: str
    folder: str

    @property
    def public_base_url(self) -> str:
        return f"{self.endpoint}/{self.bucket}"

    def processing(self) -> dict[str, str]:
        """The environment of the entries that touch images."""
        return {
            **aws.environment(self.endpoint),
            "BUCKET": self.bucket,
            "RECORDS_QUEUE_URL": self.records_queue_url,
            "PUBLIC_BASE_URL": self.public_base_url,
            "REFERENCES": f"s3://{self.bucket}/library/{{customer}}/",
            "METRICS_NAMESPACE": NAMESPACE,
        }

    def recording(self) -> dict[str, str]:
        """The environment of the entries that know the database."""
        return {
            **aws.environment(self.endpoint),
            "BUCKET": self.bucket,
            "DATABASE_URL": self.database_url,
            "RECORDS_QUEUE_URL": self.records_queue_url,
        }


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen of a cloud. Seconds and MB."""

    pipelines: str = ""
    timeout: float = 60.0
    memory_mb: int = 2048
    concurrency: int = max(2, min(8, os.cpu_count() or 2))
    backoff: float = 0.5


class Cloud:
    """A cloud for as long as its `with` block lasts, with fresh data. One at a time in a process: moto's is one.

    Whatever ends the block, and also a failure halfway through the start, ends every process begun here.
    """

    address: Address
    process: Function
    record: Function

    def __init__(
        self, folder: Path, options: Options | None = None, progress: Callable[[str], object] = lambda _step: None
    ) -> None:
        """Keep the state file, the logs and scratch space in `folder`; `progress` is told each step."""
        self.folder = folder.resolve()
        self._options = options or Options()
        self._progress = progress
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._stack = stack
            self._start()
            # Only what started whole is kept; otherwise this block takes it down again.
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    @property
    def state_file(self) -> Path:
        return self.folder / "cloud.json"

    def _start(self) -> None:
        logs = self.folder / "logs"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        self._stack.enter_context(_logged(logs / "cloud.log"))
        self._progress("S3, SQS and CloudWatch")
        endpoint = self._moto()
        queues = _queues(aws.sqs(endpoint), visibility=6 * self._options.timeout)
        _bucket(endpoint, queues)
        self._progress("PostgreSQL")
        database = self._stack.enter_context(PostgreSQL())
        self.address = Address(
            pid=os.getpid(),
            endpoint=endpoint,
            lambda_endpoint="",
            bucket=BUCKET,
            incoming_queue_url=queues["incoming"],
            records_queue_url=queues["records"],
            dead_letter_queue_url=queues["records-dead-letters"],
            database_url=database.url,
            folder=str(self.folder),
        )
        self._progress("the tables")
        self._migrate()
        self._progress("the functions")
        self._functions(logs)
        self._write_state()

    def _moto(self) -> str:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second, for `up` and `demo` only

        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        self._stack.callback(server.stop)
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        self._stack.enter_context(aws.isolated(endpoint))
        _reset(endpoint)
        return endpoint

    def _migrate(self) -> None:
        from core.bootstrap import migrate  # noqa: PLC0415 - boto3 and psycopg, not for `--help`

        migrate(self.address.recording())

    def _functions(self, logs: Path) -> None:
        address, options = self.address, self._options
        cloudwatch = aws.cloudwatch(address.endpoint)
        s3 = aws.s3(address.endpoint)

        def function(name: str, timeout: float, concurrency: int, environment: dict[str, str]) -> Function:
            config = FunctionConfig(
                name=name,
                handler=f"handler.{name}.handle",
                timeout=timeout,
                memory_mb=options.memory_mb,
                concurrency=concurrency,
                environment=environment,
            )
            return self._stack.enter_context(Function(config, logs, on_log=partial(emf.put, cloudwatch)))

        environment = {
            **address.processing(),
            "PIPELINES": options.pipelines,
            "WORK_DIR": "{tmp}",
            # So many sandboxes share this machine's processors; in Lambda each has its own.
            "THREADS": "1",
        }
        self.process = function("process", options.timeout, options.concurrency, environment)
        self.record = function("record", min(30.0, options.timeout), 1, address.recording())

        def keep(key: str, document: bytes) -> None:
            s3.put_object(Bucket=address.bucket, Key=key, Body=document, ContentType="application/json")

        mend = partial(notifications.completed, s3)
        sqs = aws.sqs(address.endpoint)
        invoker = AsyncInvoker(self.process, keep, options.backoff)
        sources = (
            S3Source(sqs, address.incoming_queue_url, invoker, mend),
            SqsSource(sqs, address.records_queue_url, self.record, mend, batch_size=100, window=0.2),
        )
        api = self._stack.enter_context(
            LambdaApi({"process": self.process, "record": self.record}, {"process": invoker})
        )
        for source in sources:
            source.start()
            self._stack.callback(source.close)
        # Runs first at the end: what is being invoked dies, so that the sources' threads come home.
        self._stack.callback(self.record.close)
        self._stack.callback(self.process.close)
        self._stack.callback(invoker.close)
        self.address = msgspec.structs.replace(address, lambda_endpoint=api.url)

    def _write_state(self) -> None:
        """For other processes, `cloud.json`; for the container, what `docker run --env-file` takes."""
        address = msgspec.json.format(msgspec.json.encode(self.address), indent=2).decode()
        settings = "\n".join(f"{name}={value}" for name, value in self.address.processing().items())
        for path, content in ((self.folder / "settings.env", settings), (self.state_file, address)):
            fresh = path.with_suffix(".new")
            fresh.write_text(content + "\n", encoding="utf-8")
            fresh.chmod(0o600)
            fresh.replace(path)
            self._stack.callback(path.unlink, missing_ok=True)


def running(folder: Path) -> Address | None:
    """The cloud whose state file lies in `folder`, if its process is alive."""
    try:
        address = msgspec.json.decode((folder / "cloud.json").read_bytes(), type=Address)
        os.kill(address.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return address


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """What moto's server and the event sources have to complain of goes to a file, not amid a command's output."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = (logging.getLogger("werkzeug"), logging.getLogger("local"))
    for logger in loggers:
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.propagate = True
            logger.removeHandler(handler)
        handler.close()


def _reset(endpoint: str) -> None:
    """Empty moto: its state belongs to the process and not to the server."""
    from urllib.request import ProxyHandler, Request, build_opener  # noqa: PLC0415

    request = Request(f"{endpoint}/moto-api/reset", method="POST")  # noqa: S310 - our own server
    build_opener(ProxyHandler({})).open(request, timeout=30).close()


def _queues(sqs: "SQSClient", visibility: float) -> dict[str, str]:
    """Queue URLs by name, with the visibility AWS asks for: six times the function's time-out."""
    days = str(14 * _DAY)
    dead = sqs.create_queue(QueueName="records-dead-letters", Attributes={"MessageRetentionPeriod": days})
    incoming = sqs.create_queue(
        QueueName="incoming", Attributes={"MessageRetentionPeriod": days, "VisibilityTimeout": "60"}
    )
    redrive = {
        "deadLetterTargetArn": aws.queue_arn(sqs, dead["QueueUrl"]),
        # Hundreds of receives, so that a database may be down for long.
        "maxReceiveCount": "1000",
    }
    records = sqs.create_queue(
        QueueName="records",
        Attributes={
            "MessageRetentionPeriod": days,
            "VisibilityTimeout": str(int(visibility)),
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    return {
        "incoming": incoming["QueueUrl"],
        "records": records["QueueUrl"],
        "records-dead-letters": dead["QueueUrl"],
    }


def _bucket(endpoint: str, queues: dict[str, str]) -> None:
    """A bucket with versions that notifies: `incoming/` to the function, commits and deletions to the recorder."""
    s3, sqs = aws.s3(endpoint), aws.sqs(endpoint)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    targets = (("incoming/", "incoming"), ("results/", "records"), ("tombstones/", "records"))
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "Id": prefix.strip("/"),
                    "QueueArn": aws.queue_arn(sqs, queues[queue]),
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
                }
                for prefix, queue in targets
            ]
        },
    )
