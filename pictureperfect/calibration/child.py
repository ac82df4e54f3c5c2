"""A process, set up like the worker's child, that runs one task at a time and returns its time and memory."""

import ctypes
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

import msgspec
from msgspec.structs import replace

from core.domain.errors import ImageFailure
from core.domain.model import ImageFormat
from core.domain.outputs import Output
from core.imaging.header import read_header
from core.imaging.operations.base import Measurement, Operation
from core.imaging.raster import Raster
from core.pipelines.definition import Pipeline, RenditionSpec, from_bytes, to_bytes
from core.routing.stages import RasterShape, Stage, decode_stage, encode_stage, step_stage
from core.worker import process_usage
from core.worker.supervisor import MALLOC_ENVIRON
from pictureperfect.calibration.synthetic_images import KINDS, Content, picture, write

_ASPECT = 1.5
SEED = 20_261_101
_REPEAT_BELOW_SECONDS = 0.03  # seconds: shorter tasks are run three times
_THREADS_FROM_SECONDS = 0.05  # seconds: shorter tasks are not tried with two threads


class Shape(msgspec.Struct, frozen=True):
    """The picture of a task. `depth` is in bits."""

    content: Content
    megapixels: float = 1.0
    channels: int = 3
    depth: int = 8

    @property
    def width(self) -> int:
        return max(8, round(math.sqrt(self.megapixels * 1e6 * _ASPECT)))

    @property
    def height(self) -> int:
        return max(8, round(self.width / _ASPECT))

    def picture(self, density: float) -> RasterShape:
        return RasterShape(
            width=self.width,
            height=self.height,
            channels=self.channels,
            itemsize=2 if self.depth > 8 else 1,  # noqa: PLR2004 - bits
            density=density,
        )


class Decode(msgspec.Struct, frozen=True):
    """Decode a file of a kind of `KINDS`, scaled down by `reduction`."""

    kind: str
    shape: Shape
    reduction: int = 1


class Step(msgspec.Struct, frozen=True):
    """Apply an operation."""

    step: Operation
    shape: Shape


class Encode(msgspec.Struct, frozen=True):
    """Encode a file."""

    output: Output
    shape: Shape


Task = Decode | Step | Encode


class Sample(msgspec.Struct, frozen=True):
    """A task's CPU seconds, its peak bytes beyond those before it, and the share that a second thread takes over.

    `work` and `room` are the features of `core.routing.stages` that seconds and bytes are fitted to.
    """

    kind: str
    work: tuple[float, float, float, float]
    room: tuple[float, float, float, float]
    seconds: float
    bytes: int
    parallel: float = 0.0
    content: Content = Content.PHOTO


class MeasuringProcess:
    """The process. Also a context manager that ends it."""

    def __init__(self, functions: tuple[str, ...], folder: Path) -> None:
        """`functions`: a company's own, `package.module:function`. `folder`: for the files of the decoders."""
        context = multiprocessing.get_context("spawn")
        self._pipe, child_pipe = context.Pipe()
        self._process = context.Process(target=_serve, args=(child_pipe, functions, str(folder)), daemon=True)
        with _worker_environ():
            self._process.start()
        child_pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pipe.close()
        self._process.join(5)
        self._process.kill()

    def measure(self, task: Task) -> Sample | None:
        """The sample; None if the task cannot be done with this picture."""
        self._pipe.send(_serializable(task))
        sample: Sample | None = self._pipe.recv()
        return sample


def _serializable(task: Task) -> object:
    """Steps as bytes of a pipeline: the class of a company's operation is created at run time and cannot be pickled."""
    if isinstance(task, Step):
        spec = RenditionSpec(name="x", outputs=(Output(format=ImageFormat.PNG),))
        return to_bytes(Pipeline(name="x", steps=(task.step,), renditions=(spec,))), task.shape
    return task


