"""Memory of a neighbourhood operation besides its rasters, in bands and at once: part of `make bench`.

Each measurement runs in a process of its own; its peak is the kernel's figure.
"""

import resource
import subprocess
import sys

_SIDES = (1_000, 10_000)  # pixels: a small raster, whose peak is the libraries' memory, and one of 100 megapixels
_STEP = "sharpen"


def main() -> int:
    """Print the peak in bytes per pixel, without the libraries. Returns 0 if bands halve the temporary memory."""
    small = _peak("bands", _SIDES[0])
    pixels = _SIDES[1] ** 2 - _SIDES[0] ** 2
    per_pixel = {mode: (_peak(mode, _SIDES[1]) - small) / pixels for mode in ("bands", "whole")}
    rasters = 2 * 3  # input and output, three channels of one byte
    print(f"{_STEP} on {_SIDES[1] ** 2 / 1e6:.0f} megapixels, 3 channels; bytes per pixel at the peak")
    for mode, peak in per_pixel.items():
        print(f"{mode:6} {peak:5.2f}, {peak - rasters:5.2f} beside the two rasters")
    return 0 if per_pixel["bands"] - rasters < (per_pixel["whole"] - rasters) / 2 else 1


def _peak(mode: str, side: int) -> int:
    """Peak bytes of one step over a square raster, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bands", mode, str(side)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _run_step(mode: str, side: int) -> int:
    """Run one step in this process and return its peak in bytes."""
    import numpy as np  # noqa: PLC0415 - only the measured process needs it

    from core.imaging.operations.base import BAND_PIXELS  # noqa: PLC0415
    from core.imaging.operations.sharpen import Sharpen  # noqa: PLC0415
    from core.imaging.raster import Raster  # noqa: PLC0415
    from core.worker.rendering import bands  # noqa: PLC0415

    raster = Raster(np.full((side, side, 3), 77, np.uint8))
    limit = BAND_PIXELS if mode == "bands" else side * side
    bands.apply(Sharpen(sigma=2), raster, limit)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(_run_step(sys.argv[1], int(sys.argv[2])))
    else:
        sys.exit(main())
