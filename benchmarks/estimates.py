"""How well the estimates hold: generated images of every format, through every shipped pipeline, against the table.

`python -m benchmarks.estimates --images 1000 --seed 1` runs them all in supervised workers, two at a time, and prints
the table. Each run is a line of `--out`, so that one which was interrupted goes on; `--report` only prints. The margins
are fitted on the images of even number and judged on those of odd number; `--write` puts them into the shipped table.
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
from core.routing.estimate import Costs
from core.worker.supervisor import SupervisedWorker
from pictureperfect.calibration.synthetic_images import KINDS, Content, write

_SMALLEST, _LARGEST = 0.1, 50.0  # megapixels
#: These are decoded by Python, about a second a megapixel: larger ones would take hours of the whole.
_SLOW, _SLOW_LARGEST = frozenset({"dds", "qoi", "xpm"}), 5.0
#: Denoising takes a second and more a megapixel: of larger images fewer are restored, so that each size costs as much.
_RESTORED = 0.8
_ASPECTS = (1.0, 4 / 3, 3 / 2, 16 / 9, 2 / 3, 3 / 4)
_GIGABYTES = 16


class Image(msgspec.Struct, frozen=True):
    """One generated image, and what is run over it."""

    number: int
    kind: str
    content: Content
    width: int
    height: int
    pipelines: tuple[str, ...]


def images(count: int, seed: int) -> Iterator[Image]:
    """So many, each by its own number alone."""
    kinds, names = list(KINDS), list(load_folder(SHIPPED_FOLDER))
    for number in range(count):
        random = np.random.default_rng((seed, number))
        kind = kinds[number // 2 % len(kinds)]  # each half has every kind
        largest = _SLOW_LARGEST if kind in _SLOW else _LARGEST
        megapixels = float(np.exp(random.uniform(np.log(_SMALLEST), np.log(largest))))
        aspect = _ASPECTS[random.integers(len(_ASPECTS))]
        width = min(KINDS[kind].side, round((megapixels * 1e6 * aspect) ** 0.5))
        height = min(KINDS[kind].side, round(width / aspect))
        content = list(Content)[random.choice(3, p=[0.7, 0.1, 0.2])]
        restored = random.random() < _RESTORED / (width * height / 1e6)
        yield Image(
            number, kind, content, width, height, tuple(name for name in names if name != "restore" or restored)
        )


def large() -> Iterator[Image]:
    """Five beyond what is judged, each listed singly."""
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
    """What each pipeline takes of it."""
    path, pipelines = folder / "image", load_folder(SHIPPED_FOLDER)
    write(image.kind, image.content, image.width, image.height, seed + abs(image.number), path)
    far = time.monotonic() + 3600
    header = worker.probe(path, far)
    for name in image.pipelines:
        with TemporaryDirectory(dir=folder) as out:
            try:
                usage = worker.run(path, header, pipelines[name], Path(out), far).usage
            except WorkerFailure as failure:
                print(f"{image.kind} {image.width}x{image.height} {name}: {failure}", file=sys.stderr)
                continue
        yield Run(image.number, image.kind, image.content, name, header, usage.cpu_seconds, usage.peak_bytes)


def work(part: int, parts: int, wanted: Sequence[Image], seed: int, out: str) -> None:
    """One of several processes: every so-and-so-manieth image."""
    environ = {"PATH": os.defpath}
    worker = SupervisedWorker(_GIGABYTES << 30, 1, environ)
    with TemporaryDirectory() as folder, Path(out).open("ab", buffering=0) as file:
        for image in wanted[part::parts]:
            file.writelines(msgspec.json.encode(one) + b"\n" for one in run(image, seed, worker, Path(folder)))
    worker.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("estimates.jsonl"), help="runs, one a line")
    parser.add_argument("--large", action="store_true", help="the five larger ones instead")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--write", type=Path, help="put the margins into this table")
    options = parser.parse_args()
    if not options.report:
        done = {one.number for one in report.read(options.out)}
        made = large() if options.large else images(options.images, options.seed)
        wanted = [image for image in made if image.number not in done]
        context = multiprocessing.get_context("spawn")
        processes = [
            context.Process(target=work, args=(part, options.jobs, wanted, options.seed, str(options.out)))
            for part in range(options.jobs)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    runs = report.read(options.out)
    costs = cost_table.load(platform.machine())
    fitted = report.fitted(runs, costs)
    print(f"seed {options.seed}")
    print(report.text(runs, replace(costs, margins=fitted)))
    if options.write:
        _put(options.write, replace(costs, margins=fitted))


def _put(path: Path, costs: Costs) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(costs), indent=1) + b"\n")


if __name__ == "__main__":
    main()
