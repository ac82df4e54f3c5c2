"""Size, channels and depth of the decoded raster, by the fields of formats that Pillow does not describe rightly."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.imaging.formats import ico, jpeg2000, netpbm, psd, signature
from core.imaging.formats.tiff_directory import FirstDirectory
from core.imaging.formats.tiff_ifd import Tag

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile


class Samples(NamedTuple):
    """Width and height in pixels as stored; channels and bits of the raster that core.imaging.codec decodes."""

    width: int
    height: int
    channels: int
    depth: int = 8


def psd_samples(path: Path) -> Samples:
    """Raises ImageFailure(UNSUPPORTED_FORMAT) for depths without a defined white, and for unknown colour modes."""
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


def ico_samples(path: Path) -> Samples:
    """Icons always have RGB with alpha: their surroundings are transparent."""
    icon = ico.find_best(path)
    return Samples(icon.width, icon.height, 4)


def pnm_samples(path: Path) -> Samples:
    """16 bits are kept in the binary formats, and in grey written as text."""
    header = netpbm.read(path)
    deep = header.largest > 255 and header.magic != b"P3"  # noqa: PLR2004
    return Samples(header.width, header.height, 3 if header.magic in {b"P3", b"P6"} else 1, 16 if deep else 8)


def jpeg2000_samples(path: Path, image: "ImageFile") -> Samples:
    """16 bits are kept in grey, RGB, and RGB with alpha."""
    fields = jpeg2000.read(path)
    deep = fields.bits > 8 and fields.components in {1, 3, 4} and not fields.mapped and not fields.cmyk  # noqa: PLR2004
    if fields.bits > 16:  # noqa: PLR2004
        raise signature.unsupported(f"a JPEG 2000 of {fields.bits} bits per channel")
    return Samples(*image.size, mode_channels(image), 16 if deep else 8)


def deep_tiff_samples(directory: FirstDirectory) -> Samples:
    """The samples of a TIFF that core.imaging.codec.deep_tiff decodes."""
    kind = directory.deep_kind or ""
    channels = {"plain": directory.samples, "grey_with_alpha": 2}.get(kind, 3)
    size = directory.first(Tag.WIDTH, 0), directory.first(Tag.LENGTH, 0)
    return Samples(*size, channels, 8 if kind == "cmyk" else 16)


def mode_channels(image: "ImageFile") -> int:
    """The number of channels of an image that Pillow opened."""
    if image.mode in {"P", "PA"}:
        return 4 if image.has_transparency_data else 3
    return {"1": 1, "L": 1, "I;16": 1, "I": 1, "LA": 2, "RGBA": 4}.get(image.mode, 3)
