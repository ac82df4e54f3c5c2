"""Measures every decoder, operation and encoder on this machine, and fits the cost table to the samples."""

import os
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from core.domain.model import ImageFormat
from core.domain.outputs import DEEP, TRANSPARENT, Output
from core.imaging.operations.base import Operation
from core.imaging.operations.resize import Resize
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.definition import Pipeline
from core.pipelines.loader import load_folder
from core.routing.estimate import Coefficients, Cost, Costs
from core.routing.stages import Densities, encode_stage, step_stage
from core.worker.supervisor import SupervisedWorker
from pictureperfect.calibration.child import SEED, Decode, Encode, MeasuringProcess, Sample, Shape, Step, Task
from pictureperfect.calibration.synthetic_images import KINDS, Content, picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Megapixels of the pictures, in the order in which they are tried until one takes too long.
LADDER = (0.05, 0.25, 1.0, 3.0, 8.0, 20.0)
_LEAST_SECONDS, _LEAST_BYTES = 0.002, 1 << 20  # seconds and bytes below which errors do not matter
_SPREAD_FROM_SECONDS, _SPREAD_FROM_BYTES = 0.02, 8 << 20  # seconds and bytes from which samples count for the spread
_POWER = 0.7  # the value with the smallest errors in benchmarks/estimates.py
#: Weights of the samples by content: most images are photographs, and noise is rare.
_WEIGHTS = {Content.PHOTO: 4.0, Content.FLAT: 1.0, Content.NOISE: 0.3}
_SPREAD_QUANTILE = 0.97  # the margins of the cost table cover the samples beyond
ALPHA = (2, 4)  # channels
_TARGETS = (0.1, 0.3, 0.7, 1.5)  # factors of the sides in a resize


class Series(msgspec.Struct, frozen=True):
    """Tasks of one kind, from small to large; the larger ones are skipped once one takes too long.

    If `kind` is empty, the kind of each task follows from its file or picture.
    """

    kind: str
    tasks: tuple[Task, ...]

    @property
    def name(self) -> str:
        """The kind; for decoders, `decode` and the kind of file."""
        first = self.tasks[0]
        return self.kind or (f"decode {first.kind}" if isinstance(first, Decode) else "")


def series(pipelines: Mapping[str, Pipeline], examples: Mapping[str, Operation]) -> list[Series]:
    """Everything to measure: each kind of file, each operation of the examples and pipelines, each encoder."""
    return [*_decoders(), *_operations(pipelines, examples), *_encoders(pipelines)]


def measure(
    wanted: Iterable[Series], functions: tuple[str, ...], seconds: float, folder: Path, done: Callable[[], object]
) -> Iterator[tuple[str, Sample]]:
    """Each sample with its kind. A series stops after a task of more than `seconds`; `done` is called after each."""
    with MeasuringProcess(functions, folder) as child:
        for each in wanted:
            for task in each.tasks:
                sample = child.measure(task)
                if sample is None:  # impossible with this picture, or too little memory
                    break
                yield each.kind or sample.kind, sample
                if sample.seconds > seconds:
                    break
            done()


