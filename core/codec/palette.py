"""Pixels in a few colours: the palettes of GIF and PNG."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]

_REFINED = 2  # rounds of k-means after the median cut: further ones gain less than they cost
_FLAT = 4096  # a picture of fewer colours is a drawing
_SAMPLE = 1 << 20  # pixels that are enough to find a palette


class Indexed(NamedTuple):
    """`indices` of shape (h, w), uint8, into `colours` of shape (n, 3 or 4), uint8."""

    indices: Pixels
    colours: Pixels


def indexed(pixels: Pixels, most: int, chosen: Pixels | None = None) -> Indexed:
    """8-bit RGB, (h, w, 3), in at most `most` colours: exact where there are no more, else by median cut, dithered.

    `chosen`, (h, w) bool, says which pixels count; the others have any index.
    """
    counted = pixels if chosen is None else pixels[chosen][np.newaxis]
    exact = _exact(counted, most)
    if exact is not None:
        return _looked_up(pixels, exact)
    sample = Image.fromarray(_thinned(counted))
    found = _with_flat_colours(sample.quantize(most, Image.Quantize.MEDIANCUT, kmeans=_REFINED), sample)
    result = Image.fromarray(np.ascontiguousarray(pixels)).quantize(palette=found, dither=Image.Dither.FLOYDSTEINBERG)
    return Indexed(np.asarray(result), _colours(found, "RGB"))


def indexed_with_alpha(pixels: Pixels, most: int) -> Indexed:
    """8-bit RGB with alpha, (h, w, 4): exact where there are no more than `most` colours, else by an octree."""
    exact = _exact(pixels, most)
    if exact is not None:
        return _looked_up(pixels, exact)
    result = Image.fromarray(np.ascontiguousarray(pixels)).quantize(most, Image.Quantize.FASTOCTREE)
    return Indexed(np.asarray(result), _colours(result, "RGBA"))


def _with_flat_colours(found: Image.Image, sample: Image.Image) -> Image.Image:
    """The palette, each of its means made exact where most of what it stands for is one colour, as in drawings."""
    counts = sample.getcolors(_FLAT)
    if counts is None:
        return found  # a photograph
    colours = _colours(found, "RGB").astype(np.int32)
    often = np.array([count for count, _ in counts])
    seen = np.array([colour for _, colour in counts], np.int32)
    nearest = ((seen[:, np.newaxis] - colours) ** 2).sum(axis=2).argmin(axis=1)
    for at in range(len(colours)):
        mine = np.flatnonzero(nearest == at)
        if len(mine) and 2 * often[mine].max() > often[mine].sum():
            colours[at] = seen[mine[often[mine].argmax()]]
    result = found.copy()
    result.putpalette(colours.astype(np.uint8).tobytes(), "RGB")
    return result


def _exact(pixels: Pixels, most: int) -> Pixels | None:
    """The colours as they are, (n, 3 or 4) in order, where they are few."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    colours = image.getcolors(most)
    if colours is None:
        return None
    return np.array(sorted(colour for _, colour in colours), np.uint8)


def _looked_up(pixels: Pixels, colours: Pixels) -> Indexed:
    keys = _keys(pixels)
    known = _keys(colours)
    places = np.searchsorted(known, keys).clip(0, len(known) - 1)
    return Indexed(places.astype(np.uint8), colours)


def _keys(pixels: Pixels) -> Pixels:
    """Each colour as one number, in the order of its channels."""
    keys: Pixels = np.zeros(pixels.shape[:-1], np.uint32)
    for channel in range(pixels.shape[-1]):
        keys = keys << 8 | pixels[..., channel]
    return keys


def _thinned(pixels: Pixels) -> Pixels:
    step = max(1, pixels.shape[0] * pixels.shape[1] // _SAMPLE)
    return np.ascontiguousarray(pixels.reshape(1, -1, pixels.shape[2])[:, ::step])


def _colours(image: Image.Image, mode: str) -> Pixels:
    assert image.palette is not None  # noqa: S101 - a quantised image has one
    flat = np.frombuffer(image.palette.getdata()[1], np.uint8)
    return flat.reshape(-1, len(mode))
