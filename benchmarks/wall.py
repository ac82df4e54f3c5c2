"""Overhead of the supervised child: each pipeline in the child and in-process, in pairs.

`python -m benchmarks.wall [PAIRS]`; part of `make bench`.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from core.imaging import header
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.definition import Pipeline
from core.pipelines.loader import load_folder
from core.worker.rendering import render
from core.worker.supervisor import SupervisedWorker

_WIDTH, _HEIGHT = 1632, 1224  # 2.0 megapixels
_MAX_OVERHEAD_MS = 5.0


def main(pairs: int) -> int:
    pipelines = load_folder(SHIPPED_FOLDER)
    worker = SupervisedWorker(2**31, 1, os.environ)
    cv2.setNumThreads(1)
    print(f"{_WIDTH} x {_HEIGHT} pixels, one thread, {pairs} pairs; milliseconds, medians")
    print(f"{'pipeline':12} {'in-process':>10} {'worker':>10} {'difference':>10}")
    worst = 0.0
    try:
        with TemporaryDirectory() as folder:
            source, out = Path(folder) / "source.jpg", Path(folder) / "out"
            out.mkdir()
            cv2.imwrite(str(source), _photograph())
            for name in ("thumbnail", "web"):
                pipeline = pipelines[name]

                def supervised(pipeline: Pipeline = pipeline) -> None:
                    deadline = time.monotonic() + 60
                    worker.run(source, worker.probe(source, deadline), pipeline, out, deadline)

                def in_process(pipeline: Pipeline = pipeline) -> None:
                    render.render(source, header.read_header(source), pipeline, out, lambda: None)

                direct, child = _paired(in_process, supervised, pairs)
                difference = median(b - a for a, b in zip(direct, child, strict=True))
                worst = max(worst, difference)
                print(f"{name:12} {median(direct):10.1f} {median(child):10.1f} {difference:10.2f}")
    finally:
        worker.close()
    print(f"The supervised child costs at most {worst:.2f} ms here; the limit is {_MAX_OVERHEAD_MS:.0f} ms.")
    return 0 if worst <= _MAX_OVERHEAD_MS else 1


def _paired(first: Callable[[], None], second: Callable[[], None], pairs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each call, in turns, so that a change of the machine's speed affects both."""
    times: tuple[list[float], list[float]] = [], []
    for call in (first, second):
        call()  # warm
    for _ in range(pairs):
        for call, milliseconds in zip((first, second), times, strict=True):
            start = time.perf_counter()
            call()
            milliseconds.append((time.perf_counter() - start) * 1000)
    return times


def _photograph() -> "np.ndarray":
    """Gradients, edges and noise, which compress like a photograph."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    base = np.stack([x / _WIDTH, y / _HEIGHT, np.sin(x / 40) * np.cos(y / 60) / 2 + 0.5], axis=2) * 200
    return np.clip(base + random.normal(20, 8, base.shape), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
