"""The worker where its surroundings fail it: its child killed between images, a full disk, a folder of odd files."""

import errno
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.domain.errors import Code, Unavailable
from core.domain.model import ImageFormat, ImageHeader, Usage
from core.domain.outputs import Output
from core.imaging import codec
from core.imaging.operations import OPERATIONS
from core.ports.worker import WorkerFailure
from core.worker import child as worker_child
from core.worker.protocol import Failed, Probe, Reply
from core.worker.supervisor import SupervisedWorker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / "picture.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


def test_a_child_killed_between_two_images_is_not_the_next_ones_fault(picture: Path) -> None:
    worker = SupervisedWorker(600 * 2**20, 1, os.environ)
    try:
        worker.probe(picture, time.monotonic() + 30)
        child = worker._child
        assert child is not None
        os.kill(child._process.pid, signal.SIGKILL)
        assert child._process.stdout is not None
        closed = select.poll()
        closed.register(child._process.stdout.fileno(), 0)
        assert closed.poll(30_000)
        assert worker.probe(picture, time.monotonic() + 30).width == 256
    finally:
        worker.close()


def test_a_full_disk_is_the_machines_failure_and_never_the_images(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> ImageHeader:
        raise OSError(errno.ENOSPC, "No space left on device", "/scratch/out.png")

    monkeypatch.setattr("core.imaging.header.read_header", full)
    monkeypatch.setattr(worker_child, "_limit_cpu", lambda _seconds: None)
    answer = worker_child._answer(Probe(path=str(picture), seconds=30), OPERATIONS)
    assert isinstance(answer, Failed)
    assert "/scratch/out.png" in answer.message

    worker = SupervisedWorker(600 * 2**20, 1, os.environ)
    try:
        worker.probe(picture, time.monotonic() + 30)
        assert worker._child is not None
        monkeypatch.setattr(worker._child, "ask", lambda *_: Reply(answer=answer, usage=Usage()))
        with pytest.raises(Unavailable) as failure:
            worker.probe(picture, time.monotonic() + 30)
    finally:
        worker.close()
    assert failure.value.code is Code.WORKER_UNAVAILABLE
    assert not isinstance(failure.value, WorkerFailure)


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("kind", list(ImageFormat))
def test_no_format_is_written_by_halves_on_a_full_disk(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ImageFormat, noticed: bool
) -> None:
    """OpenCV may notice, and remove what it wrote; or may not, as with AVIF, and as with the end of any file."""
    from core.imaging import header

    class Full:
        free = 0

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    raster = codec.decode(picture, header.read_header(picture))
    monkeypatch.setattr("cv2.imwrite", lambda *_: not noticed)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Full())
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        codec.encode(raster, Output(format=kind), tmp_path / f"out.{kind.extension}")


def test_a_folder_with_a_file_named_like_a_module_does_not_stop_the_worker(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "numbers.py").write_text("raise SystemExit('not yours to import')")
    code = (
        "import os, time; from pathlib import Path; from core.worker.supervisor import SupervisedWorker\n"
        "worker = SupervisedWorker(600 * 2**20, 1, os.environ)\n"
        f"print(worker.probe(Path({str(picture)!r}), time.monotonic() + 30).width); worker.close()"
    )
    command = [sys.executable, "-P", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "256", done.stderr


def test_a_folder_that_cannot_be_written_to_is_said_before_any_work(picture: Path) -> None:
    from pictureperfect import cli

    arguments = ["process", str(picture), "--pipeline", "thumbnail", "--out", "/dev/null/renditions"]
    assert cli.run(lambda: cli.cli.main(arguments, standalone_mode=False)) == 2
