"""The worker with a killed child, a full disk, and a working directory that shadows modules."""

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
from tests.support.waiting import HANGS_AFTER

ROOT = Path(__file__).parents[2]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / "picture.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


def test_a_child_killed_between_two_images_does_not_fail_the_next_image(picture: Path) -> None:
    worker = SupervisedWorker(600 * 2**20, 1, os.environ)
    try:
        worker.probe(picture, time.monotonic() + HANGS_AFTER)
        child = worker._child
        assert child is not None
        os.kill(child._process.pid, signal.SIGKILL)
        assert child._process.stdout is not None
        poll = select.poll()
        poll.register(child._process.stdout.fileno(), 0)
        assert poll.poll(HANGS_AFTER * 1000)
        assert worker.probe(picture, time.monotonic() + HANGS_AFTER).width == 256
    finally:
        worker.close()


def test_a_full_disk_is_unavailability_and_no_failure_of_the_image(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(_path: Path) -> ImageHeader:
        raise OSError(errno.ENOSPC, "No space left on device", "/scratch/out.png")

    monkeypatch.setattr("core.imaging.header.read_header", disk_full)
    monkeypatch.setattr(worker_child, "_limit_cpu", lambda _seconds: None)
    answer = worker_child._answer(Probe(path=str(picture), seconds=HANGS_AFTER), OPERATIONS)
    assert isinstance(answer, Failed)
    assert "/scratch/out.png" in answer.message

    worker = SupervisedWorker(600 * 2**20, 1, os.environ)
    try:
        worker.probe(picture, time.monotonic() + HANGS_AFTER)
        assert worker._child is not None
        monkeypatch.setattr(worker._child, "ask", lambda *_: Reply(answer=answer, usage=Usage()))
        with pytest.raises(Unavailable) as failure:
            worker.probe(picture, time.monotonic() + HANGS_AFTER)
    finally:
        worker.close()
    assert failure.value.code is Code.WORKER_UNAVAILABLE
    assert not isinstance(failure.value, WorkerFailure)


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("kind", list(ImageFormat))
def test_no_format_leaves_a_truncated_file_on_a_full_disk(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ImageFormat, noticed: bool
) -> None:
    """OpenCV notices some failed writes and removes the file, but not with AVIF nor at the end of any file."""
    from core.imaging import header

    class FullDisk:
        free = 0

    def disk_full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    raster = codec.decode(picture, header.read_header(picture))
    monkeypatch.setattr("cv2.imwrite", lambda *_: not noticed)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: FullDisk())
    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        codec.encode(raster, Output(format=kind), tmp_path / f"out.{kind.extension}")


def test_a_folder_with_a_file_named_like_a_module_does_not_stop_the_worker(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "numbers.py").write_text("raise SystemExit('not yours to import')")
    code = (
        "import os, time; from pathlib import Path; from core.worker.supervisor import SupervisedWorker\n"
        "worker = SupervisedWorker(600 * 2**20, 1, os.environ)\n"
        f"print(worker.probe(Path({str(picture)!r}), time.monotonic() + {HANGS_AFTER}).width); worker.close()"
    )
    command = [sys.executable, "-P", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "256", done.stderr


def test_an_unwritable_out_folder_is_refused_before_any_image(picture: Path) -> None:
    from pictureperfect import cli

    arguments = ["process", str(picture), "--pipeline", "thumbnail", "--out", "/dev/null/renditions"]
    assert cli.run(lambda: cli.cli.main(arguments, standalone_mode=False)) == 2
