"""Differences of pixels between processors, in processes whose libraries are denied CPU instructions.

`python -m benchmarks.same_pixels [--write docs/explanation/reproducibility.md]` takes a few minutes. All processes read
the same files and run the same cases; they differ in the environment variables that disable instructions.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import PIL

from benchmarks import pixel_cases, pixel_table
from benchmarks.pixel_cases import Case, Part
from benchmarks.pixel_differences import Difference, difference
from benchmarks.pixel_table import Rows
from tools.docs.section import replace_between

_SIZE = (641, 427)
# Names by cv2.getCPUFeaturesLine. OpenCV ignores unknown names with a warning, which `_run` takes for an error.
_V4 = "AVX512-SKX"
_V3 = f"{_V4},AVX2,FMA3"
_ALL_FEATURES = f"{_V3},FP16,AVX,SSE4.2,POPCNT,SSE4.1,SSSE3"
# Names by NumPy, GNU libm, libaom and OpenBLAS: https://numpy.org/doc/stable/reference/simd/build-options.html,
# https://sourceware.org/glibc/manual/latest/html_node/Hardware-Capability-Tunables.html, aom_ports/x86.h.
_NUMPY_V4 = "X86_V4 AVX512_ICL AVX512_SPR"
_NUMPY_V3 = f"X86_V3 {_NUMPY_V4}"
_LIBM_V4 = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD"
_LIBM_V3 = f"{_LIBM_V4},-AVX2,-FMA,-AVX,-BMI2"
_AOM_V3, _AOM_V2, _AOM_LEAST = "0x1ff", "0x13f", "0x7"

#: Environments by their names in the table.
VARIATIONS: dict[str, Mapping[str, str]] = {
    "OpenCV without AVX-512": {"OPENCV_CPU_DISABLE": _V4},
    "OpenCV without AVX2": {"OPENCV_CPU_DISABLE": _V3},
    "OpenCV with SSE3 alone": {"OPENCV_CPU_DISABLE": _ALL_FEATURES},
    "IPP for AVX2": {"OPENCV_IPP": "avx2"},
    "IPP for SSE4.2": {"OPENCV_IPP": "sse42"},
    "no IPP": {"OPENCV_IPP": "disabled"},
    "no OpenCL": {"OPENCV_OPENCL_RUNTIME": "disabled"},
    "NumPy without AVX2": {"NPY_DISABLE_CPU_FEATURES": _NUMPY_V3},
    "all without AVX-512": {
        "OPENCV_CPU_DISABLE": _V4,
        "OPENCV_IPP": "avx2",
        "NPY_DISABLE_CPU_FEATURES": _NUMPY_V4,
        "GLIBC_TUNABLES": _LIBM_V4,
        "OPENBLAS_CORETYPE": "Haswell",
        "AOM_SIMD_CAPS_MASK": _AOM_V3,
    },
    "all without AVX": {
        "OPENCV_CPU_DISABLE": _V3 + ",FP16,AVX",
        "OPENCV_IPP": "sse42",
        "NPY_DISABLE_CPU_FEATURES": _NUMPY_V3,
        "GLIBC_TUNABLES": _LIBM_V3,
        "OPENBLAS_CORETYPE": "Nehalem",
        "AOM_SIMD_CAPS_MASK": _AOM_V2,
        "JSIMD_FORCESSE2": "1",
    },
    "all at their least, no IPP": {
        "OPENCV_CPU_DISABLE": _ALL_FEATURES,
        "OPENCV_IPP": "disabled",
        "OPENCV_OPENCL_RUNTIME": "disabled",
        "NPY_DISABLE_CPU_FEATURES": _NUMPY_V3,
        "GLIBC_TUNABLES": _LIBM_V3,
        "OPENBLAS_CORETYPE": "Nehalem",
        "AOM_SIMD_CAPS_MASK": _AOM_LEAST,
        "JSIMD_FORCENONE": "1",
    },
}


def compare(folder: Path) -> Iterator[tuple[str, Part, str, str, Difference]]:
    """Yields variation, part, name and picture of each case, and its difference from the default environment."""
    pixel_cases.prepare(folder, *_SIZE)
    cases = _cases(folder)
    _run(folder, folder / "default", {})
    for name, environment in VARIATIONS.items():
        _run(folder, folder / "variation", environment)
        for number, case in enumerate(cases):
            first, second = (
                np.load(folder / environment_name / f"{number}.npy") for environment_name in ("default", "variation")
            )
            if case.part in {Part.ENCODER, Part.PIPELINE} and not np.array_equal(first, second):
                first, second = (pixel_cases.decoded(file.tobytes(), folder) for file in (first, second))
            yield name, case.part, case.name, case.on, difference(first, second)


def _cases(folder: Path) -> list[Case]:
    return [*pixel_cases.cases(folder), *pixel_cases.renditions(folder)]


def _run(folder: Path, out: Path, environment: Mapping[str, str]) -> None:
    """Run all cases in a process that has only `environment`, and save the results in `out`."""
    out.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.same_pixels", "--results", str(out), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={"PATH": os.defpath, **environment})
    if done.returncode or "unknown CPU feature" in done.stderr:
        raise RuntimeError(f"{dict(environment)}: {done.stderr}")


def _save_results(out: Path, folder: Path) -> None:
    for number, case in enumerate(_cases(folder)):
        result = case.run()
        np.save(
            out / f"{number}.npy", np.frombuffer(result, np.uint8) if isinstance(result, bytes) else np.asarray(result)
        )


def _machine() -> str:
    """The processor and library versions of this machine, as a sentence."""
    return (
        f"Measured on {datetime.now(UTC).date()}: {platform.machine()} with {cv2.getCPUFeaturesLine()} "
        f"(those with \\* are chosen at run time), OpenCV {cv2.__version__}, NumPy {np.__version__}, "
        f"Pillow {PIL.__version__}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table into this document")
    parser.add_argument("--details", action="store_true", help="print every case that differs")
    parser.add_argument("--results", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.results:
        _save_results(options.results, options.folder)
        return
    rows = Rows(tuple(VARIATIONS))
    with TemporaryDirectory() as folder:
        for variation, part, name, on, result in compare(Path(folder)):
            rows.add(variation, part, name, result)
            if options.details and not result.is_none:
                print(f"{variation:28} {part} {name} | {on} | {result}")
    text = pixel_table.markdown(rows, VARIATIONS, _machine())
    if options.write:
        document = options.write.read_text(encoding="utf-8")
        options.write.write_text(replace_between(document, pixel_table.MARK, f"\n{text}"), encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
