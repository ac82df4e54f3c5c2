"""Checks that the number of threads changes no byte of operations, decoders, encoders and pipelines.

`python -m benchmarks.same_bytes [WIDTH HEIGHT]` exits with 1 if one changes. It takes ten minutes on two cores.
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

#: From one thread to the 16 vCPUs of the largest Batch tier, with an odd number between.
THREADS = (1, 2, 7, 16)
# 4.5 megapixels are more than one band of core.worker.rendering.bands; odd numbers, so that bands end unevenly
_SIZE = (2611, 1733)
_PICTURES = ("jpeg", "png alpha", "png deep")
_SECONDS = 600.0


def digests_by_threads(case: Case) -> dict[int, str]:
    """SHA-256 of the result of `case` for each number of OpenCV's threads. The last number stays set."""
    digests = {}
    for threads in THREADS:
        cv2.setNumThreads(threads)
        assert cv2.getNumThreads() == threads  # noqa: S101 - OpenCV built without threads would make the comparison void
        result = case.run()
        content = result.tobytes() if isinstance(result, np.ndarray) else result
        data = content if isinstance(content, bytes) else repr(content).encode()
        digests[threads] = hashlib.sha256(data).hexdigest()
    return digests


def pipeline_digests(folder: Path, width: int, height: int) -> Iterator[tuple[str, dict[int, str]]]:
    """For each shipped pipeline on each picture: its description, and the digest of all files by number of threads."""
    digests: dict[str, dict[int, str]] = {}
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
                    digests.setdefault(f"pipeline {name} on {kind}", {})[threads] = digest.hexdigest()
        finally:
            worker.close()
    yield from digests.items()


def main(width: int, height: int) -> int:
    """Print the cases that differ, and return the exit code."""
    print(f"{width} x {height} pixels, threads {', '.join(map(str, THREADS))}")
    total = differing = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        pixel_cases.prepare(folder, width, height)
        of_cases = (
            (f"{case.part} {case.name} on {case.on}", digests_by_threads(case)) for case in pixel_cases.cases(folder)
        )
        for results in (of_cases, pipeline_digests(folder, width, height)):
            for description, digests in results:
                total += 1
                others = [threads for threads in THREADS if digests[threads] != digests[1]]
                differing += bool(others)
                if others:
                    print(f"{description}: other bytes with {', '.join(map(str, others))} threads than with 1")
    print(f"{total - differing} of {total} give the same bytes with every number of threads")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(*(tuple(map(int, sys.argv[1:3])) or _SIZE)))
