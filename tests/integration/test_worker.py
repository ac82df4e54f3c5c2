"""The worker with operations that crash, hang, allocate without end, write into the protocol or exit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.domain.errors import Code, ImageFailure, Misconfigured
from core.domain.model import ImageFormat, ImageHeader
from core.domain.outputs import Output
from core.imaging.operations.base import Operation
from core.pipelines.definition import Pipeline, RenditionSpec
from core.ports.worker import WorkerFailure
from core.worker.supervisor import SupervisedWorker
from tests.integration import hostile_child
from tests.support.aws.local_batch import is_alive
from tests.support.waiting import HANGS_AFTER, until

MEMORY = 600 * 2**20


def pipeline(*steps: Operation) -> Pipeline:
    spec = RenditionSpec(name="out", steps=steps, outputs=(Output(format=ImageFormat.PNG),))
    return Pipeline(name="test", renditions=(spec,))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    path = tmp_path_factory.mktemp("picture") / "picture.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


@pytest.fixture
def worker() -> Iterator[SupervisedWorker]:
    worker = SupervisedWorker(MEMORY, 1, os.environ, "tests.integration.hostile_child")
    yield worker
    worker.close()


def run(
    worker: SupervisedWorker, picture: Path, out: Path, *steps: Operation, seconds: float = HANGS_AFTER
) -> list[Path]:
    out.mkdir(exist_ok=True)
    header = worker.probe(picture, time.monotonic() + HANGS_AFTER)
    rendered = worker.run(picture, header, pipeline(*steps), out, time.monotonic() + seconds)
    return [Path(file.path) for file in rendered.renditions]


@pytest.mark.parametrize(
    ("operation", "seconds", "code"),
    [
        (hostile_child.Segfault(), HANGS_AFTER, Code.WORKER_CRASHED),
        (hostile_child.Forever(), 1.0, Code.TIMED_OUT),
        (hostile_child.Hoard(), HANGS_AFTER, Code.OUT_OF_MEMORY),
        (hostile_child.Raise(), HANGS_AFTER, Code.OPERATION_FAILED),
        (hostile_child.Leave(), HANGS_AFTER, Code.WORKER_CRASHED),
    ],
    ids=lambda value: type(value).__name__.lower() if isinstance(value, Operation) else None,
)
def test_a_hostile_operation_fails_only_its_image_and_the_next_image_is_served(
    worker: SupervisedWorker, picture: Path, tmp_path: Path, operation: Operation, seconds: float, code: Code
) -> None:
    with pytest.raises(ImageFailure) as failure:
        run(worker, picture, tmp_path / "bad", operation, seconds=seconds)
    assert failure.value.code is code
    assert [path.name for path in run(worker, picture, tmp_path / "good")] == ["out.png"]


def test_a_failed_image_has_its_usage(worker: SupervisedWorker, picture: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkerFailure) as failure:
        run(worker, picture, tmp_path / "bad", hostile_child.Forever(), seconds=1.0)
    assert failure.value.usage.seconds >= 1.0
    assert failure.value.usage.cpu_seconds > 0
    assert failure.value.usage.peak_bytes > 20 * 2**20


def test_a_crash_in_the_child_of_a_large_parent_does_not_count_as_out_of_memory(picture: Path, tmp_path: Path) -> None:
    ballast = np.ones(700 * 2**20, np.uint8)  # exec keeps the peak of the process that forked the child
    worker = SupervisedWorker(MEMORY, 1, os.environ, "tests.integration.hostile_child")
    try:
        with pytest.raises(WorkerFailure) as failure:
            run(worker, picture, tmp_path / "bad", hostile_child.Segfault())
    finally:
        worker.close()
        del ballast
    assert failure.value.code is Code.WORKER_CRASHED
    assert failure.value.usage.peak_bytes < MEMORY


def test_prints_of_a_library_do_not_reach_the_protocol(worker: SupervisedWorker, picture: Path, tmp_path: Path) -> None:
    assert run(worker, picture, tmp_path / "out", hostile_child.Chatter())


def test_the_childs_environment_has_no_credentials(
    monkeypatch: pytest.MonkeyPatch, picture: Path, tmp_path: Path
) -> None:
    from core.bootstrap import worker as bootstrap_worker

    monkeypatch.setattr("core.bootstrap.worker.SupervisedWorker", _hostile_worker)
    environ = {**os.environ, "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "y", "DATABASE_URL": "postgresql://z"}
    worker = bootstrap_worker.start_worker(environ)
    try:
        assert run(worker, picture, tmp_path / "out", hostile_child.Environment())
    finally:
        worker.close()


def _hostile_worker(
    memory_bytes: int, threads: int, environ: dict[str, str], functions: Sequence[str]
) -> SupervisedWorker:
    assert not functions
    return SupervisedWorker(memory_bytes, threads, environ, "tests.integration.hostile_child")


def test_usage_excludes_the_images_before(worker: SupervisedWorker, tmp_path: Path, picture: Path) -> None:
    from PIL import Image

    large = tmp_path / "large.png"
    Image.new("RGB", (6000, 6000), "red").save(large)
    deadline = time.monotonic() + HANGS_AFTER
    header = worker.probe(large, deadline)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    large_usage = worker.run(large, header, pipeline(), tmp_path / "a", deadline).usage
    small_header = worker.probe(picture, deadline)
    small_usage = worker.run(picture, small_header, pipeline(), tmp_path / "b", deadline).usage
    assert large_usage.peak_bytes > 6000 * 6000 * 3
    assert small_usage.cpu_seconds < large_usage.cpu_seconds
    if sys.platform == "linux":  # other systems cannot reset the peak
        assert small_usage.peak_bytes < large_usage.peak_bytes / 1.5


def test_a_child_that_cannot_start_is_a_fault_of_the_deployment(picture: Path) -> None:
    worker = SupervisedWorker(MEMORY, 1, os.environ, "tests.integration.no_such_module")
    try:
        with pytest.raises(Misconfigured) as error:
            worker.probe(picture, time.monotonic() + HANGS_AFTER)
        assert error.value.code is Code.WORKER_UNAVAILABLE
    finally:
        worker.close()


def test_the_child_ends_with_its_parent_even_in_the_middle_of_an_image(picture: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from tests.integration import test_worker as t;"
        "w = t.SupervisedWorker(t.MEMORY, 1, os.environ, 'tests.integration.hostile_child');"
        "w.probe(Path(sys.argv[1]), time.monotonic() + t.HANGS_AFTER);"
        "print(w._child._process.pid, flush=True);"
        "step = t.hostile_child.Meet(folder=sys.argv[3], name='child', count=2);"
        "t.run(w, Path(sys.argv[1]), Path(sys.argv[2]), step)"
    )
    command = [sys.executable, "-c", code, str(picture), str(tmp_path / "out"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        until((tmp_path / "here-child").exists)
        assert is_alive(child)
        parent.send_signal(signal.SIGKILL)
    try:
        until(lambda: not is_alive(child))
    finally:
        (tmp_path / "here-end").touch()  # ends the step of a child that is left


def test_the_header_of_a_text_file_is_refused_as_unsupported_format(worker: SupervisedWorker, tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("text and no picture")
    with pytest.raises(ImageFailure) as failure:
        worker.probe(path, time.monotonic() + HANGS_AFTER)
    assert failure.value.code is Code.UNSUPPORTED_FORMAT
    assert isinstance(worker.probe(_png(tmp_path), time.monotonic() + HANGS_AFTER), ImageHeader)


def _png(folder: Path) -> Path:
    from PIL import Image

    path = folder / "one.png"
    Image.new("L", (1, 1)).save(path)
    return path
