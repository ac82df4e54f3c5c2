"""What a neighbourhood operation holds beside its rasters, in bands and all at once: `make bench` prints it.

Each is measured in a process of its own, by the kernel's accounting of its peak.
"""

import resource
import subprocess
import sys

_SIDES = (1_000, 10_000)  # pixels: of a small raster, whose peak is what the libraries take, and of 100 megapixels
_STEP = "sharpen"


def main() -> int:
    """Print bytes per pixel of the image, beyond the libraries' own. 0 where bands halve what is held besides."""
    small = _peak("bands", _SIDES[0])
    pixels = _SIDES[1] ** 2 - _SIDES[0] ** 2
    held = {way: (_peak(way, _SIDES[1]) - small) / pixels for way in ("bands", "whole")}
    rasters = 2 * 3  # input and output, three channels of one byte
    print(f"{_STEP} on {_SIDES[1] ** 2 / 1e6:.0f} megapixels, 3 channels; bytes a pixel at the peak")
    for way, each in held.items():
        print(f"{way:6} {each:5.2f}, {each - rasters:5.2f} beside the two rasters")
    return 0 if held["bands"] - rasters < (held["whole"] - rasters) / 2 else 1


def _peak(way: str, side: int) -> int:
    command = [sys.executable, "-m", "benchmarks.bands", way, str(side)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _measured(way: str, side: int) -> int:
    """The peak of this process, in bytes, after one step."""
    import numpy as np  # noqa: PLC0415 - in the measured process alone

    from core.imaging.operations.base import BAND_PIXELS  # noqa: PLC0415 - in the measured process alone
    from core.imaging.operations.sharpen import Sharpen  # noqa: PLC0415
    from core.imaging.raster import Raster  # noqa: PLC0415
    from core.worker.rendering import bands  # noqa: PLC0415

    raster = Raster(np.full((side, side, 3), 77, np.uint8))
    limit = BAND_PIXELS if way == "bands" else side * side
    bands.apply(Sharpen(sigma=2), raster, limit)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(_measured(sys.argv[1], int(sys.argv[2])))
    else:
        sys.exit(main())
