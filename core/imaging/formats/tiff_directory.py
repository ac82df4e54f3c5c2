"""The fields of the first directory of a TIFF that decide how its pixels are read."""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from core.imaging.formats import tiff_ifd
from core.imaging.formats.tiff_ifd import BrokenChainError, Tag

_TAGS = set(Tag) - {Tag.STRIP_OFFSETS, Tag.STRIP_BYTES, Tag.TILE_OFFSETS, Tag.TILE_BYTES}
_REDUCED = 1  # SUBFILE_TYPE: a smaller version of another picture in the file
_PLANES = 2  # PLANAR: one plane for each sample
_WHOLE_NUMBERS = {1, 4}  # SAMPLE_FORMAT: unsigned, undefined
# PHOTOMETRIC
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK, _LAB = 0, 1, 2, 5, 8


class FirstDirectory(NamedTuple):
    """Values by tag; `pages` is how many directories the file has; `big` says that it is a Big TIFF."""

    fields: dict[int, tuple[int, ...]]
    pages: int
    big: bool

    def first(self, tag: Tag, default: int) -> int:
        """The first value of a field; `default` if the field is absent."""
        return self.fields.get(tag, (default,))[0]

    @property
    def bits(self) -> int:
        """The bits of the deepest sample."""
        return max(self.fields.get(Tag.BITS, (1,)))

    @property
    def samples(self) -> int:
        return self.first(Tag.SAMPLES, 1)

    @property
    def has_whole_numbers(self) -> bool:
        """Whether samples are unsigned integers, neither signed nor floating-point."""
        return set(self.fields.get(Tag.SAMPLE_FORMAT, (1,))) <= _WHOLE_NUMBERS

    @property
    def is_raw_preview(self) -> bool:
        """Whether the file is a camera's raw file, whose first directory holds a preview of the picture."""
        raw_tags = {Tag.SUB_DIRECTORIES, Tag.DNG_VERSION} & set(self.fields)
        return bool(self.first(Tag.SUBFILE_TYPE, 0) & _REDUCED and raw_tags)

    @property
    def deep_kind(self) -> str | None:
        """The reader of core.imaging.codec.deep_tiff for these pixels; None if OpenCV or Pillow reads them rightly."""
        photometric, samples, bits = self.first(Tag.PHOTOMETRIC, 1), self.samples, set(self.fields.get(Tag.BITS, (1,)))
        if self.big or not self.has_whole_numbers or len(bits) > 1 or self.bits not in {10, 12, 14, 16}:
            return None
        deep, planar = self.bits == 16, self.first(Tag.PLANAR, 1) == _PLANES  # noqa: PLR2004
        if deep and (photometric, samples) in {(_LAB, 3), (_CMYK, 4)}:
            return {_LAB: "lab", _CMYK: "cmyk"}[photometric]
        if deep and photometric in {_WHITE_IS_ZERO, _BLACK_IS_ZERO} and samples == 2:  # noqa: PLR2004
            return "grey_with_alpha"
        if (photometric, samples) in {(_WHITE_IS_ZERO, 1), (_BLACK_IS_ZERO, 1), (_RGB, 3), (_RGB, 4)}:
            inverted, shallow = photometric == _WHITE_IS_ZERO, not deep and not planar and samples < 4  # noqa: PLR2004
            return "plain" if inverted or shallow or (planar and deep) else None
        return None


def read(path: Path) -> FirstDirectory | None:
    """Read the first directory; None if the file is damaged: the decoder of the pixels reports that."""
    try:
        with path.open("rb") as file:
            return _read(file)
    except ValueError:
        return None


def _read(file: BinaryIO) -> FirstDirectory:
    layout = tiff_ifd.read_layout(file)
    fields: dict[int, tuple[int, ...]] = {}
    pages = 0
    with suppress(BrokenChainError):  # the pages before the break count
        for pages, directory in enumerate(tiff_ifd.walk(file, layout), 1):
            if pages == 1:
                entries = [entry for entry in tiff_ifd.read_entries(file, layout, directory) if entry.tag in _TAGS]
                fields = {entry.tag: tiff_ifd.read_values(file, layout, entry) for entry in entries}
    fields = {tag: values for tag, values in fields.items() if values}
    if not {Tag.WIDTH, Tag.LENGTH} <= set(fields):
        raise ValueError("a TIFF without a size")
    return FirstDirectory(fields, pages, layout.big)
