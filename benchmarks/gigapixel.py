"""An image of a thousand megapixels on the Batch route, within its estimated memory and on all cores.

`python -m benchmarks.gigapixel` paints a JPEG of 32,768 x 30,520 pixels and runs it through `thumbnail`, `web` and a
denoising in bands, each in a worker limited to the upper estimate of memory. Then `stylize`, which cannot run in bands,
is refused with its figures. It takes 15 minutes on two cores, 10 GB of memory and as much disk.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from core.domain.errors import ImageFailure
from core.domain.model import ImageHeader, Route
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.definition import Pipeline
from core.pipelines.loader import load, load_folder
from core.routing import batch_tiers, cost_table
from core.routing.plan import Capacity, Limits, plan
from core.worker.supervisor import SupervisedWorker

_WIDTH, _HEIGHT = 32_768, 30_520
_DENOISE = (
    "steps: [{denoise: {strength: 4, color_strength: 8}}]\nrenditions: [{name: clean, outputs: [{format: jpeg}]}]"
)
_STYLIZE = "steps: [{stylize: {}}]\nrenditions: [{name: drawn, outputs: [{format: jpeg}]}]\n"
_LIMITS = Limits(max_megapixels=1100, max_bytes=5 << 30)
_GB = 1 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", help="a pipeline: thumbnail, web, denoise or stylize (default: all)")
    only = parser.parse_args().only
    with TemporaryDirectory(prefix="gigapixel-") as folder:
        path = Path(folder) / "large.jpg"
        _paint(path)
        for pipeline in _pipelines():
            if not only or pipeline.name in only:
                print(_line(path, pipeline, Path(folder)), flush=True)


def _pipelines() -> Iterator[Pipeline]:
    shipped = load_folder(SHIPPED_FOLDER)
    yield shipped["thumbnail"]
    yield shipped["web"]
    yield load(_DENOISE, "denoise.yaml")
    yield load(_STYLIZE, "stylize.yaml")


def _paint(path: Path) -> None:
    """Large shapes and a little grain, added in strips, so that memory holds the picture once."""
    random = np.random.default_rng(1)
    coarse = random.integers(0, 255, (_HEIGHT // 256 + 1, _WIDTH // 256, 3), np.uint8)
    picture = cv2.resize(coarse, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
    grain = random.integers(0, 9, (1024, _WIDTH, 3), np.uint8)
    for top in range(0, _HEIGHT, 1024):
        strip = picture[top : top + 1024]
        cv2.add(strip, grain[: len(strip)], strip)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


def _line(path: Path, pipeline: Pipeline, folder: Path) -> str:
    environ = {"PATH": os.defpath}
    prober = SupervisedWorker(_GB, 1, environ)
    deadline = time.monotonic() + 7200
    header = prober.probe(path, deadline)
    prober.close()
    try:
        return _run(path, header, pipeline, folder, deadline)
    except ImageFailure as failure:
        return f"{pipeline.name:10} refused: {failure}"


def _run(path: Path, header: ImageHeader, pipeline: Pipeline, folder: Path, deadline: float) -> str:
    estimate = cost_table.estimator(os.uname().machine)(header, pipeline)
    nothing = Capacity(route=Route.LAMBDA, memory_bytes=0, can_hand_over=True)
    tier = batch_tiers.tier_by_name(plan(header, pipeline, _LIMITS, nothing, estimate).tier)
    assert tier  # noqa: S101 - nothing fits a capacity without memory
    worker = SupervisedWorker(estimate.peak_bytes_upper, 0, {"PATH": os.defpath})
    with TemporaryDirectory(dir=folder) as out:
        usage = worker.run(path, header, pipeline, Path(out), deadline).usage
    worker.close()
    return (
        f"{pipeline.name:10} {header.megapixels:,.0f} megapixels in {tier.name}: {usage.peak_bytes / _GB:.2f} GB "
        f"(estimate {estimate.peak_bytes / _GB:.2f}, at most {estimate.peak_bytes_upper / _GB:.2f}), "
        f"{usage.cpu_seconds:,.1f} s of CPU (estimate {estimate.cpu_seconds:,.1f}, at most "
        f"{estimate.cpu_seconds_upper:,.1f}) in {usage.seconds:,.1f} s: {usage.cpu_seconds / usage.seconds:.2f} cores"
    )


if __name__ == "__main__":
    main()
