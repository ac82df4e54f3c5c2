"""Whether the number of threads changes a byte: operations, decoders, encoders and pipelines on larger pictures.

python -m benchmarks.same_bytes [WIDTH HEIGHT]; exit 1 where one does. About ten minutes on two cores.
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from benchmarks import pixel_cases
from benchmarks.pixel_cases import Case
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.loader import load_folder
from core.worker.supervisor import SupervisedWorker
from pictureperfect.calibration.synthetic_images import Content, write

#: From one to what the largest Batch tier has, and an odd number between.
THREADS = (1, 2, 7, 16)
_SIZE = (
    2611,
    1733,
)  # 4.5 megapixels: more than one of core.worker.rendering.bands's bands; odd, so that stripes end anywhere
_PICTURES = ("jpeg", "png alpha", "png deep")
_SECONDS = 600.0


def of_threads(case: Case) -> dict[int, str]:
    """The digest of what `case` gives, by the number of OpenCV's threads; they stay as the last has them."""
    digests = {}
    for threads in THREADS:
        cv2.setNumThreads(threads)
        assert cv2.getNumThreads() == threads  # noqa: S101 - OpenCV built without threads would show nothing
        made = case.run()
        content = made if isinstance(made, bytes) else made.tobytes() if isinstance(made, np.ndarray) else repr(made)
        digests[threads] = hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()
    return digests


def of_pipelines(folder: Path, width: int, height: int) -> Iterator[tuple[str, dict[int, str]]]:
    """Each shipped pipeline on each picture: what, and the digest of all its files, by the number of threads."""
    made: dict[str, dict[int, str]] = {}
    for kind in _PICTURES:
        write(kind, Content.PHOTO, width, height, 3, folder / kind)
    for threads in THREADS:
        worker = SupervisedWorker(8 << 30, threads, {"PATH": os.defpath})
        try:
            for kind in _PICTURES:
                header = worker.probe(folder / kind, time.monotonic() + _SECONDS)
                for name, pipeline in load_folder(SHIPPED_FOLDER).items():
                    with TemporaryDirectory(dir=folder) as out:
                        done = worker.run(folder / kind, header, pipeline, Path(out), time.monotonic() + _SECONDS)
                        digest = hashlib.sha256(repr(done.measurements).encode())
                        for file in done.renditions:
                            digest.update(Path(file.path).read_bytes())
                    made.setdefault(f"pipeline {name} on {kind}", {})[threads] = digest.hexdigest()
        finally:
            worker.close()
    yield from made.items()


def main(width: int, height: int) -> int:
    """Print what differs; the exit code."""
    print(f"{width} x {height} pixels, threads {', '.join(map(str, THREADS))}")
    seen = differing = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        pixel_cases.prepare(folder, width, height)
        of_cases = ((f"{case.part} {case.name} on {case.on}", of_threads(case)) for case in pixel_cases.cases(folder))
        for made in (of_cases, of_pipelines(folder, width, height)):
            for what, digests in made:
                seen += 1
                others = [threads for threads in THREADS if digests[threads] != digests[1]]
                differing += bool(others)
                if others:
                    print(f"{what}: other bytes with {', '.join(map(str, others))} threads than with 1")
    print(f"{seen - differing} of {seen} give the same bytes with every number of threads")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(*(tuple(map(int, sys.argv[1:3])) or _SIZE)))
