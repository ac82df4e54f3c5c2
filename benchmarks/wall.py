"""What the worker's wall costs: each pipeline in the supervised child, and the same called in-process, in pairs.

python -m benchmarks.wall [PAIRS]
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
_PROMISE_MS = 5.0


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
                steps = pipelines[name]

                def walled(steps: Pipeline = steps) -> None:
                    deadline = time.monotonic() + 60
                    worker.run(source, worker.probe(source, deadline), steps, out, deadline)

                def bare(steps: Pipeline = steps) -> None:
                    render.render(source, header.read_header(source), steps, out, lambda: None)

                inside, outside = _paired(bare, walled, pairs)
                difference = median(b - a for a, b in zip(inside, outside, strict=True))
                worst = max(worst, difference)
                print(f"{name:12} {median(inside):10.1f} {median(outside):10.1f} {difference:10.2f}")
    finally:
        worker.close()
    print(f"The wall costs at most {worst:.2f} ms here; the promise is {_PROMISE_MS:.0f} ms.")
    return 0 if worst <= _PROMISE_MS else 1


def _paired(first: Callable[[], None], second: Callable[[], None], pairs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each, in turn, so that a drift of the machine's speed meets both."""
    times: tuple[list[float], list[float]] = [], []
    for call in (first, second):
        call()  # warm
    for _ in range(pairs):
        for call, kept in zip((first, second), times, strict=True):
            start = time.perf_counter()
            call()
            kept.append((time.perf_counter() - start) * 1000)
    return times


def _photograph() -> "np.ndarray":
    """Gradients, edges and noise: compresses as a photograph does."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    base = np.stack([x / _WIDTH, y / _HEIGHT, np.sin(x / 40) * np.cos(y / 60) / 2 + 0.5], axis=2) * 200
    return np.clip(base + random.normal(20, 8, base.shape), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
