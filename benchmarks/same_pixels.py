"""How much pixels differ between processors: every operation and codec, in processes without some instructions.

python -m benchmarks.same_pixels [--write docs/explanation/reproducibility.md]; a few minutes. Each process reads the
same files and runs the same cases. Its environment tells the libraries which instructions to leave out.
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
# As OpenCV's own cv2.getCPUFeaturesLine names them; others are ignored, which `_run` takes for a mistake.
_V4 = "AVX512-SKX"
_V3 = f"{_V4},AVX2,FMA3"
_ALL = f"{_V3},FP16,AVX,SSE4.2,POPCNT,SSE4.1,SSSE3"
# NumPy's, GNU libm's, libaom's and OpenBLAS's: https://numpy.org/doc/stable/reference/simd/build-options.html,
# https://sourceware.org/glibc/manual/latest/html_node/Hardware-Capability-Tunables.html, aom_ports/x86.h.
_NUMPY_V4 = "X86_V4 AVX512_ICL AVX512_SPR"
_NUMPY_V3 = f"X86_V3 {_NUMPY_V4}"
_LIBM_V4 = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD"
_LIBM_V3 = f"{_LIBM_V4},-AVX2,-FMA,-AVX,-BMI2"
_AOM_V3, _AOM_V2, _AOM_LEAST = "0x1ff", "0x13f", "0x7"

#: Environments by their names in the table, and what each stands for.
VARIATIONS: dict[str, Mapping[str, str]] = {
    "OpenCV without AVX-512": {"OPENCV_CPU_DISABLE": _V4},
    "OpenCV without AVX2": {"OPENCV_CPU_DISABLE": _V3},
    "OpenCV with SSE3 alone": {"OPENCV_CPU_DISABLE": _ALL},
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
        "OPENCV_CPU_DISABLE": _ALL,
        "OPENCV_IPP": "disabled",
        "OPENCV_OPENCL_RUNTIME": "disabled",
        "NPY_DISABLE_CPU_FEATURES": _NUMPY_V3,
        "GLIBC_TUNABLES": _LIBM_V3,
        "OPENBLAS_CORETYPE": "Nehalem",
        "AOM_SIMD_CAPS_MASK": _AOM_LEAST,
        "JSIMD_FORCENONE": "1",
    },
}


def compared(folder: Path) -> Iterator[tuple[str, Part, str, str, Difference]]:
    """The variation, the case's part, name and picture, and how far its result is from the default's."""
    pixel_cases.prepare(folder, *_SIZE)
    wanted = _cases(folder)
    _run(folder, folder / "default", {})
    for name, environment in VARIATIONS.items():
        _run(folder, folder / "now", environment)
        for number, case in enumerate(wanted):
            first, second = (np.load(folder / way / f"{number}.npy") for way in ("default", "now"))
            if case.part in {Part.ENCODER, Part.PIPELINE} and not np.array_equal(first, second):
                first, second = (pixel_cases.decoded(file.tobytes(), folder) for file in (first, second))
            yield name, case.part, case.name, case.on, difference(first, second)


def _cases(folder: Path) -> list[Case]:
    return [*pixel_cases.cases(folder), *pixel_cases.renditions(folder)]


def _run(folder: Path, out: Path, environment: Mapping[str, str]) -> None:
    """All cases in a process of its own, with nothing of this one's environment."""
    out.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.same_pixels", "--into", str(out), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={"PATH": os.defpath, **environment})
    if done.returncode or "unknown CPU feature" in done.stderr:
        raise RuntimeError(f"{dict(environment)}: {done.stderr}")


def _into(out: Path, folder: Path) -> None:
    for number, case in enumerate(_cases(folder)):
        made = case.run()
        np.save(out / f"{number}.npy", np.frombuffer(made, np.uint8) if isinstance(made, bytes) else np.asarray(made))


def _here() -> str:
    """What the numbers are of: no name of a machine."""
    return (
        f"Measured on {datetime.now(UTC).date()}: {platform.machine()} with {cv2.getCPUFeaturesLine()} "
        f"(those with \\* are chosen at run time), OpenCV {cv2.__version__}, NumPy {np.__version__}, "
        f"Pillow {PIL.__version__}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this document")
    parser.add_argument("--details", action="store_true", help="every case that differs")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.into:
        _into(options.into, options.folder)
        return
    rows = Rows(tuple(VARIATIONS))
    with TemporaryDirectory() as folder:
        for variation, part, name, on, found in compared(Path(folder)):
            rows.add(variation, part, name, found)
            if options.details and not found.is_none:
                print(f"{variation:28} {part} {name} | {on} | {found}")
    text = pixel_table.markdown(rows, VARIATIONS, _here())
    if options.write:
        document = options.write.read_text(encoding="utf-8")
        options.write.write_text(replace_between(document, pixel_table.MARK, f"\n{text}"), encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
