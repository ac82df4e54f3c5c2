"""The header of an image file, read without decoding a pixel.

Pillow reads it; what Pillow rounds off (16-bit colour, grey with alpha, the orientation it applies to TIFF by
itself) is read from the file's own fields. Nothing here depends on the size the file claims: a PNG that says
50,000 x 50,000 costs what any other does.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import Code, ImageFailure
from core.formats import avif, png, signature, webp
from core.model import ImageHeader

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: Pillow's plug-in for each format but WebP, which core.formats.webp reads. MPO is a JPEG with further pictures
#: behind the first: previews, gain maps.
READERS = {
    "jpeg": ("JPEG", "MPO"),
    "png": ("PNG",),
    "avif": ("AVIF",),
    "tiff": ("TIFF",),
    "gif": ("GIF",),
}

_TIFF_ORIENTATION, _TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_EXTRA = 274, 258, 262, 338
# TIFF 6.0, photometric interpretation: white is zero, black is zero, RGB, palette, mask, separated (CMYK),
# YCbCr, CIE L*a*b*. The colours of each, without what ExtraSamples adds.
_TIFF_COLOURS = {0: 1, 1: 1, 2: 3, 3: 3, 5: 3, 6: 3, 8: 3}


def read_header(path: Path) -> ImageHeader:
    """The header of the image at `path`.

    `width` and `height` are pixels as displayed; `channels` and `depth` are those of the decoded raster: a
    palette counts as RGB, CMYK as RGB, 1 bit as 8. `frames` counts the pictures of an animation or the pages of
    a TIFF. Raises ImageFailure: EMPTY_FILE, UNSUPPORTED_FORMAT, CORRUPT_IMAGE.
    """
    kind = signature.sniff(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no reason to refuse a picture
            if kind == "webp":
                return _describe_webp(path)
            with open_image(path, kind) as image:
                return _describe(path, kind, image)
    except (ImageFailure, MemoryError):
        raise
    except Exception as error:  # Pillow raises what its parsers stumble over: OSError, SyntaxError, struct.error
        if kind == "tiff" and type(error).__name__ == "UnidentifiedImageError":
            what = "a TIFF whose way of storing pixels is not known here, or a damaged one"
            raise signature.unsupported(what) from error
        name = {"webp": "WebP"}.get(kind, kind.upper())
        message = f"The file begins as {name}, but its header cannot be read: it is damaged or cut short."
        raise ImageFailure(Code.CORRUPT_IMAGE, message) from error


def open_image(path: Path, kind: str) -> "ImageFile":
    """The file at `path` as Pillow's image, its pixels not loaded. Raises whatever Pillow raises."""
    from PIL import Image, PngImagePlugin  # noqa: PLC0415 - the parent process never loads Pillow

    # Those that Pillow does not know before it loads all its plug-ins.
    if kind == "avif":
        from PIL import AvifImagePlugin  # noqa: F401, PLC0415
    if kind == "tiff":
        from PIL import TiffImagePlugin  # noqa: F401, PLC0415
    if kind == "jpeg":
        from PIL import MpoImagePlugin  # noqa: F401, PLC0415
    Image.MAX_IMAGE_PIXELS = None  # core.planning refuses what is too large, with the limit's number
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # XMP of some megabytes is legitimate
    return Image.open(path, formats=READERS[kind])


def icc_profile(image: "ImageFile") -> bytes | None:
    """The embedded colour profile of an opened image, or None."""
    profile = image.info.get("icc_profile")
    return bytes(profile) if profile else None


def _describe(path: Path, kind: str, image: "ImageFile") -> ImageHeader:
    width, height = image.size
    frames = 1 if kind in {"jpeg", "png"} else int(getattr(image, "n_frames", 1))
    if kind == "png" and (animation := png.animation(path)):
        frames = animation.frames
    orientation = _orientation(path, kind, image)
    if kind == "tiff":
        channels, depth = _tiff_samples(image)
    elif kind == "png":
        channels, depth = png.samples(path)
    else:
        channels, depth = _mode_channels(image), 16 if kind == "avif" and avif.bits(path) > 8 else 8  # noqa: PLR2004
    # Pillow says the size of a TIFF as displayed, and of every other file as stored.
    if orientation >= 5 and kind != "tiff":  # noqa: PLR2004 - 5 to 8 lie on their side
        width, height = height, width
    if width < 1 or height < 1:
        raise ImageFailure(Code.CORRUPT_IMAGE, f"The image says that it is {width} by {height} pixels.")
    return ImageHeader(
        format=kind,
        width=width,
        height=height,
        channels=channels,
        depth=depth,
        frames=max(1, frames),
        orientation=orientation,
        bytes=path.stat().st_size,
    )


def _describe_webp(path: Path) -> ImageHeader:
    found = webp.read(path)
    orientation = _from_exif(found.exif)
    size = found.width, found.height
    width, height = size[::-1] if orientation >= 5 else size  # noqa: PLR2004
    return ImageHeader(
        format="webp",
        width=width,
        height=height,
        channels=4 if found.alpha else 3,
        depth=8,
        frames=found.frames,
        orientation=orientation,
        bytes=path.stat().st_size,
    )


def _orientation(path: Path, kind: str, image: Any) -> int:  # noqa: ANN401 - info and tag_v2 depend on the plug-in
    if kind == "gif":
        return 1
    if kind == "tiff":
        return _sensible(image.tag_v2.get(_TIFF_ORIENTATION, 1))
    return _from_exif(png.exif(path) if kind == "png" else image.info.get("exif"))


def _from_exif(data: bytes | None) -> int:
    """EXIF's orientation, 1 to 8; 1 when absent or senseless. XMP's is ignored, as browsers do."""
    from PIL import Image  # noqa: PLC0415 - the parent process never loads Pillow

    exif = Image.Exif()
    try:
        exif.load(data or b"")
        return _sensible(exif.get(_TIFF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken EXIF says nothing of the pixels
        return 1


def _sensible(orientation: object) -> int:
    return orientation if isinstance(orientation, int) and orientation in range(1, 9) else 1


def _tiff_samples(image: Any) -> tuple[int, int]:  # noqa: ANN401 - Pillow types TIFF's tags loosely
    tags = image.tag_v2
    bits = tags.get(_TIFF_BITS, (1,))
    depth = max(bits) if isinstance(bits, tuple) else bits
    if depth > 16 or image.mode in {"F", "I"}:  # noqa: PLR2004
        raise signature.unsupported(f"a TIFF of {depth} bits per channel, which has no defined white")
    colours = _TIFF_COLOURS.get(tags.get(_TIFF_PHOTOMETRIC), 3)
    alpha = any(extra in {1, 2} for extra in tags.get(_TIFF_EXTRA, ())) or image.mode in {"RGBA", "LA"}
    return colours + alpha, 16 if depth > 8 else 8  # noqa: PLR2004


def _mode_channels(image: "ImageFile") -> int:
    if image.mode == "P":
        return 4 if "transparency" in image.info else 3
    return {"1": 1, "L": 1, "LA": 2, "RGBA": 4}.get(image.mode, 3)
