"""PostgreSQL is stopped for a minute while images arrive: all are recorded later, and none is processed twice."""

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
from tests.support.waiting import HANGS_AFTER, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

#: The functions' timeout in seconds. SQS redelivers a message after six times that, so a message that was tried just
#: before the end of the outage waits for as long.
TIMEOUT = 10
OUTAGE_SECONDS = float(os.environ.get("DATABASE_AWAY_SECONDS", "60"))
BEFORE, DURING, AFTER = 3, 20, 3


class Server:
    """The embedded cloud's PostgreSQL, to stop it and start it again on its data."""

    def __init__(self, url: str) -> None:
        (sockets,) = parse_qs(urlsplit(url).query)["host"]
        self._pid_file = Path(sockets).parent / "data" / "postmaster.pid"
        process = psutil.Process(int(self._pid_file.read_text().splitlines()[0]))
        self._command, self._user, self._group = process.cmdline(), process.uids().real, process.gids().real
        self._own: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """Stop it as a restart or failover does: connections end, new ones are refused."""
        os.kill(int(self._pid_file.read_text().splitlines()[0]), signal.SIGINT)
        until(lambda: not self._pid_file.exists())

    def start(self) -> None:
        user = {"user": self._user, "group": self._group, "extra_groups": []} if os.geteuid() == 0 else {}
        self._own = subprocess.Popen(self._command, cwd="/", start_new_session=True, **user)  # type: ignore[call-overload]

    def close(self) -> None:
        if self._own:
            self._own.send_signal(signal.SIGINT)
            self._own.wait(HANGS_AFTER)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("away") / "cloud", Options(timeout=TIMEOUT)) as running:
        yield running


@pytest.fixture
def server(cloud: Cloud) -> Iterator[Server]:
    server = Server(cloud.config.database_url)
    try:
        yield server
    finally:
        server.close()


def test_after_an_outage_every_image_is_recorded_and_was_processed_once(cloud: Cloud, server: Server) -> None:
    address = cloud.config
    s3, sqs = clients.s3(address.endpoint), clients.sqs(address.endpoint)
    names = [f"{number}.jpg" for number in range(BEFORE + DURING + AFTER)]

    def upload(files: list[str]) -> None:
        for name in files:
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
    time.sleep(max(0, OUTAGE_SECONDS - (time.monotonic() - stopped)))
    assert depth(sqs, address.records_queue_url) == DURING, "not all records wait in the queue"
    server.start()
    upload(names[-AFTER:])
    until(lambda: len(recorded()) == len(names))
    until(lambda: depth(sqs, address.records_queue_url) == 0)

    assert recorded() == sorted(names)
    assert depth(sqs, address.dead_letter_queue_url) == 0
    assert cloud.functions.process.log_path.read_text().count("START RequestId") == len(names)
    versions = s3.list_object_versions(Bucket=address.bucket, Prefix="results/")["Versions"]
    assert len(versions) == len({version["Key"] for version in versions}) == len(names)
    cloudwatch = clients.cloudwatch(address.endpoint)
    until(lambda: sums(cloudwatch, "PicturePerfect")["status=processed"]["Images"] == len(names))
