"""Channels and depth of the decoded raster, for the formats whose own fields are read for it."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.imaging.formats import ico, jpeg2000, netpbm, psd, signature
from core.imaging.formats.tiff_directory import FirstDirectory
from core.imaging.formats.tiff_ifd import Tag

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile


class Samples(NamedTuple):
    """Width and height as they are stored, and what core.imaging.codec makes of each pixel."""

    width: int
    height: int
    channels: int
    depth: int = 8


def of_psd(path: Path) -> Samples:
    """Raises ImageFailure(UNSUPPORTED_FORMAT) for numbers without a white, and a plane for each ink."""
    try:
        header = psd.read(path)
    except KeyError as error:
        raise signature.unsupported(f"a Photoshop document of the colour mode {error}") from error
    if header.bits not in {1, 8, 16} or (header.bits == 1) != (header.mode == 0):
        raise signature.unsupported(
            f"a Photoshop document of {header.bits} bits per channel, which has no defined white"
        )
    colours = {2: 3, 4: 3}.get(header.mode, header.colours)  # indexed and CMYK become RGB
    deep = header.bits == 16 and header.mode != 4  # noqa: PLR2004 - LittleCMS takes CMYK of 8 bits
    return Samples(header.width, header.height, colours + header.transparent, 16 if deep else 8)


def of_icon(path: Path) -> Samples:
    """Always RGB with alpha: what is around an icon is transparent."""
    icon = ico.best(path)
    return Samples(icon.width, icon.height, 4)


def of_anymap(path: Path) -> Samples:
    """More than 8 bits stay in the binary kinds, and in grey written as text."""
    header = netpbm.read(path)
    deep = header.largest > 255 and header.magic != b"P3"  # noqa: PLR2004
    return Samples(header.width, header.height, 3 if header.magic in {b"P3", b"P6"} else 1, 16 if deep else 8)


def of_jpeg2000(path: Path, image: "ImageFile") -> Samples:
    """More than 8 bits stay in grey, RGB, and RGB with alpha."""
    found = jpeg2000.read(path)
    deep = found.bits > 8 and found.components in {1, 3, 4} and not found.mapped and not found.cmyk  # noqa: PLR2004
    if found.bits > 16:  # noqa: PLR2004
        raise signature.unsupported(f"a JPEG 2000 of {found.bits} bits per channel")
    return Samples(*image.size, of_mode(image), 16 if deep else 8)


def of_deep_tiff(directory: FirstDirectory) -> Samples:
    """Those TIFFs that core.imaging.codec.deep_tiff reads."""
    kind = directory.deep_kind or ""
    channels = {"plain": directory.samples, "grey_with_alpha": 2}.get(kind, 3)
    size = directory.first(Tag.WIDTH, 0), directory.first(Tag.LENGTH, 0)
    return Samples(*size, channels, 8 if kind == "cmyk" else 16)


def of_mode(image: "ImageFile") -> int:
    """The channels of one of Pillow's modes."""
    if image.mode in {"P", "PA"}:
        return 4 if image.has_transparency_data else 3
    return {"1": 1, "L": 1, "I;16": 1, "I": 1, "LA": 2, "RGBA": 4}.get(image.mode, 3)
