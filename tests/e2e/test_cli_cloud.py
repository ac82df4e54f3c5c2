"""`up`, `submit`, `status`, `migrate` and `replay` with one cloud; and no process outlives it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from localcloud.cloud import Cloud
from localcloud.config import CloudConfig
from localcloud.lambda_.sandbox_process import ROOT
from pictureperfect.demo import painted_images
from tests.support.waiting import HANGS_AFTER, until


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pictureperfect.cli", *map(str, arguments)]


class Up:
    """A running `pictureperfect up`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._output_file = (folder / "output").open("w+")
        self.process = subprocess.Popen(
            command("up"),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=self._output_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        state = folder / ".picture-perfect" / "cloud.json"
        until(lambda: state.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output()
        self.address = json.loads(state.read_text())

    def output(self) -> str:
        return (self.folder / "output").read_text()

    def run(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            check=False,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def descendants(self) -> list[Any]:
        return list(psutil.Process(self.process.pid).children(recursive=True))


def ended(processes: list[Any]) -> bool:
    return all(not process.is_running() or process.status() == psutil.STATUS_ZOMBIE for process in processes)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    cloud = Up(tmp_path)
    yield cloud
    cloud.process.terminate()
    cloud.process.wait(HANGS_AFTER)


def test_files_go_through_both_doors_and_the_ledger_can_be_rebuilt_from_the_bucket(up: Up) -> None:
    picture = up.folder / "dölmen 1.jpg"
    painted_images.paint_landscape(400, 300, 2, painted_images.DUSK).save(picture)
    broken = up.folder / "broken.jpg"
    broken.write_bytes(painted_images.make_corrupt_jpeg())
    sent = up.run("submit", picture, broken, "--customer", "acme", "--pipeline", "thumbnail", "--json")
    assert sent.returncode == 0, sent.stderr
    rows = {row["name"]: row for row in json.loads(sent.stdout)}
    assert rows["dölmen 1.jpg"]["status"] == "processed"
    assert rows["broken.jpg"]["code"] == "corrupt_image"
    direct = up.run("submit", picture, "--customer", "acme", "--pipeline", "thumbnail", "--door", "direct")
    assert direct.returncode == 0, direct.stderr
    assert "direct" in direct.stdout

    status = json.loads(up.run("status", "--json").stdout)
    assert sum(row["images"] for row in status["counts"]) == 3
    assert status["failure_documents"] == []
    assert set(status["queues"]) == {"incoming", "overflow", "overflow-dead-letters", "records", "records-dead-letters"}
    assert len(status["last"]) == 3
    assert "acme" in up.run("status").stdout
    until(lambda: up.output().count("acme") >= 4)  # a line for each image, and one in the instructions

    assert json.loads(up.run("migrate", "--json").stdout) == {"applied": []}
    with psycopg.connect(up.address["database_url"], autocommit=True) as connection:
        connection.execute("TRUNCATE images CASCADE")
    replayed = up.run("replay", "--json")
    assert json.loads(replayed.stdout) == {"replayed": 3, "failures": {}}
    assert json.loads(up.run("status", "--json").stdout)["counts"] == status["counts"]

    again = up.run("up")
    assert (again.returncode, "is running" in again.stderr) == (1, True)
    refused = up.run("submit", picture, "--customer", "no/slash", "--pipeline", "web", "--door", "direct")
    assert (refused.returncode, "invalid_request" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
    ],
)
def test_no_process_outlives_the_cloud_however_it_ends(up: Up, number: signal.Signals) -> None:
    picture = up.folder / "picture.jpg"
    painted_images.paint_landscape(200, 150, 2, painted_images.DUSK).save(picture)
    assert up.run("submit", picture, "--customer", "acme", "--pipeline", "thumbnail").returncode == 0
    descendants = up.descendants()
    assert len(descendants) > 5  # sandboxes, their workers, PostgreSQL and its keeper
    up.process.send_signal(number)
    up.process.wait(HANGS_AFTER)
    until(lambda: ended(descendants))
    if number != signal.SIGKILL:
        assert up.process.returncode == 0
        assert not (up.folder / ".picture-perfect" / "cloud.json").exists()
    socket = up.address["database_url"].partition("host=")[2]
    until(lambda: not Path(socket).exists())


@pytest.mark.long
def test_a_start_that_fails_halfway_takes_down_what_had_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_stack: object, config: CloudConfig, *_arguments: object) -> None:
        raise RuntimeError(config.database_url)

    monkeypatch.setattr("localcloud.cloud.create_functions", fail)
    before = psutil.Process().children(recursive=True)
    with pytest.raises(RuntimeError) as failure, Cloud(tmp_path):
        pass
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(str(failure.value))
    assert psutil.Process().children(recursive=True) == before
    assert not (tmp_path / "cloud.json").exists()