def base(folder: Path) -> Sample:
    """The time and memory of the worker's child for a tiny image, which every image takes."""
    path, pipelines = folder / "base", load_folder(SHIPPED_FOLDER)
    path.write_bytes(KINDS["jpeg"].write(picture(Content.PHOTO, 16, 16, 3, 8, 0)))
    worker = SupervisedWorker(1 << 30, 1, {"PATH": os.defpath})
    deadline, usages = time.monotonic() + 60, []
    header = worker.probe(path, deadline)
    for number in range(9):
        out = folder / f"base-{number}"
        out.mkdir()
        usages.append(worker.run(path, header, pipelines["thumbnail"], out, deadline).usage)
    worker.close()
    seconds = sorted(usage.cpu_seconds for usage in usages)[len(usages) // 2]
    return Sample("", (1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), seconds, max(usage.peak_bytes for usage in usages))


def fit(samples: Iterable[tuple[str, Sample]], base: Sample) -> Costs:
    """The cost table of the samples. `base`: the result of `base`."""
    by_kind: dict[str, list[Sample]] = defaultdict(list)
    for kind, sample in samples:
        by_kind[kind].append(sample)
    return Costs(
        machine=platform.machine(),
        measured_on=_processor(),
        measured_at=f"{datetime.now(UTC):%Y-%m-%d}",
        base_bytes=base.bytes,
        base_seconds=round(base.seconds, 5),
        densities=Densities(formats=_densities(), power=_POWER),
        kinds={kind: _cost(of_kind) for kind, of_kind in sorted(by_kind.items())},
    )


def _densities() -> dict[str, float]:
    """Bytes per pixel of a photograph, by format; the first kind of a format counts."""
    densities: dict[str, float] = {}
    for kind in KINDS.values():
        side = min(kind.side, 768)
        pixels = picture(Content.PHOTO, side, side, kind.channels, kind.depth, SEED)
        densities.setdefault(kind.format, round(len(kind.write(pixels)) / side**2, 4))
    return densities


def _cost(samples: list[Sample]) -> Cost:
    work = np.array([sample.work for sample in samples])
    room = np.array([sample.room for sample in samples])
    seconds = np.array([sample.seconds for sample in samples])
    peaks = np.array([sample.bytes for sample in samples], np.float64)
    weights = np.array([_WEIGHTS[sample.content] for sample in samples])
    fitted_seconds = _least_squares(work, seconds, _LEAST_SECONDS, weights)
    fitted_bytes = _least_squares(room, peaks, _LEAST_BYTES, weights)
    largest = max(samples, key=lambda sample: sample.seconds)
    return Cost(
        seconds=_rounded(fitted_seconds),
        bytes=_rounded(fitted_bytes),
        parallel=round(largest.parallel, 2),
        seconds_spread=_spread(work @ fitted_seconds, seconds, _SPREAD_FROM_SECONDS),
        bytes_spread=_spread(room @ fitted_bytes, peaks, _SPREAD_FROM_BYTES),
    )


def _least_squares(features: "Floats", values: "Floats", least: float, weights: "Floats") -> "Floats":
    """Non-negative coefficients with the least squares of relative errors. `least`: the smallest divisor.

    Errors are relative to the geometric mean of fitted and measured value. Relative to one of them alone, a value a
    hundred times too large would count as much as one twice too large.
    """
    found = _descend(features, values, weights / np.maximum(values, least))
    for _ in range(20):
        divisors = np.sqrt(np.maximum(values, least) * np.maximum(features @ found, least))
        found = _descend(features, values, weights / divisors)
    return found


def _descend(features: "Floats", values: "Floats", weights: "Floats") -> "Floats":
    """Non-negative weighted least squares by coordinate descent."""
    scale = np.maximum(np.abs(features).max(axis=0), 1e-12)
    a, b = features / scale * weights[:, None], values * weights
    gram, target = a.T @ a, a.T @ b
    found = np.zeros(features.shape[1])
    for _ in range(2_000):
        before = found.copy()
        for column in range(len(found)):
            if gram[column, column] > 0:
                rest = target[column] - gram[column] @ found + gram[column, column] * found[column]
                found[column] = max(0.0, rest / gram[column, column])
        if np.allclose(before, found, rtol=1e-6, atol=0):
            break
    coefficients: Floats = found / scale
    return coefficients


def _spread(fitted: "Floats", values: "Floats", least: float) -> float:
    ratios = [value / max(fit, 1e-12) for fit, value in zip(fitted, values, strict=True) if value > least]
    return round(max(1.0, float(np.quantile(ratios or [1.0], _SPREAD_QUANTILE))), 2)


def _rounded(values: "Floats") -> Coefficients:
    first, second, third, fourth = (float(f"{value:.4g}") for value in values)
    return first, second, third, fourth


def _decoders() -> Iterator[Series]:
    for name, kind in KINDS.items():
        reductions = (1, 2, 4, 8) if kind.format == "jpeg" else (1,)
        for content, reduction in product(Content, reductions):
            yield Series(
                "",
                tuple(Decode(name, Shape(content, size), reduction) for size in LADDER if size < 16),  # noqa: PLR2004
            )


def _operations(pipelines: Mapping[str, Pipeline], examples: Mapping[str, Operation]) -> Iterator[Series]:
    steps: dict[str, Operation] = dict(examples)
    for pipeline in pipelines.values():
        for step in (*pipeline.steps, *(step for spec in pipeline.renditions for step in spec.steps)):
            tag = str(type(step).__struct_config__.tag)
            steps.setdefault(tag, step)
            if not isinstance(step, Resize):  # its cost depends on the sizes, which differ for each image
                steps[_kind(step)] = step
    for kind, step in steps.items():
        if isinstance(step, Resize):
            yield from _resizes()
            continue
        shapes = {
            "": Shape(Content.PHOTO),
            "/alpha": Shape(Content.FLAT, channels=4),
            "/16": Shape(Content.PHOTO, depth=16),
        }
        for mark, shape in shapes.items():
            sized = (replace(shape, megapixels=size) for size in LADDER)
            yield Series(f"{kind}{mark}", tuple(Step(step, picture_shape) for picture_shape in sized))


def _resizes() -> Iterator[Series]:
    for target, (channels, depth, mark) in product(
        _TARGETS, ((1, 8, ""), (3, 8, ""), (4, 8, "/alpha"), (3, 16, "/16"))
    ):
        shapes = [Shape(Content.PHOTO, size, channels, depth) for size in LADDER]
        targets = [Resize(width=max(1, int(shape.width * target)), enlarge=True) for shape in shapes]
        yield Series(f"resize{mark}", tuple(map(Step, targets, shapes)))


def _encoders(pipelines: Mapping[str, Pipeline]) -> Iterator[Series]:
    outputs = {f"encode {item.value}": Output(format=item) for item in ImageFormat}
    for pipeline in pipelines.values():
        for spec in pipeline.renditions:
            for output in spec.outputs:
                for candidate in output.candidates:
                    outputs[_kind(candidate)] = candidate
    for kind, output in outputs.items():
        for content, channels in (*product(Content, (3, 4)), (Content.PHOTO, 1)):
            mark = "/alpha" if channels in ALPHA and output.format in TRANSPARENT else ""
            yield Series(f"{kind}{mark}", tuple(Encode(output, Shape(content, size, channels)) for size in LADDER))
        if output.format in DEEP:
            shapes = [Shape(Content.PHOTO, size, depth=16) for size in LADDER]
            yield Series(f"{kind}/16", tuple(Encode(output, shape) for shape in shapes))


def _kind(item: Operation | Output) -> str:
    """The most specific kind by which the cost table is searched."""
    any_picture = Shape(Content.PHOTO).picture(0.0)
    if isinstance(item, Output):
        return encode_stage(item, any_picture, 0).kinds[0]
    return step_stage(item, any_picture, 0).kinds[0]


def _processor() -> str:
    """The processor's name from /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
