"""Fixtures that several suites share, Hypothesis profiles, the summary of skipped tests and of seconds by folder."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, settings

from core.adapters.postgres.ledger import PostgresLedger
from localcloud.postgres import PostgreSQL
from localcloud.s3_sqs_cloudwatch.moto_server import moto_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

# No test may fail because a machine is slow: no deadline for an example, no health check of the time that data takes.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_ONE_ATTEMPT = Config(connect_timeout=60, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 1})

#: Part of a skip's reason → how to have the test run.
_REMEDIES = {
    "Chromium": "the page's tests need Chromium: `apt-get install chromium`",
    "make test-container": "the container's tests: `make test-container`",
    "corpus": "the corpus of awkward images lies beside no clone of this repository",
}


class Summary:
    """Counts skipped tests by remedy, and seconds by folder, in the process that reports."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path = Path(report.nodeid.partition("::")[0])
        self.seconds["/".join(path.parts[: 3 if path.parts[1:2] == ("unit",) else 2])] += report.duration
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            self.skipped[next((how for part, how in _REMEDIES.items() if part in reason), reason)] += 1

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if os.environ.get("CI"):
            terminalreporter.section("seconds of tests by folder")
            for folder, seconds in sorted(self.seconds.items(), key=lambda item: -item[1]):
                terminalreporter.line(f"{seconds:7.1f} {folder}")
        if self.skipped:
            summary = "; ".join(f"{count} ({how})" for how, count in self.skipped.most_common())
            terminalreporter.line(f"Skipped: {summary}.")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # xdist's workers report to the process that has the terminal
        config.pluginmanager.register(Summary(), "summary")


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of the embedded cloud that tries each call once."""
    return boto3.Session("test", "test", region_name="us-east-1").client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        config=_ONE_ATTEMPT,
    )


@pytest.fixture(scope="session")
def cloud() -> Iterator[str]:
    """The endpoint of moto's server."""
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def s3(cloud: str) -> "S3Client":
    return client("s3", cloud)  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def sqs(cloud: str) -> "SQSClient":
    return client("sqs", cloud)  # type: ignore[no-any-return]


@pytest.fixture
def bucket(s3: "S3Client") -> str:
    """A bucket of its own, with versions."""
    name = f"test-{uuid4()}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def queue(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName=f"test-{uuid4()}")["QueueUrl"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """A PostgreSQL; each call makes a database of its own, without tables, and returns its URL."""
    with PostgreSQL() as server:
        yield lambda: server.create_database(f"test_{uuid4().hex}")


@pytest.fixture(scope="session")
def tables(postgres: Callable[[], str]) -> Callable[[], str]:
    """Makes a new, empty database with this release's tables; returns its URL."""

    def make() -> str:
        url = postgres()
        ledger = PostgresLedger(url)
        ledger.migrate()
        ledger.close()
        return url

    return make


@pytest.fixture
def database_url(tables: Callable[[], str]) -> str:
    """A database of its own, with this release's tables."""
    return tables()


@pytest.fixture(scope="session")
def doors() -> Iterator[SimpleNamespace]:
    """The handlers' modules. They read the environment and build their services when they are imported."""
    environ = {
        "BUCKET": "home",
        "RECORDS_QUEUE_URL": "http://127.0.0.1:1/records",
        "PUBLIC_BASE_URL": "https://images.example",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        process, record = import_module("handler.process"), import_module("handler.record")
    yield SimpleNamespace(process=process, record=record)
    process._processor.worker.close()
