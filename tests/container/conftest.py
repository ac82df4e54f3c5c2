"""Builds the image and runs it against the embedded cloud of localcloud/."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import psycopg
import pytest

from localcloud import clients
from localcloud.cloud import Cloud
from localcloud.config import CloudConfig
from localcloud.lambda_.sqs_events import sqs_event
from localcloud.s3_sqs_cloudwatch import s3_notifications
from tests.container.engine import ROOT, Image, Run, build_company_image, build_target, engine
from tests.support.waiting import HANGS_AFTER, until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HERE = Path(__file__).parent
_DATABASE = "/run/database"  # folder of PostgreSQL's socket in the container
_PREFIXES = ("incoming/", "results/", "tombstones/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    selected = "container" in config.option.markexpr
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.container)
            item.add_marker(pytest.mark.timeout(1800))  # the first test waits for the build
            if not selected:
                item.add_marker(pytest.mark.skip(reason="builds the container image: `make test-container`"))


@pytest.fixture(scope="session")
def image() -> Iterator[Callable[[str], Image]]:
    """`image(target)` builds the image of a target once; `example` is the company image FROM `local`.

    Without an engine the tests fail in CI and are skipped on other machines.
    """
    try:
        engine()
    except RuntimeError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with ExitStack() as stack:
        builds: dict[str, Image | RuntimeError] = {}

        def build(target: str) -> Image:
            if target not in builds:
                if target == "example":
                    build("local")
                try:
                    builds[target] = new = (
                        build_company_image("local", ROOT / target, f"acme-pictures:{target}")
                        if target == "example"
                        else build_target(target)
                    )
                    stack.callback(new.close)
                except RuntimeError as error:  # a failed build is not tried again
                    builds[target] = error
            built = builds[target]
            if isinstance(built, RuntimeError):
                raise built
            return built

        yield build


class World:
    """The embedded cloud with S3's notifications redirected to queues of the tests, which pass them to the container.

    The embedded dispatcher and Batch run as usual.
    """

    def __init__(self, address: CloudConfig) -> None:
        self.address = address
        self.bucket = address.bucket
        self.s3: S3Client = clients.s3(address.endpoint)
        self._sqs = clients.sqs(address.endpoint)
        self._queues = {prefix: self._create_queue(prefix) for prefix in _PREFIXES}
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {
                        "QueueArn": clients.queue_arn(self._sqs, url),
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
                    }
                    for prefix, url in self._queues.items()
                ]
            },
        )

    @property
    def processing(self) -> dict[str, str]:
        return {**self.address.process_environment(), "MEMORY_MB": "2048"}

    @property
    def recording(self) -> dict[str, str]:
        url = urlsplit(self.address.database_url)
        return {**self.address.record_environment(), "DATABASE_URL": url._replace(query=f"host={_DATABASE}").geturl()}

    @property
    def database(self) -> dict[str, str]:
        """The volume with PostgreSQL's socket: path on the host → path in the container."""
        return {parse_qs(urlsplit(self.address.database_url).query)["host"][0]: _DATABASE}

    def notifications(self, prefix: str) -> list[dict[str, Any]]:
        """S3's notifications for keys under `prefix` since the last call, as SQS messages. Waits for the first."""
        return until(lambda: self._receive(prefix))

    def drop_notifications(self, prefix: str) -> None:
        """Drop the notifications for keys under `prefix` that earlier tests left, if there are any."""
        while self._receive(prefix):
            pass

    def _receive(self, prefix: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        answer = self._sqs.receive_message(QueueUrl=self._queues[prefix], MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            body = s3_notifications.complete(self.s3, message["Body"])
            if s3_notifications.records(body):
                messages += sqs_event([{**message, "Body": body}])["Records"]
            self._sqs.delete_message(QueueUrl=self._queues[prefix], ReceiptHandle=message["ReceiptHandle"])
        return messages

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.address.database_url) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def _create_queue(self, prefix: str) -> str:
        return self._sqs.create_queue(QueueName=f"container-{prefix.strip('/')}")["QueueUrl"]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield World(cloud.config)


class Emulator:
    """A function of the `local` image in Lambda's emulator, which crashes on two concurrent invokes: hence the lock."""

    def __init__(self, port: int, log: Path) -> None:
        self._url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        self._lock = threading.Lock()
        self._log = log

    def invoke(self, event: object) -> Any:
        request = Request(self._url, json.dumps(event).encode(), {"Content-Type": "application/json"})  # noqa: S310
        with self._lock, build_opener(ProxyHandler({})).open(request, timeout=HANGS_AFTER) as answer:
            text = answer.read().decode()
        try:
            return json.loads(text)
        except ValueError:  # a message of the emulator: a time-out or a crash
            pytest.fail(f"{text}\n{self.log}")

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")


Start = Callable[..., AbstractContextManager[Emulator]]


@pytest.fixture(scope="session")
def emulator(image: Callable[[str], Image], tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a function: `with emulator("handler.process.handle", environment, volumes, user) as function`."""

    @contextmanager
    def start(
        handler: str,
        environment: dict[str, str],
        volumes: dict[str, str] | None = None,
        user: str = "",
        target: str = "local",
        seconds: int = 60,
    ) -> Iterator[Emulator]:
        port, runtime_api = free_port(), free_port()
        log = tmp_path_factory.mktemp("emulator") / "log"
        run = Run(
            command=[handler],
            environment={
                **environment,
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
                "EMULATOR_ADDRESS": f"127.0.0.1:{port}",
                "EMULATOR_RUNTIME_API": f"127.0.0.1:{runtime_api}",
            },
            volumes=volumes or {},
            user=user,
        )
        with image(target).started(run, log) as process:
            _wait_until_open(process, port, log)
            yield Emulator(port, log)
        assert not _open(port), "the emulator outlived its container"

    return start


@pytest.fixture(scope="session")
def process(emulator: Start, world: World) -> Iterator[Emulator]:
    with emulator("handler.process.handle", world.processing) as function:
        yield function


@pytest.fixture(scope="session")
def record(emulator: Start, world: World) -> Iterator[Emulator]:
    with emulator("handler.record.handle", world.recording, world.database) as function:
        yield function


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _open(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def _wait_until_open(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until(lambda: _open(port) or process.poll() is not None)
    if process.poll() is not None:
        pytest.fail(f"the emulator did not start:\n{log.read_text(errors='replace')}")
