"""A command that cannot do its work says so in one sentence before it starts, and no sentence is cut off."""

import io
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

import pytest
from rich.console import Console

from pictureperfect import tables
from pictureperfect.cli import cli, run

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command line; returns its exit code, stdout and stderr."""

    def called(*arguments: object) -> tuple[int, str, str]:
        code = run(lambda: cli.main([*map(str, arguments)], standalone_mode=False))
        return code, *capsys.readouterr()

    return called


def fail_if_called(*_arguments: object, **_named: object) -> Never:
    raise AssertionError("The work was started.")


@pytest.mark.parametrize(
    ("command", "work"),
    [("demo", "localcloud.cloud.Cloud"), ("operations", "core.bootstrap.worker.start_worker")],
)
def test_an_unwritable_folder_is_reported_before_the_work_starts(
    command: str, work: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, fail_if_called)
    code, stdout, stderr = call(command, "--out", "/proc/nope")
    assert (code, stdout) == (2, "")
    assert stderr.startswith("--out /proc/nope cannot be written to: ")
    assert stderr.count("\n") == 1


@pytest.mark.parametrize("out", ["/nope/costs.json", "/proc/costs.json"])
def test_an_unwritable_cost_table_is_reported_before_costs_are_measured(
    out: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pictureperfect.calibration.fit.measure", fail_if_called)
    code, stdout, stderr = call("calibrate", "--out", out, "--only", "decode")
    assert (code, stdout) == (2, "")
    assert stderr.startswith(f"--out {out} cannot be written to: ")
    assert stderr.count("\n") == 1


def test_checking_a_path_creates_and_removes_nothing(tmp_path: Path) -> None:
    from pictureperfect.console import writable_file, writable_folder

    writable_folder(tmp_path / "deep" / "er")
    assert [*(tmp_path / "deep" / "er").iterdir()] == []
    writable_file(tmp_path / "deep" / "costs.json")
    assert not (tmp_path / "deep" / "costs.json").exists()
    (tmp_path / "kept").write_text("kept")
    writable_file(tmp_path / "kept")
    assert (tmp_path / "kept").read_text() == "kept"
    os.mkfifo(tmp_path / "pipe")
    writable_file(tmp_path / "pipe")  # does not wait for a reader


def test_a_port_that_is_taken_is_reported_before_the_cloud_starts(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.cloud.moto_server", fail_if_called)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert call("up", "--folder", tmp_path, "--port", port) == (
            1,
            "",
            f"127.0.0.1:{port}: Address already in use.\n",
        )


def test_a_folder_that_cannot_be_created_is_reported_by_its_name(call: Call) -> None:
    code, _, stderr = call("up", "--folder", "/proc/x")
    assert (code, stderr) == (1, "/proc/x: No such file or directory.\n")


def test_an_operating_system_error_without_a_file_is_reported_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise OSError("no such thing")

    assert run(fail) == 1
    assert capsys.readouterr().err == "no such thing.\n"


@pytest.mark.parametrize("command", ["process", "estimate"])
def test_unreadable_pipeline_files_are_reported_by_their_names(command: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "link.yaml").symlink_to("nowhere")
    out = ["--out", tmp_path / "out"] if command == "process" else []
    code, _, stderr = call(command, __file__, "--pipeline", "web", "--pipelines", tmp_path, *out)
    assert code == 1
    assert stderr.splitlines() == [
        f"invalid_pipeline: {tmp_path}/folder.yaml: Is a directory",
        f"{tmp_path}/link.yaml: No such file or directory",
    ]


@pytest.mark.parametrize("command", ["process", "estimate"])
def test_pipelines_are_those_of_the_setting_unless_a_folder_is_given(
    command: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("set", "given"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.yaml").write_text("renditions: [{name: x, outputs: [{format: png}]}]")
    monkeypatch.setenv("PIPELINES", str(tmp_path / "set"))
    arguments = [command, __file__, "--pipeline", "none", *(["--out", tmp_path] if command == "process" else [])]
    assert call(*arguments)[2].startswith("There is no pipeline named 'none'; there are set.")
    stderr = call(*arguments, "--pipelines", tmp_path / "given")[2]
    assert stderr.startswith("There is no pipeline named 'none'; there are given.")
    monkeypatch.setenv("PIPELINES", "")
    assert call(*arguments)[2].startswith("There is no pipeline named 'none'; there are archive, ")
    monkeypatch.setenv("PIPELINES", "/nope")
    assert "PIPELINES" in call(*arguments)[2]


def test_calibrate_and_up_take_the_pipelines_of_the_setting_too(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Called(Exception):  # noqa: N818 - no error
        pass

    def cloud(_folder: Path, options: Any, _progress: object) -> Never:
        raise Called(options.pipelines)

    monkeypatch.setenv("PIPELINES", str(tmp_path))
    monkeypatch.setattr("localcloud.cloud.Cloud", cloud)
    with pytest.raises(Called, match=str(tmp_path)):
        call("up", "--folder", tmp_path)
    assert "there is no pipeline here" in call("calibrate", "--out", tmp_path / "costs.json")[2]


def test_a_folder_without_files_is_reported(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden").touch()
    code, stdout, stderr = call("process", tmp_path / "empty", "--pipeline", "web", "--out", tmp_path / "out")
    assert (code, stdout) == (0, "")
    assert stderr == f"There is no file in {tmp_path}/empty; hidden files are left out.\n"


def test_without_a_command_the_help_is_all_there_is(call: Call) -> None:
    code, stdout, stderr = call()
    assert (code, stdout) == (2, "")
    assert stderr.startswith("Usage:")
    assert " ".join(stderr.split()).endswith("Delete a deployment, but keep its data by default.")


REASON = "The file is no image format that is known here, by its first bytes; known are " + ", ".join(
    f"format number {number}" for number in range(30)
)
ESTIMATE = dict.fromkeys(
    ("format", "width", "height", "frames", "cpu_seconds", "seconds", "seconds_upper", "peak_bytes", "tier", "cost_usd")
)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_table_folds_cells_that_are_too_wide(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from pictureperfect.catalogue.format_table import Row
    from pictureperfect.commands.files import estimate, formats

    shown = io.StringIO()
    monkeypatch.setattr("pictureperfect.commands.files.estimate.output", lambda: Console(file=shown, width=width))
    monkeypatch.setattr("pictureperfect.commands.files.formats.output", lambda: Console(file=shown, width=width))
    name = f"{'n' * 130}.jpg"
    estimate._show({**ESTIMATE, "file": name, "route": "none", "reason": REASON})
    lines = shown.getvalue().splitlines()
    labels = [line[:7].strip() for line in lines if line[:7].strip()]
    assert labels == ["file", "image", "route", "reason"]
    values = "".join(line[7:].strip() for line in lines)
    assert name in values
    assert REASON.replace(" ", "") in values.replace(" ", "")
    assert "unknown" in values
    assert "None" not in values

    shown.truncate(0)
    row = Row(format="tiff", extension=".tif", comes_in=("L", "RGB"), refused=(("F", REASON),), note="")
    monkeypatch.setattr("pictureperfect.catalogue.format_table.rows", lambda: [row])
    assert formats.formats.callback
    formats.formats.callback(as_json=False)
    whole = "".join(shown.getvalue().split())
    assert "…" not in whole
    assert all(word in whole for word in ("tiff", ".tif", "RGB"))


def test_the_names_in_a_table_of_images_are_folded_and_not_cut() -> None:
    shown = io.StringIO()
    table = tables.plain("dimensions", "images")
    table.add_row("x" * 100, "1")
    Console(file=shown, width=40).print(table)
    assert shown.getvalue().count("x") == 100
