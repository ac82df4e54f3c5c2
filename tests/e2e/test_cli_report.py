"""`pictureperfect report` of the ledger in DATABASE_URL."""

import csv
import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from core.adapters.postgres.ledger import PostgresLedger
from localcloud.lambda_.sandbox_process import ROOT
from tests.support.ledger import counted
from tests.support.ledger.counted import LAST

IMAGES = counted.images(60, 10)
TIME = ("--since", "2026-11-01", "--until", str(LAST))


@pytest.fixture
def url(database_url: str) -> str:
    ledger = PostgresLedger(database_url)
    ledger.record(IMAGES, [])
    ledger.close()
    return database_url


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "AWS_"))}
    return subprocess.run(
        [sys.executable, "-m", "pictureperfect.cli", "report", *arguments],
        check=False,
        cwd=folder,
        env={**plain, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=600,
    )


def test_each_format_has_the_same_images(tmp_path: Path, url: str) -> None:
    def made(*arguments: str) -> bytes:
        ended = run(tmp_path, *TIME, *arguments, DATABASE_URL=url)
        assert (ended.returncode, ended.stderr) == (0, b"")
        return ended.stdout

    table = " ".join(made().decode().split())
    assert f"{len({image.customer for image in IMAGES})} customers sent {len(IMAGES)} images" in table
    assert "too_many_pixels" in table
    rows = list(csv.DictReader(io.StringIO(made("--format", "csv").decode())))
    assert sum(int(row["images"]) for row in rows) == len(IMAGES)
    assert made("--format", "parquet", "--out", "report.parquet") == b""
    assert parquet.read_table(tmp_path / "report.parquet").num_rows == len(rows)
    assert made("--format", "html", "--out", "report.html") == b""
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.parquet"]
    assert "acme" in made("--customer", "acme").decode()
    nobody = " ".join(made("--customer", "nobody").decode().split())
    assert "no image of nobody" in nobody


@pytest.mark.parametrize(
    ("arguments", "environment", "exit_code", "message"),
    [
        (("--since", "soon"), {}, 2, "'soon' is not a day"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), {}, 2, "--until: 2026-11-01 is before since"),
        ((), {}, 1, "Set DATABASE_URL, or start a cloud"),
        ((), {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, 1, "database_unavailable: "),
        (("--customer", ""), {}, 2, "--customer: '' must be 1 to 64 letters"),
        (("--customer", "a b"), {}, 2, "--customer: 'a b' must be 1 to 64 letters"),
        (("--since", "0d"), {}, 2, "'0d' is not a day"),
        (("--since", "0001-01-01", "--until", "0005-01-01"), {}, 2, "--since: 0001-01-01 is before 2000-01-01"),
        (("--until", "9999-12-31", "--since", "9999-12-30"), {}, 2, "--until: 9999-12-31 is after 2199-12-31"),
        (
            (),
            {"DATABASE_URL": "postgresql://user:geh eim@127.0.0.1/none"},
            1,
            "invalid_settings: DATABASE_URL is wrong: it is no connection URI",
        ),
        (("--format", "html", "--out", "no/such/folder.html"), {}, 2, "--out no/such/folder.html cannot be written to"),
    ],
)
def test_an_error_is_one_sentence(
    tmp_path: Path, url: str, arguments: tuple[str, ...], environment: Any, exit_code: int, message: str
) -> None:
    ended = run(tmp_path, *arguments, **({"DATABASE_URL": url} if environment is None else environment))
    stderr = ended.stderr.decode()
    assert ended.returncode == exit_code, stderr
    assert message in stderr
    assert stderr.count("\n") == 1
    assert "eim" not in stderr


def test_an_empty_export_has_a_hint_on_stderr(tmp_path: Path, url: str) -> None:
    for kind in ("csv", "parquet"):
        ended = run(tmp_path, *TIME, "--customer", "nobody", "--format", kind, "--out", f"out.{kind}", DATABASE_URL=url)
        assert ended.returncode == 0
        assert ended.stderr.decode().startswith("The ledger has no image of nobody that ended")
        assert ended.stderr.count(b"\n") == 1
    assert (tmp_path / "out.csv").read_text().count("\n") == 1


@pytest.mark.parametrize("kind", ["csv", "parquet", "table"])
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path, url: str, kind: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # a pipe holds 64 kB without a reader
    ended = run(tmp_path, *TIME, "--format", kind, "--out", str(pipe), DATABASE_URL=url)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert len(os.read(reader, 1 << 16)) > 1000
    os.close(reader)


def test_a_link_leads_to_the_file_and_the_file_keeps_its_mode(tmp_path: Path, url: str) -> None:
    (tmp_path / "there").mkdir()
    file, link = tmp_path / "there" / "report.csv", tmp_path / "link.csv"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    (tmp_path / "there" / ".report.csv.part").symlink_to(tmp_path / "elsewhere")
    ended = run(tmp_path, *TIME, "--format", "csv", "--out", str(link), DATABASE_URL=url)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert link.is_symlink()
    assert file.read_text().startswith("day,")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert not (tmp_path / "elsewhere").exists()
    assert sorted(path.name for path in file.parent.iterdir()) == [".report.csv.part", "report.csv"]