@contextmanager
def _worker_environ() -> Iterator[None]:
    """Start processes with the worker's settings of malloc."""
    before = dict(os.environ)
    os.environ.update(MALLOC_ENVIRON)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _serve(pipe: Connection, functions: tuple[str, ...], folder: str) -> None:
    # core.imaging.codec first: it sets variables that OpenCV reads once, when it is imported
    from core.imaging import codec  # noqa: F401, I001, PLC0415
    import cv2  # noqa: PLC0415
    from core.worker import operation_loader  # noqa: PLC0415
    from core.imaging.operations import OPERATIONS  # noqa: PLC0415

    catalogue = {**OPERATIONS, **(operation_loader.load(list(functions), OPERATIONS) if functions else {})}
    cv2.setNumThreads(1)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        if isinstance(task, tuple):
            content, shape = task
            task = Step(from_bytes(content, catalogue).steps[0], shape)
        try:
            sample = replace(_measure(task, Path(folder)), content=task.shape.content)
        except (ImageFailure, MemoryError, ValueError, cv2.error):
            sample = None
        pipe.send(sample)


def _measure(task: Task, folder: Path) -> Sample:
    match task:
        case Decode():
            return _decode(task, folder)
        case Step():
            return _apply(task)
        case Encode():
            return _encode(task, folder)


def _decode(task: Decode, folder: Path) -> Sample:
    from core.imaging import codec  # noqa: PLC0415

    path, shape = folder / "picture", task.shape
    write(task.kind, shape.content, shape.width, shape.height, SEED, path)
    header = read_header(path)
    stage = decode_stage(header, task.reduction)

    def work() -> None:
        if header.frames > 1:
            for _ in codec.read_animation(path, header).frames:
                pass
        else:
            codec.decode(path, header, task.reduction)

    return _sample(stage, work, header.frames)


def _apply(task: Step) -> Sample:
    from core.worker.rendering import bands  # noqa: PLC0415

    raster = _raster(task.shape)
    stage = step_stage(task.step, task.shape.picture(_density(task.shape)), 0)
    step = task.step
    if isinstance(step, Measurement):
        return _sample(stage, lambda: step.measure(raster))
    return _sample(stage, lambda: bands.apply(step, raster))


def _encode(task: Encode, folder: Path) -> Sample:
    from core.imaging import codec  # noqa: PLC0415

    raster, path = _raster(task.shape), folder / f"encoded.{task.output.format.extension}"
    stage = encode_stage(task.output, task.shape.picture(_density(task.shape)), 0)
    return _sample(stage, lambda: codec.encode(raster, task.output, path))


@lru_cache(maxsize=40)
def _raster(shape: Shape) -> Raster:
    return Raster(picture(shape.content, shape.width, shape.height, shape.channels, shape.depth, SEED))


def _density(shape: Shape) -> float:
    """Bytes per pixel of the picture as a JPEG, a measure of its detail."""
    small = picture(shape.content, 512, 512, 3, 8, SEED)
    return len(KINDS["jpeg"].write(small)) / 512**2


def _sample(stage: Stage, work: Callable[[], object], times: int = 1) -> Sample:
    import cv2  # noqa: PLC0415

    cv2.setNumThreads(1)
    seconds, wall, taken = _run(work)
    if seconds < _REPEAT_BELOW_SECONDS:
        seconds = sorted([seconds, _run(work)[0], _run(work)[0]])[1]
    parallel = 0.0
    if seconds > _THREADS_FROM_SECONDS and (os.cpu_count() or 1) > 1:
        cv2.setNumThreads(2)
        parallel = min(1.0, max(0.0, 2 * (1 - _run(work)[1] / wall)))
        cv2.setNumThreads(1)
    return Sample(stage.kinds[0], stage.cpu_features, stage.memory_features, seconds / times, taken, parallel)


def _run(work: Callable[[], object]) -> tuple[float, float, int]:
    """CPU seconds, wall-clock seconds and additional peak bytes of one run."""
    ctypes.CDLL(None).malloc_trim(0)
    process_usage.reset_peak_rss(os.getpid())
    before = process_usage.status_bytes("self", "VmRSS").get("VmRSS", 0)
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = process_usage.status_bytes("self", "VmHWM").get("VmHWM", 0)
    return cpu, wall, max(0, peak - before)
