"""The header of an image file, read without decoding a pixel.

Pillow reads it; what Pillow rounds off (16-bit colour, grey with alpha, the orientation it applies to TIFF by
itself) is read from the file's own fields. Nothing here depends on the size the file claims: a PNG that says
50,000 x 50,000 costs what any other does.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageHeader
from core.imaging.formats import avif, gif, heic, png, readers, samples, signature, tiff_directory, webp
from core.imaging.formats.samples import Samples
from core.imaging.formats.tiff_ifd import Tag

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

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
            return _describe_by_fields(path, kind) or _describe_by_pillow(path, kind)
    except (ImageFailure, MemoryError):
        raise
    except Exception as error:  # parsers raise what they stumble over: OSError, SyntaxError, struct.error
        if kind == "tiff" and isinstance(error, SyntaxError) and tiff_directory.read(path) is not None:
            what = "a TIFF whose way of storing pixels is not known here, or a damaged one"
            raise signature.unsupported(what) from error
        name = readers.READERS[kind].name
        message = f"The file begins as {name}, but its header cannot be read: it is damaged or cut short."
        raise ImageFailure(Code.CORRUPT_IMAGE, message) from error


def open_image(path: Path, kind: str) -> "ImageFile":
    """The file at `path` as Pillow's image, its pixels not loaded. Raises whatever Pillow raises."""
    from PIL import Image, PngImagePlugin  # noqa: PLC0415 - the parent process never loads Pillow

    Image.MAX_IMAGE_PIXELS = None  # core.routing.plan refuses what is too large, with the limit's number
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # XMP of some megabytes is legitimate
    return readers.open_by(kind, path)


def icc_profile(image: "ImageFile") -> bytes | None:
    """The embedded colour profile of an opened image, or None."""
    profile = image.info.get("icc_profile")
    return bytes(profile) if profile else None


def _describe_by_fields(path: Path, kind: str) -> ImageHeader | None:
    """The header of what is read without Pillow; None for everything else."""
    if kind == "webp":
        return _describe_webp(path)
    if kind == "heic":
        return _header(path, kind, _heic_samples(path))
    if kind == "tiff":
        return _describe_deep_tiff(path)
    describe = {"psd": samples.of_psd, "ico": samples.of_icon, "pnm": samples.of_anymap}.get(kind)
    return _header(path, kind, describe(path)) if describe else None


def _describe_by_pillow(path: Path, kind: str) -> ImageHeader:
    with open_image(path, kind) as image:
        orientation = _orientation(path, kind, image)
        depth = 8
        if kind == "tiff":
            channels, depth = _tiff_samples(image)
        elif kind == "png":
            channels, depth = png.samples(path)
        elif kind == "jpeg2000":
            channels, depth = samples.of_jpeg2000(path, image)[2:]
        else:
            channels, depth = samples.of_mode(image), 16 if kind == "avif" and avif.bits(path) > 8 else 8  # noqa: PLR2004
        width, height = image.size
        # Pillow says the size of a TIFF as displayed, and of every other file as stored.
        if orientation >= 5 and kind == "tiff":  # noqa: PLR2004 - 5 to 8 lie on their side
            width, height = height, width
        frames = int(getattr(image, "n_frames", 1)) if kind in {"avif", "tiff"} else 1
        if kind == "png" and (animation := png.animation(path)):
            frames = animation.frames  # Pillow counts a picture before them too
        elif kind == "gif":
            frames = len(gif.read(path).durations)  # Pillow looks at every zero between blocks
        interlaced = kind in {"jpeg", "png"} and bool(image.info.get("progressive") or image.info.get("interlace"))
        found = _header(path, kind, Samples(width, height, channels, depth), orientation, frames)
        return replace(found, interlaced=interlaced)


