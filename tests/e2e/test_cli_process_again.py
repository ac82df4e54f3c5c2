"""`pictureperfect process`, interrupted and resumed: finished files stay, unfinished ones are not seen."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pictureperfect.demo import painted_images

COMMAND = [sys.executable, "-m", "pictureperfect.cli", "process"]
COUNT = 8
# Slow enough that a signal after the first answer finds other files unfinished.
SLOW = """
steps: [{denoise: {strength: 4}}]
renditions:
  - {name: whole, outputs: [{format: jpeg}, {format: webp}]}
  - {name: half, steps: [{resize: {width: 150}}], outputs: [{format: png}]}
"""
Line = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    (place / "photos").mkdir()
    for number in range(COUNT):
        painted_images.paint_landscape(420, 280, number, painted_images.DUSK).save(place / "photos" / f"{number}.png")
    (place / "photos" / "broken.jpg").write_text("not an image")
    (place / "pipelines").mkdir()
    (place / "pipelines" / "slow.yaml").write_text(SLOW)
    return place


@pytest.fixture(scope="module")
def undisturbed(place: Path) -> tuple[dict[str, bytes], list[Line]]:
    out = place / "undisturbed"
    lines = process(place, out)
    assert not any(line["resumed"] for line in lines)
    return files(out), comparable(lines, out)


def command(place: Path, out: Path, *more: object) -> list[str]:
    given = [place / "photos", "--pipeline", "slow", "--pipelines", place / "pipelines", "--out", out, "--jobs", 2]
    return [*COMMAND, *map(str, given), *map(str, more)]


def process(place: Path, out: Path, *more: object) -> list[Line]:
    ended = subprocess.run(command(place, out, *more), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def files(out: Path) -> dict[str, bytes]:
    """The content of every file in the folder except the journal."""
    paths = (path for path in out.rglob("*") if path.is_file() and path.name != ".pictureperfect.jsonl")
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def comparable(lines: Iterable[Line], out: Path) -> list[Line]:
    """The lines without the fields that differ from run to run."""
    varying = {"seconds", "cpu_seconds", "peak_bytes", "resumed"}
    kept = ({name: value for name, value in line.items() if name not in varying} for line in lines)
    return [json.loads(json.dumps(line).replace(str(out), "OUT")) for line in kept]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_after_any_end_the_same_command_does_the_rest_with_the_same_results(
    number: signal.Signals, place: Path, undisturbed: tuple[dict[str, bytes], list[Line]]
) -> None:
    out = place / number.name
    with subprocess.Popen(command(place, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        first = json.loads(running.stdout.readline())
        running.send_signal(number)
        _, words = running.communicate(timeout=600)
    if number is signal.SIGKILL:
        assert running.returncode == -signal.SIGKILL
    else:
        assert running.returncode == 130
        assert "Interrupted: " in words
        assert words.endswith(f" of {COUNT + 1} files are done, and the same command does the rest.\n")
        assert not list(out.glob(".unfinished-*"))
    before = {name: content for name, content in files(out).items() if not name.startswith(".unfinished-")}
    assert before.items() <= undisturbed[0].items()
    assert len(before) < len(undisturbed[0])
    lines = process(place, out)
    assert lines[0] == {**first, "resumed": True}
    assert 0 < sum(line["resumed"] for line in lines) < len(lines)
    assert (files(out), comparable(lines, out)) == undisturbed


@pytest.fixture
def ended(place: Path, tmp_path: Path) -> Path:
    """A folder with three files that are all finished."""
    (tmp_path / "photos").mkdir()
    for name in ("0.png", "1.png", "broken.jpg"):
        (tmp_path / "photos" / name).write_bytes((place / "photos" / name).read_bytes())
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "slow.yaml").write_text(SLOW.replace("steps: [{denoise: {strength: 4}}]", ""))
    process(tmp_path, tmp_path / "photos" / "out")
    return tmp_path


def resumed(place: Path, *more: object) -> list[bool]:
    """Whether 0.png, 1.png and broken.jpg were resumed. `out` lies among the sources and is left out."""
    lines = process(place, place / "photos" / "out", *more)
    assert [Path(line["file"]).name for line in lines] == ["0.png", "1.png", "broken.jpg"]
    return [line["resumed"] for line in lines]


def test_what_has_changed_is_done_again_and_nothing_else(ended: Path) -> None:
    out = ended / "photos" / "out"
    assert resumed(ended) == [True, True, True]  # a failure is an answer too
    os.utime(ended / "photos" / "1.png", ns=(1, 1))
    assert resumed(ended) == [True, False, True]
    (out / "0" / "whole.webp").unlink()
    assert resumed(ended) == [False, True, True]
    assert (out / "0" / "whole.webp").exists()
    assert resumed(ended) == [True, True, True]
    with (out / ".pictureperfect.jsonl").open("rb+") as journal:
        journal.truncate(journal.seek(0, os.SEEK_END) - 30)
    assert resumed(ended) == [False, True, True]
    assert resumed(ended, "--again") == [False, False, False]
    assert resumed(ended) == [True, True, True]


def test_another_pipeline_is_other_work_and_leaves_nothing_of_the_former(ended: Path) -> None:
    file = ended / "pipelines" / "slow.yaml"
    file.write_text("description: In other words.\n" + file.read_text())
    assert resumed(ended) == [True, True, True]
    file.write_text("renditions: [{name: whole, outputs: [{format: png}]}]")
    assert resumed(ended) == [False, False, False]
    assert sorted(files(ended / "photos" / "out")) == ["0/whole.png", "1/whole.png"]


def test_a_file_that_the_pipeline_names_is_a_part_of_it(ended: Path) -> None:
    mark = ended / "pipelines" / "mark.png"
    painted_images.paint_landscape(30, 20, 1, painted_images.NOON).save(mark)
    steps = "steps: [{image-watermark: {image: mark.png}}]\n"
    (ended / "pipelines" / "slow.yaml").write_text(steps + "renditions: [{name: whole, outputs: [{format: png}]}]")
    assert resumed(ended) == [False, False, False]
    assert resumed(ended) == [True, True, True]
    painted_images.paint_landscape(30, 20, 2, painted_images.NIGHT).save(mark)
    assert resumed(ended) == [False, False, False]


def test_a_failure_of_the_machine_is_no_answer(ended: Path) -> None:
    """The worker's child is a Python that refuses to start."""
    out = ended / "photos" / "out"
    script = "import os; from pictureperfect.cli import main; os.environ['PYTHONMALLOC'] = 'nonsense'; main()"
    call = [sys.executable, "-c", script, *command(ended, out, "--again")[3:]]
    failed = subprocess.run(call, capture_output=True, text=True, timeout=600, check=False)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("worker_unavailable: ")
    assert failed.stdout == ""
    assert not list(out.glob(".unfinished-*"))
    assert resumed(ended) == [False, False, False]


def test_the_folder_that_is_read_cannot_be_the_one_that_is_written(ended: Path) -> None:
    refused = subprocess.run(command(ended, ended / "photos"), capture_output=True, text=True, timeout=600, check=False)
    assert refused.returncode == 2
    assert "is a folder that images are read from" in refused.stderr
