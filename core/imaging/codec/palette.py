"""Reducing pixels to a palette, for GIF and PNG."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]

_MOST_DRAWING_COLOURS = 4096  # a picture of no more colours is a drawing
_SAMPLE = 1 << 20  # pixels of a drawing that are examined: enough for thin lines
_SAMPLE_OF_PHOTOGRAPH = 1 << 15  # pixels; more of them cost seconds, and gain less than 0.2 dB
_CHANGES = 150  # k-means ends with the first round in which no more pixels change their colour


class Indexed(NamedTuple):
    """`indices` of shape (h, w), uint8, into `colours` of shape (n, 3 or 4), uint8."""

    indices: Pixels
    colours: Pixels


def quantise(pixels: Pixels, most: int, mask: Pixels | None = None) -> Indexed:
    """Reduce 8-bit RGB, (h, w, 3), to `most` colours: exactly if it has no more, else dithered.

    `mask`, (h, w) bool, marks the pixels that count; the others get any index.
    """
    counted = pixels if mask is None else pixels[mask][np.newaxis]
    exact = _exact(counted, most)
    if exact is not None:
        return _index_exactly(pixels, exact)
    counts = Image.fromarray(counted).getcolors(_MOST_DRAWING_COLOURS) if counted.size <= 3 * _SAMPLE else None
    sample = Image.fromarray(_sample(counted, _SAMPLE if counts else _SAMPLE_OF_PHOTOGRAPH))
    chosen = sample.quantize(most, Image.Quantize.MAXCOVERAGE, kmeans=_CHANGES)
    if counts:
        chosen = _with_flat_colours(chosen, counts)
    result = Image.fromarray(np.ascontiguousarray(pixels)).quantize(palette=chosen, dither=Image.Dither.FLOYDSTEINBERG)
    colours = _colours(chosen, "RGB")
    return Indexed(_exact_where_known(pixels, np.asarray(result), colours), colours)


def quantise_with_alpha(pixels: Pixels, most: int) -> Indexed:
    """Reduce 8-bit RGB with alpha, (h, w, 4), to `most` colours: exactly if it has no more, else by an octree."""
    exact = _exact(pixels, most)
    if exact is not None:
        return _index_exactly(pixels, exact)
    result = Image.fromarray(np.ascontiguousarray(pixels)).quantize(most, Image.Quantize.FASTOCTREE)
    return Indexed(np.asarray(result), _colours(result, "RGBA"))


def _with_flat_colours(chosen: Image.Image, counts: list[tuple[int, Any]]) -> Image.Image:
    """The palette with exact colours: a mean is replaced by the colour of most of the pixels that it stands for.

    `counts` holds the number of pixels of each colour. Drawings have such colours.
    """
    colours = _colours(chosen, "RGB").astype(np.int32)
    often = np.array([count for count, _ in counts])
    seen = np.array([colour for _, colour in counts], np.int32)
    nearest = ((seen[:, np.newaxis] - colours) ** 2).sum(axis=2).argmin(axis=1)
    for at in range(len(colours)):
        members = np.flatnonzero(nearest == at)
        if len(members) and 2 * often[members].max() > often[members].sum():
            colours[at] = seen[members[often[members].argmax()]]
    result = chosen.copy()
    result.putpalette(colours.astype(np.uint8).tobytes(), "RGB")
    return result


def _exact_where_known(pixels: Pixels, indices: Pixels, colours: Pixels) -> Pixels:
    """Correct the indices of pixels whose exact colour is in the palette: Pillow looks colours up in steps of four."""
    known = _keys(colours)
    order = np.argsort(known, kind="stable")
    keys = _keys(pixels)
    places = order[np.searchsorted(known, keys, sorter=order).clip(0, len(known) - 1)]
    return np.where(known[places] == keys, places, indices).astype(np.uint8)


def _exact(pixels: Pixels, most: int) -> Pixels | None:
    """The colours of the pixels in order, (n, 3 or 4); None if there are more than `most`."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    colours = image.getcolors(most)
    if colours is None:
        return None
    return np.array(sorted(colour for _, colour in colours), np.uint8)


def _index_exactly(pixels: Pixels, colours: Pixels) -> Indexed:
    keys = _keys(pixels)
    known = _keys(colours)
    places = np.searchsorted(known, keys).clip(0, len(known) - 1)
    return Indexed(places.astype(np.uint8), colours)


def _keys(pixels: Pixels) -> Pixels:
    """Each colour as one number, its first channel highest."""
    keys: Pixels = np.zeros(pixels.shape[:-1], np.uint32)
    for channel in range(pixels.shape[-1]):
        keys = keys << 8 | pixels[..., channel]
    return keys


def _sample(pixels: Pixels, enough: int) -> Pixels:
    step = max(1, pixels.shape[0] * pixels.shape[1] // enough)
    return np.ascontiguousarray(pixels.reshape(1, -1, pixels.shape[2])[:, ::step])


def _colours(image: Image.Image, mode: str) -> Pixels:
    assert image.palette is not None  # noqa: S101 - a quantised image has one
    flat = np.frombuffer(image.palette.getdata()[1], np.uint8)
    return flat.reshape(-1, len(mode))
