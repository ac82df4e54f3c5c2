"""PostgreSQL is stopped for a minute under a cloud at work: it catches up, and nothing is lost or worked on again."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from localcloud import clients
from localcloud.cloud import Cloud
from localcloud.config import Options
from localcloud.ledger import Ledger
from localcloud.s3_sqs_cloudwatch.cloudwatch_sums import sums
from tests.support.aws.batch_job import picture
from tests.support.fakes.queues import depth
from tests.support.until import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

#: Of the functions. Lambda brings a message again after six times that: what was tried just before the end of the
#: outage waits for so long.
TIMEOUT = 10
SECONDS = float(os.environ.get("DATABASE_AWAY_SECONDS", "60"))
BEFORE, DURING, AFTER = 3, 20, 3


class Server:
    """The cloud's PostgreSQL, which can be stopped and started on the data that it had."""

    def __init__(self, url: str) -> None:
        (sockets,) = parse_qs(urlsplit(url).query)["host"]
        self._pid_file = Path(sockets).parent / "data" / "postmaster.pid"
        first = psutil.Process(int(self._pid_file.read_text().splitlines()[0]))
        self._command, self._user, self._group = first.cmdline(), first.uids().real, first.gids().real
        self._own: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """As a database that is restarted or fails over: connections end, new ones are refused."""
        os.kill(int(self._pid_file.read_text().splitlines()[0]), signal.SIGINT)
        until(lambda: not self._pid_file.exists())

    def start(self) -> None:
        user = {"user": self._user, "group": self._group, "extra_groups": []} if os.geteuid() == 0 else {}
        self._own = subprocess.Popen(self._command, cwd="/", start_new_session=True, **user)  # type: ignore[call-overload]

    def close(self) -> None:
        if self._own:
            self._own.send_signal(signal.SIGINT)
            self._own.wait(20)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("away") / "cloud", Options(timeout=TIMEOUT)) as running:
        yield running


@pytest.fixture
def server(cloud: Cloud) -> Iterator[Server]:
    made = Server(cloud.config.database_url)
    try:
        yield made
    finally:
        made.close()


def test_after_a_minute_without_a_database_every_image_is_there_and_was_worked_on_once(
    cloud: Cloud, server: Server
) -> None:
    address = cloud.config
    s3, sqs = clients.s3(address.endpoint), clients.sqs(address.endpoint)
    names = [f"{number}.jpg" for number in range(BEFORE + DURING + AFTER)]

    def upload(some: list[str]) -> None:
        for name in some:
            s3.put_object(Bucket=address.bucket, Key=f"incoming/acme/web/1/{name}", Body=picture(64))

    def committed() -> int:
        return s3.list_objects_v2(Bucket=address.bucket, Prefix="results/")["KeyCount"]

    def recorded() -> list[str]:
        with Ledger(address.database_url) as ledger:
            return sorted(row["name"] for row in ledger.last(1000))

    upload(names[:BEFORE])
    until(lambda: len(recorded()) == BEFORE)
    server.stop()
    stopped = time.monotonic()
    upload(names[BEFORE:-AFTER])
    until(lambda: committed() == BEFORE + DURING)
    time.sleep(max(0, SECONDS - (time.monotonic() - stopped)))
    assert depth(sqs, address.records_queue_url) == DURING, "the records wait, all of them"
    server.start()
    upload(names[-AFTER:])
    until(lambda: len(recorded()) == len(names), 60 + 6 * TIMEOUT)
    until(lambda: depth(sqs, address.records_queue_url) == 0)

    assert recorded() == sorted(names)
    assert depth(sqs, address.dead_letter_queue_url) == 0
    assert cloud.functions.process.log_path.read_text().count("START RequestId") == len(names)
    versions = s3.list_object_versions(Bucket=address.bucket, Prefix="results/")["Versions"]
    assert len(versions) == len({one["Key"] for one in versions}) == len(names)
    cloudwatch = clients.cloudwatch(address.endpoint)
    until(lambda: sums(cloudwatch, "PicturePerfect")["status=processed"]["Images"] == len(names))
