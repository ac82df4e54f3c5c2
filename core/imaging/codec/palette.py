"""Pixels in a few colours: the palettes of GIF and PNG."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]

_FLAT = 4096  # a picture of fewer colours is a drawing
_SAMPLE = 1 << 20  # pixels of a drawing that are looked at: thin lines count too
_SAMPLE_OF_PHOTOGRAPH = 1 << 15  # more of them cost seconds, and gain less than 0.2 dB
_CHANGES = 150  # k-means ends when no more pixels than these change their colour in a round


class Indexed(NamedTuple):
    """`indices` of shape (h, w), uint8, into `colours` of shape (n, 3 or 4), uint8."""

    indices: Pixels
    colours: Pixels


def indexed(pixels: Pixels, most: int, chosen: Pixels | None = None) -> Indexed:
    """8-bit RGB, (h, w, 3), in at most `most` colours: exact where there are no more, else near ones, dithered.

    `chosen`, (h, w) bool, says which pixels count; the others have any index.
    """
    counted = pixels if chosen is None else pixels[chosen][np.newaxis]
    exact = _exact(counted, most)
    if exact is not None:
        return _looked_up(pixels, exact)
    counts = Image.fromarray(counted).getcolors(_FLAT) if counted.size <= 3 * _SAMPLE else None
    sample = Image.fromarray(_thinned(counted, _SAMPLE if counts else _SAMPLE_OF_PHOTOGRAPH))
    found = sample.quantize(most, Image.Quantize.MAXCOVERAGE, kmeans=_CHANGES)
    if counts:
        found = _with_flat_colours(found, counts)
    result = Image.fromarray(np.ascontiguousarray(pixels)).quantize(palette=found, dither=Image.Dither.FLOYDSTEINBERG)
    colours = _colours(found, "RGB")
    return Indexed(_exact_where_known(pixels, np.asarray(result), colours), colours)


def indexed_with_alpha(pixels: Pixels, most: int) -> Indexed:
    """8-bit RGB with alpha, (h, w, 4): exact where there are no more than `most` colours, else by an octree."""
    exact = _exact(pixels, most)
    if exact is not None:
        return _looked_up(pixels, exact)
    result = Image.fromarray(np.ascontiguousarray(pixels)).quantize(most, Image.Quantize.FASTOCTREE)
    return Indexed(np.asarray(result), _colours(result, "RGBA"))


def _with_flat_colours(found: Image.Image, counts: list[tuple[int, Any]]) -> Image.Image:
    """The palette, each of its means made exact where most of what it stands for is one colour, as in drawings.

    `counts` says how often each colour is there.
    """
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


def _exact_where_known(pixels: Pixels, indices: Pixels, colours: Pixels) -> Pixels:
    """The indices, right where the palette has the very colour: Pillow looks colours up in steps of four."""
    known = _keys(colours)
    order = np.argsort(known, kind="stable")
    keys = _keys(pixels)
    places = order[np.searchsorted(known, keys, sorter=order).clip(0, len(known) - 1)]
    return np.where(known[places] == keys, places, indices).astype(np.uint8)


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


def _thinned(pixels: Pixels, enough: int) -> Pixels:
    step = max(1, pixels.shape[0] * pixels.shape[1] // enough)
    return np.ascontiguousarray(pixels.reshape(1, -1, pixels.shape[2])[:, ::step])


def _colours(image: Image.Image, mode: str) -> Pixels:
    assert image.palette is not None  # noqa: S101 - a quantised image has one
    flat = np.frombuffer(image.palette.getdata()[1], np.uint8)
    return flat.reshape(-1, len(mode))
