"""The embedded cloud: S3, SQS and CloudWatch by moto, Kafka, PostgreSQL, Batch, the functions and their event sources.

What is wired here is what infra/ wires in AWS. Nothing in core or handler knows which of the two it runs in.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from localcloud import clients, cloudwatch_emf, iam, resources, s3_notifications
from localcloud.batch import setup
from localcloud.batch.iam import nobody_asks
from localcloud.clients import OWNER, Keys
from localcloud.config import GROUP, TOPIC, Address, Options
from localcloud.http_api.server import PageServer
from localcloud.lambda_.async_invoke import AsyncInvoker
from localcloud.lambda_.function import Function, FunctionConfig
from localcloud.lambda_.invoke_api import LambdaApi
from localcloud.lambda_.sqs_event_source import S3Source, Schedule, SqsSource
from localcloud.postgres import PostgreSQL

if TYPE_CHECKING:
    from localcloud.batch.server import LocalBatch
    from localcloud.kafka_broker import Broker
    from localcloud.lambda_.kafka_event_source import KafkaSource

_CLUSTER = f"arn:aws:kafka:{clients.REGION}:{clients.ACCOUNT}:cluster/local/embedded"


class Cloud:
    """A cloud for as long as its `with` block lasts, with fresh data. One at a time in a process: moto's is one.

    Whatever ends the block, and also a failure halfway through the start, ends every process begun here.
    """

    address: Address
    process: Function
    record: Function
    dispatch: Function
    admin: Function
    web: Function
    page: PageServer
    batch: "LocalBatch"
    kafka: "KafkaSource"

    def __init__(
        self,
        folder: Path,
        options: Options | None = None,
        progress: Callable[[str], object] = lambda _step: None,
        policies: Mapping[str, iam.Policy] | None = None,
    ) -> None:
        """Keep the state file, the logs and scratch space in `folder`; `progress` is told each step.

        With `policies`, IAM is enforced: each function, by its name, and the Batch jobs, `job`, may do what theirs
        says and nothing else. `localcloud.template_policies` reads them of a template.
        """
        self.folder = folder.resolve()
        self._options = options or Options()
        self._policies = policies
        self._keys: dict[str, Keys] = {}
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
        self.page = self._stack.enter_context(PageServer(self._options.page_port))  # its port may be taken: before all
        self._progress("S3, SQS and CloudWatch")
        endpoint, name = self._moto(), self._options.deployment
        queues = resources.queues(clients.sqs(endpoint), 6 * self._options.timeout, name)
        resources.bucket(endpoint, queues, resources.bucket_name(name))
        if self._policies is not None:
            self._keys = self._stack.enter_context(iam.enforced(endpoint, self._policies))
        self._progress("Batch")
        judge = nobody_asks if self._policies is None else iam.judge
        self.batch = self._stack.enter_context(setup.batch(logs, endpoint, queues["overflow"], self._options, judge))
        self._progress("Kafka")
        broker = self._broker()
        self._progress("PostgreSQL")
        database = self._stack.enter_context(PostgreSQL())
        self.address = Address(
            pid=os.getpid(),
            endpoint=endpoint,
            lambda_endpoint="",
            batch_endpoint=self.batch.endpoint,
            bucket=resources.bucket_name(name),
            incoming_queue_url=queues["incoming"],
            records_queue_url=queues["records"],
            dead_letter_queue_url=queues["records-dead-letters"],
            overflow_queue_url=queues["overflow"],
            overflow_dead_letter_queue_url=queues["overflow-dead-letters"],
            batch_queue=setup.names(name)[0],
            batch_definitions=setup.names(name)[1],
            kafka_bootstrap_servers=broker.bootstrap_servers,
            kafka_topic=broker.topic,
            database_url=database.url,
            page_url=self.page.url,
            folder=str(self.folder),
        )
        self._progress("the tables")
        self._migrate()
        work = {**self.address.processing(), **self._company(), **self._as("job").environment()}
        setup.register(clients.batch(self.batch.endpoint), work, name)
        self._progress("the functions")
        self._functions(logs)
        self._sources()
        self._write_state()

    def _broker(self) -> "Broker":
        from localcloud.kafka_broker import Broker  # noqa: PLC0415 - a twentieth of a second, for `up` and `demo` only

        return self._stack.enter_context(Broker(TOPIC))

    def _moto(self) -> str:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second, for `up` and `demo` only

        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        self._stack.callback(server.stop)
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        self._stack.enter_context(clients.isolated(endpoint))
        resources.reset(endpoint)
        return endpoint

    def _migrate(self) -> None:
        from core.bootstrap.ledger import migrate  # noqa: PLC0415 - boto3 and psycopg, not for `--help`

        migrate(self.address.recording())

    def _functions(self, logs: Path) -> None:
        address, options = self.address, self._options
        cloudwatch = clients.cloudwatch(address.endpoint)

        def function(name: str, timeout: float, concurrency: int, environment: dict[str, str]) -> Function:
            config = FunctionConfig(
                name=name,
                handler=f"handler.{name}.handle",
                timeout=timeout,
                memory_mb=options.memory_mb,
                concurrency=concurrency,
                environment={**environment, **self._as(name).environment()},
            )
            return self._stack.enter_context(Function(config, logs, on_log=partial(cloudwatch_emf.put, cloudwatch)))

        environment = {
            **address.processing(),
            **self._company(),
            "WORK_DIR": "{tmp}",
            "LAMBDA_MAX_MEGAPIXELS": str(options.lambda_max_megapixels),
            # So many sandboxes share this machine's processors; in Lambda each has its own.
            "THREADS": "1",
            # Two, however few processors there are, so that batches are worked on here as they are there.
            "WORKERS": "2",
        }
        hours = {"RECONCILE_AFTER_HOURS": str(options.reconcile_after / 3600)}
        self.process = function("process", options.timeout, options.concurrency, environment)
        self.record = function("record", min(30.0, options.timeout), 1, address.recording())
        self.dispatch = function("dispatch", min(60.0, options.timeout), 2, address.dispatching())
        pipelines = {"PIPELINES": options.pipelines, **self.page.issuer.environment}
        self.web = function("web", 29.0, options.concurrency, {**address.page(), **pipelines})
        self.page.serve(self.web)
        self.admin = function("admin", 900.0, 1, {**address.dispatching(), **address.recording(), **hours})

    def _as(self, name: str) -> Keys:
        """Who a function, or the jobs, sign as."""
        return self._keys[name] if self._policies is not None else OWNER

    def _company(self) -> dict[str, str]:
        """The company's own pipelines and functions, as every entry that touches images has them."""
        options = self._options
        return {
            "PIPELINES": options.pipelines,
            "OPERATIONS": options.operations,
            "PYTHONPATH": options.python_path,
        }

    def _sources(self) -> None:
        address, options = self.address, self._options
        s3, sqs = clients.s3(address.endpoint), clients.sqs(address.endpoint)
        # What Lambda does for a function it does in the name of the function's role
        lambdas = clients.s3(address.endpoint, self._as("process"))
        records = clients.sqs(address.endpoint, self._as("record"))
        overflow = clients.sqs(address.endpoint, self._as("dispatch"))

        def keep(key: str, document: bytes) -> None:
            lambdas.put_object(Bucket=address.bucket, Key=key, Body=document, ContentType="application/json")

        mend = partial(s3_notifications.completed, s3)
        invoker = AsyncInvoker(self.process, keep, options.backoff)
        functions = (self.process, self.record, self.dispatch, self.admin, self.web)
        api = self._stack.enter_context(
            LambdaApi({function.config.name: function for function in functions}, {"process": invoker})
        )
        self.kafka = self._kafka(keep)
        self._stack.callback(self.kafka.close)
        self.kafka.scale(options.consumers)
        for source in (
            S3Source(sqs, address.incoming_queue_url, invoker, mend),
            SqsSource(records, address.records_queue_url, self.record, mend, batch_size=100, window=0.2),
            SqsSource(overflow, address.overflow_queue_url, self.dispatch, mend, batch_size=100, window=0.5),
            Schedule(self.admin, {"action": "reconcile"}, options.reconcile_every),
        ):
            source.start()
            self._stack.callback(source.close)
        # Runs first at the end: what is being invoked dies, so that the sources' threads come home.
        for function in functions:
            self._stack.callback(function.close)
        self._stack.callback(invoker.close)
        self.address = msgspec.structs.replace(address, lambda_endpoint=api.url)

    def _kafka(self, keep: Callable[[str, bytes], object]) -> "KafkaSource":
        from localcloud.lambda_.kafka_event_source import KafkaSource, Mapping  # noqa: PLC0415
        from localcloud.lambda_.kafka_events import Origin, failure_document  # noqa: PLC0415

        origin = Origin(bootstrap_servers=self.address.kafka_bootstrap_servers, arn=_CLUSTER)
        mapping = Mapping(
            origin=origin, topic=TOPIC, group=GROUP, batch_size=self._options.kafka_batch, window=0.2, partial=True
        )
        return KafkaSource(
            mapping,
            self.process.invoke,
            lambda record: keep(*failure_document(origin, self.process.config.arn, record)),
        )

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
