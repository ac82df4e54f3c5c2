"""Accuracy of the estimates: generated images of every format through every shipped pipeline.

`python -m benchmarks.estimates --images 1000 --seed 1` runs all images in supervised workers, `--jobs` at a time, and
prints the report. Each run is a line in the file `--out`, so that an interrupted benchmark continues; `--report` only
prints. The margins are fitted on the images with an even number and judged on the others; `--write` puts them into a
cost table.
"""

import argparse
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from msgspec.structs import replace

from benchmarks import estimates_report as report
from benchmarks.estimates_report import Run
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.loader import load_folder
from core.ports.worker import WorkerFailure
from core.routing import cost_table
from core.worker.supervisor import SupervisedWorker
from pictureperfect.calibration.synthetic_images import KINDS, Content, write

_SMALLEST, _LARGEST = 0.1, 50.0  # megapixels
#: Python decodes these formats, at about a second per megapixel: larger images would take hours.
_SLOW_FORMATS, _SLOW_LARGEST = frozenset({"dds", "qoi", "xpm"}), 5.0
#: `restore` takes more than a second per megapixel. An image of M megapixels gets it with the probability 0.8 / M, so
#: that small and large images take the same time in total.
_RESTORE_MEGAPIXELS = 0.8
_ASPECTS = (1.0, 4 / 3, 3 / 2, 16 / 9, 2 / 3, 3 / 4)
_WORKER_GIGABYTES = 16


class Image(msgspec.Struct, frozen=True):
    """One generated image, and the pipelines that run over it."""

    number: int
    kind: str
    content: Content
    width: int
    height: int
    pipelines: tuple[str, ...]


def images(count: int, seed: int) -> Iterator[Image]:
    """`count` images, each a function of `seed` and its number."""
    kinds, names = list(KINDS), list(load_folder(SHIPPED_FOLDER))
    for number in range(count):
        random = np.random.default_rng((seed, number))
        kind = kinds[number // 2 % len(kinds)]  # even and odd numbers get every kind
        largest = _SLOW_LARGEST if kind in _SLOW_FORMATS else _LARGEST
        megapixels = float(np.exp(random.uniform(np.log(_SMALLEST), np.log(largest))))
        aspect = _ASPECTS[random.integers(len(_ASPECTS))]
        width = min(KINDS[kind].side, round((megapixels * 1e6 * aspect) ** 0.5))
        height = min(KINDS[kind].side, round(width / aspect))
        content = list(Content)[random.choice(3, p=[0.7, 0.1, 0.2])]
        restored = random.random() < _RESTORE_MEGAPIXELS / (width * height / 1e6)
        yield Image(
            number, kind, content, width, height, tuple(name for name in names if name != "restore" or restored)
        )


def large() -> Iterator[Image]:
    """Five larger images, which the report lists one by one."""
    for number, (kind, width, height, name) in enumerate(
        (
            ("jpeg", 12_000, 8_000, "web"),
            ("jpeg", 20_000, 20_000, "thumbnail"),
            ("png", 12_000, 10_000, "archive"),
            ("tiff", 16_000, 12_500, "web"),
            ("jpeg progressive", 15_000, 10_000, "archive"),
        )
    ):
        yield Image(-1 - number, kind, Content.PHOTO, width, height, (name,))


def run(image: Image, seed: int, worker: SupervisedWorker, folder: Path) -> Iterator[Run]:
    """Run each of the image's pipelines in `worker`."""
    path, pipelines = folder / "image", load_folder(SHIPPED_FOLDER)
    write(image.kind, image.content, image.width, image.height, seed + abs(image.number), path)
    deadline = time.monotonic() + 3600
    header = worker.probe(path, deadline)
    for name in image.pipelines:
        with TemporaryDirectory(dir=folder) as out:
            try:
                usage = worker.run(path, header, pipelines[name], Path(out), deadline).usage
            except WorkerFailure as failure:
                print(f"{image.kind} {image.width}x{image.height} {name}: {failure}", file=sys.stderr)
                continue
        yield Run(image.number, image.kind, image.content, name, header, usage.cpu_seconds, usage.peak_bytes)


def work(part: int, parts: int, pending: Sequence[Image], seed: int, out: str) -> None:
    """Process every `parts`-th image from the index `part` on, and append the runs to the file `out`."""
    environ = {"PATH": os.defpath}
    worker = SupervisedWorker(_WORKER_GIGABYTES << 30, 1, environ)
    with TemporaryDirectory() as folder, Path(out).open("ab", buffering=0) as file:
        for image in pending[part::parts]:
            file.writelines(msgspec.json.encode(done) + b"\n" for done in run(image, seed, worker, Path(folder)))
    worker.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("estimates.jsonl"), help="file of the runs, one per line")
    parser.add_argument("--large", action="store_true", help="run the five larger images instead")
    parser.add_argument("--report", action="store_true", help="print the report of the runs in --out, and run nothing")
    parser.add_argument("--write", type=Path, help="write the cost table with the fitted margins to this file")
    options = parser.parse_args()
    if not options.report:
        done = {run.number for run in report.read(options.out)}
        generated = large() if options.large else images(options.images, options.seed)
        pending = [image for image in generated if image.number not in done]
        context = multiprocessing.get_context("spawn")
        processes = [
            context.Process(target=work, args=(part, options.jobs, pending, options.seed, str(options.out)))
            for part in range(options.jobs)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    runs = report.read(options.out)
    costs = cost_table.load(platform.machine())
    fitted = replace(costs, margins=report.fit_margins(runs, costs))
    print(f"seed {options.seed}")
    print(report.text(runs, fitted))
    if options.write:
        options.write.write_bytes(msgspec.json.format(msgspec.json.encode(fitted), indent=1) + b"\n")


if __name__ == "__main__":
    main()