def _header(path: Path, kind: str, found: Samples, orientation: int = 1, frames: int = 1) -> ImageHeader:
    """`found` has the size as stored. Raises ImageFailure(CORRUPT_IMAGE) where a side is nothing."""
    width, height = (found.height, found.width) if orientation >= 5 else (found.width, found.height)  # noqa: PLR2004
    if width < 1 or height < 1:
        raise ImageFailure(Code.CORRUPT_IMAGE, f"The image says that it is {width} by {height} pixels.")
    return ImageHeader(
        format=kind,
        width=width,
        height=height,
        channels=found.channels,
        depth=found.depth,
        frames=max(1, frames),
        orientation=orientation,
        bytes=path.stat().st_size,
    )


def _describe_deep_tiff(path: Path) -> ImageHeader | None:
    """A TIFF that core.imaging.codec.deep_tiff reads; None for the others, damaged ones too: Pillow has the last word.

    Raises ImageFailure(UNSUPPORTED_FORMAT) for numbers that say nothing of white, and for previews.
    """
    directory = tiff_directory.read(path)
    if directory is None:
        return None
    if directory.is_raw_preview:
        raise signature.unsupported("a camera's raw file")
    if not directory.has_whole_numbers or directory.bits > 16:  # noqa: PLR2004
        kind = f"{directory.bits}-bit" + ("" if directory.has_whole_numbers else " signed or floating-point")
        raise signature.unsupported(f"a TIFF of {kind} numbers, which have no defined white")
    if directory.deep_kind is None:
        return None
    orientation = _sensible(directory.first(Tag.ORIENTATION, 1))
    return _header(path, "tiff", samples.of_deep_tiff(directory), orientation, directory.pages)


def _heic_samples(path: Path) -> Samples:
    image = heic.open_heic(path)
    depth = 16 if image.mode.endswith(("16", ";16L", ";16B")) else 8
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[image.mode.partition(";")[0].replace("I", "L")]
    width, height = image.size
    return Samples(width, height, channels, depth)


def _describe_webp(path: Path) -> ImageHeader:
    found = webp.read(path)
    size = Samples(found.width, found.height, 4 if found.alpha else 3)
    return _header(path, "webp", size, _from_exif(found.exif), found.frames)


def _orientation(path: Path, kind: str, image: Any) -> int:  # noqa: ANN401 - info and tag_v2 depend on the plug-in
    if kind == "tiff":
        return _sensible(image.tag_v2.get(Tag.ORIENTATION, 1))
    if kind not in {"jpeg", "png", "avif"}:
        return 1
    return _from_exif(png.exif(path) if kind == "png" else image.info.get("exif"))


def _from_exif(data: bytes | None) -> int:
    """EXIF's orientation, 1 to 8; 1 when absent or senseless. XMP's is ignored, as browsers do."""
    from PIL import Image  # noqa: PLC0415 - the parent process never loads Pillow

    exif = Image.Exif()
    try:
        exif.load(data or b"")
        return _sensible(exif.get(Tag.ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken EXIF says nothing of the pixels
        return 1


def _sensible(orientation: object) -> int:
    return orientation if isinstance(orientation, int) and orientation in range(1, 9) else 1


def _tiff_samples(image: Any) -> tuple[int, int]:  # noqa: ANN401 - Pillow types TIFF's tags loosely
    tags = image.tag_v2
    bits = tags.get(Tag.BITS, (1,))
    depth = max(bits) if isinstance(bits, tuple) else bits
    if depth > 16 or image.mode in {"F", "I"}:  # noqa: PLR2004
        raise signature.unsupported(f"a TIFF of {depth} bits per channel, which has no defined white")
    colours = _TIFF_COLOURS.get(tags.get(Tag.PHOTOMETRIC), 3)
    alpha = any(extra in {1, 2} for extra in tags.get(Tag.EXTRA_SAMPLES, ())) or image.mode in {"RGBA", "LA"}
    deep = depth > 8 and image.mode != "CMYK"  # noqa: PLR2004 - LittleCMS makes RGB of 8 bits of it
    return colours + alpha, 16 if deep else 8
