"""The embedded cloud: S3, SQS, CloudWatch, Kafka, PostgreSQL, Batch, the Lambda functions and their event sources.

It starts and connects what infra/ deploys to AWS. `core` and `handler` do not know in which of the two they run.
"""

import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import msgspec

from core.bootstrap.ledger import migrate
from localcloud import clients, iam
from localcloud.batch import setup
from localcloud.batch.iam import allow_all
from localcloud.clients import OWNER, Credentials
from localcloud.config import TOPIC, CloudConfig, Options, state_file
from localcloud.event_sources import start_event_sources
from localcloud.functions import Functions, company_environment, create_functions
from localcloud.http_api.gateway import gateway_route
from localcloud.http_api.oidc_provider import OidcProvider
from localcloud.http_server import HttpServer
from localcloud.kafka_broker import Broker
from localcloud.lambda_.invoke_api import invoke_routes
from localcloud.lambda_.kafka_event_source import KafkaEventSource
from localcloud.postgres import PostgreSQL
from localcloud.s3_sqs_cloudwatch import resources
from localcloud.s3_sqs_cloudwatch.moto_server import moto_server, reset


class Cloud:
    """A cloud with fresh data, for as long as its `with` block lasts. One at a time in a process: moto's state is one.

    Every process that it started ends with the block, and also if the start fails halfway.
    """

    config: CloudConfig
    functions: Functions
    kafka: KafkaEventSource
    login: OidcProvider
    #: The credentials of each function's role, and of the Batch jobs' role, `job`.
    credentials: Mapping[str, Credentials]

    def __init__(
        self,
        folder: Path,
        options: Options | None = None,
        progress: Callable[[str], object] = lambda _step: None,
        policies: Mapping[str, iam.Policy] | None = None,
    ) -> None:
        """State file, logs and scratch space go to `folder`; `progress` is called with the name of each step.

        `policies`, by function name and `job` for Batch jobs, are enforced by IAM; without them, everything is
        allowed. `localcloud.template_policies` reads them from a synthesized template.
        """
        self.folder = folder.resolve()
        self._options = options or Options()
        self._policies = policies
        self._progress = progress
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()  # without an exception; otherwise `stack` takes down what had started
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    @property
    def state_file(self) -> Path:
        return state_file(self.folder)

    def _start(self, stack: ExitStack) -> None:
        logs = self.folder / "logs"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        stack.enter_context(_log_to(logs / "cloud.log"))
        http = stack.enter_context(HttpServer(port=self._options.page_port))  # first of all: its port may be taken
        self._start_services(stack, http, logs)
        self._progress("the functions")
        self.login = OidcProvider(http.url)
        self.functions = create_functions(
            stack, self.config, self._options, self.credentials, self.login.environment, logs
        )
        self._start_event_sources(stack, http)
        self._write_files(stack)

    def _start_services(self, stack: ExitStack, http: HttpServer, logs: Path) -> None:
        """Start everything but the functions; sets `config` and `credentials`."""
        options, deployment = self._options, self._options.deployment
        self._progress("S3, SQS and CloudWatch")
        endpoint = stack.enter_context(moto_server())
        stack.enter_context(clients.isolated(endpoint))
        reset(endpoint)
        bucket = resources.bucket_name(deployment)
        queue_urls = resources.create_queues(clients.sqs(endpoint), 6 * options.timeout, deployment)
        resources.create_bucket(endpoint, queue_urls, bucket)
        if self._policies is None:
            self.credentials = defaultdict(lambda: OWNER)
        else:
            self.credentials = stack.enter_context(iam.enforced(endpoint, self._policies))
        self._progress("Batch")
        authorize = allow_all if self._policies is None else iam.authorize
        batch = stack.enter_context(setup.start(http, logs, endpoint, queue_urls["overflow"], options, authorize))
        self._progress("Kafka")
        broker = stack.enter_context(Broker(TOPIC))
        self._progress("PostgreSQL")
        database = stack.enter_context(PostgreSQL())
        batch_queue, batch_definitions = setup.names(deployment)
        self.config = CloudConfig(
            pid=os.getpid(),
            endpoint=endpoint,
            lambda_endpoint=http.url,
            batch_endpoint=batch.endpoint,
            bucket=bucket,
            incoming_queue_url=queue_urls["incoming"],
            records_queue_url=queue_urls["records"],
            dead_letter_queue_url=queue_urls["records-dead-letters"],
            overflow_queue_url=queue_urls["overflow"],
            overflow_dead_letter_queue_url=queue_urls["overflow-dead-letters"],
            batch_queue=batch_queue,
            batch_definitions=batch_definitions,
            kafka_bootstrap_servers=broker.bootstrap_servers,
            kafka_topic=broker.topic,
            database_url=database.url,
            page_url=http.url,
            folder=str(self.folder),
        )
        self._progress("the tables")
        migrate(self.config.record_environment())
        environment = {
            **self.config.process_environment(),
            **company_environment(options),
            **self.credentials["job"].environment(),
        }
        setup.register(clients.batch(batch.endpoint), environment, deployment)

    def _start_event_sources(self, stack: ExitStack, http: HttpServer) -> None:
        functions = self.functions
        invoker, self.kafka = start_event_sources(stack, self.config, self._options, functions, self.credentials)
        http.add(invoke_routes({function.config.name: function for function in functions}, {"process": invoker}))
        http.add([*self.login.routes, gateway_route(self.login.authorizer, functions.web.invoke)])

    def _write_files(self, stack: ExitStack) -> None:
        """Write the state file, for other processes, and `settings.env`, for `docker run --env-file`."""
        state = msgspec.json.format(msgspec.json.encode(self.config), indent=2).decode()
        settings = "\n".join(f"{name}={value}" for name, value in self.config.process_environment().items())
        for path, content in ((self.folder / "settings.env", settings), (self.state_file, state)):
            new = path.with_suffix(".new")
            new.write_text(content + "\n", encoding="utf-8")
            new.chmod(0o600)
            new.replace(path)
            stack.callback(path.unlink, missing_ok=True)


@contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Write the servers' and the event sources' warnings to a file, not between the lines of a command's output."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in ("werkzeug", "uvicorn", "localcloud")]
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
