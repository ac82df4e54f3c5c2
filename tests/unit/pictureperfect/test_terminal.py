"""Names of customers, files and pipelines are printed literally and cannot steer the terminal."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import click
import pytest
from rich.console import Console

from core.domain.errors import Code, Misconfigured
from core.ports.report_rows import Row
from core.ports.reports import Failure, Latency, Line, Report, ReportQuery, Sums
from pictureperfect import tables
from pictureperfect.cli import run
from pictureperfect.commands.local import batch_status, demo, status, up
from pictureperfect.reports.export import write_csv
from pictureperfect.reports.terminal import render

#: Rich markup, an unopened closing tag, a colour, a window title, a new line, a C1 control, right-to-left override.
HOSTILE = "[web2][/x]\x1b[31m\x1b]0;title\x07\n\x9b1m\u202egnp.exe"
SHOWN = "[web2][/x]\ufffd[31m\ufffd]0;title\ufffd\ufffd\ufffd1m\ufffdgnp.exe"


def printed(*renderables: Any) -> str:
    file = io.StringIO()
    console = Console(file=file, width=400, highlight=False)
    for renderable in renderables:
        console.print(renderable)
    return file.getvalue()


def image(name: str) -> dict[str, Any]:
    return {
        "name": name, "customer": name, "door": name, "format": name, "width": 1, "height": 1, "route": name,
        "seconds": 1.0, "status": "failed", "code": name, "message": name, "renditions": [], "images": 1, "bytes": 1,
        "source_bytes": 1, "committed_at": datetime.now(UTC),
    }  # fmt: skip


def report() -> Report:
    day = date(2026, 11, 24)
    sums = Sums(images=2, failed=1)
    line = Line(name=HOSTILE, sums=sums)
    return Report(
        question=ReportQuery(since=day, until=day), made_at=datetime(2026, 11, 25, tzinfo=UTC), version="1",
        prices="us-east-1", sums=sums, before=sums, customers=1, latency=Latency(p50=1, p95=1, p99=1), days=(),
        by=dict.fromkeys(("customer", "source", "route", "format", "pipeline"), (line,)), movers=(line,),
        failures=(Failure(code=HOSTILE, what=HOSTILE, advice="", images=1),),
    )  # fmt: skip


@pytest.mark.parametrize(
    "show",
    [
        lambda: printed(tables.images([image(HOSTILE)])),
        lambda: printed(tables.counts([image(HOSTILE)])),
        lambda: printed(tables.metrics({HOSTILE: {"Images": 1}})),
        lambda: printed(tables.other_metrics({HOSTILE: {"Failed": 1}})),
        lambda: printed(batch_status.queues_table({"queues": {HOSTILE: {}}})),
        lambda: printed(
            batch_status.jobs_table(
                {"jobs": [{"id": "1", "definition": HOSTILE, "children": {}, "status": "x", "reason": HOSTILE}]}
            )
        ),
        lambda: printed(render(report())),
    ],
    ids=["images", "counts", "metrics", "other metrics", "queues", "jobs", "report"],
)
def test_a_table_shows_names_literally(show: Callable[[], str]) -> None:
    shown = show()
    assert SHOWN in shown
    assert not set(shown) & set("\x1b\x07\x9b\u202e")


def test_lines_of_images_and_lists_of_keys_show_names_literally(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert up._image_line(image(HOSTILE)).count(SHOWN) == 6
    state = {
        "counts": [], "queues": {}, "topics": {HOSTILE: {}}, "batch": {}, "last": [],
        "refused_documents": [HOSTILE], "failure_documents": [],
    }  # fmt: skip
    status._show(state)
    stdout = capsys.readouterr().out
    assert stdout.count(SHOWN) == 2
    assert "Images by customer" in stdout
    shown = {
        "images": [image(HOSTILE)], "refused": [{"key": HOSTILE, "message": HOSTILE}], "counts": [], "dollars": [],
        "metrics": {}, "pictures": [], "gallery": "", "logs": "", "faults": [HOSTILE],
    }  # fmt: skip
    monkeypatch.setenv("COLUMNS", "400")
    demo._show(shown)
    stdout, stderr = capsys.readouterr()
    assert not set(stdout + stderr) & set("\x1b\x07\x9b\u202e")
    assert stdout.count(SHOWN) >= 4
    assert stderr.count(SHOWN) == 1


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_reads_no_name_as_a_formula_and_every_number_as_a_number(begins: str) -> None:
    hostile = f"{begins}cmd|'calc'!A1"
    row = Row(
        day=date(2026, 11, 24), customer="acme", source="upload", route="lambda", format="jpeg", pipeline=hostile,
        status="processed", code=None, images=1, outputs=1, bytes_in=1, bytes_out=3, bytes_saved=-2, seconds=1.0,
        cpu_seconds=1.0, usd=-1e-7, latency_p50=1.0, latency_p95=1.0, latency_p99=1.0,
    )  # fmt: skip
    file = io.StringIO(newline="")
    assert write_csv([row], file) == 1
    (written,) = csv.DictReader(io.StringIO(file.getvalue(), newline=""))
    assert written["pipeline"] == f"'{hostile}"
    assert (written["bytes_saved"], written["usd"], written["code"]) == ("-2", "-1e-07", "")
    assert written["customer"] == "acme"


@pytest.mark.parametrize(
    "error",
    [
        click.UsageError(f"{HOSTILE}\nand"),
        click.ClickException(f"{HOSTILE}\nand"),
        Misconfigured(Code.INVALID_PIPELINE, f"{HOSTILE}\nand"),
    ],
    ids=["usage", "click", "ours"],
)
def test_an_error_shows_names_literally(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise error

    assert run(fail)
    stderr = capsys.readouterr().err
    assert not set(stderr) & set("\x1b\x07\x9b\u202e")
    assert stderr.endswith("\nand\n")  # a message may have several lines, such as the faults of a pipeline
