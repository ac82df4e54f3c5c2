"""How high the bands are that a step is worked on in. Apart from core.worker.rendering.bands, which loads NumPy."""

#: Pixels in a band: intermediate values of 16 bytes a pixel, as colours weighted by alpha take, are then 64 MB.
PIXELS = 4 * 2**20
_OVERLAPS = 4  # bands are at least so many radii high: at most half of the work is done twice


def rows(width: int, radius: int, pixels: int = PIXELS) -> int:
    """The rows of a band, without what lies above and below it."""
    return max(1, pixels // width, _OVERLAPS * radius)
