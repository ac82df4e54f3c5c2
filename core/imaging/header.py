"""Reading the header of an image file without decoding a pixel.

Pillow reads most headers. It does not report 16-bit colour or grey with alpha, and applies the orientation of TIFF:
those are read from the file's own fields. Time and memory do not depend on the size that the file claims.
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

# The colour channels of TIFF 6.0's photometric interpretations, without extra samples: white is zero, black is zero,
# RGB, palette, separated (CMYK), YCbCr, CIE L*a*b*.
_TIFF_COLOURS = {0: 1, 1: 1, 2: 3, 3: 3, 5: 3, 6: 3, 8: 3}


def read_header(path: Path) -> ImageHeader:
    """The header of the image at `path`.

    `width` and `height` are in pixels as displayed. `channels` and `depth` are those of the decoded raster: palettes
    and CMYK count as RGB, 1 bit as 8. `frames` counts the frames of an animation or the pages of a TIFF.
    Raises ImageFailure: EMPTY_FILE, UNSUPPORTED_FORMAT, CORRUPT_IMAGE.
    """
    kind = signature.detect_format(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about odd metadata, which is no reason to refuse an image
            return _read_by_fields(path, kind) or _read_by_pillow(path, kind)
    except (ImageFailure, MemoryError):
        raise
    except Exception as error:  # parsers raise many kinds: OSError, SyntaxError, struct.error
        if kind == "tiff" and isinstance(error, SyntaxError) and tiff_directory.read(path) is not None:
            description = "a TIFF with an unknown way of storing pixels, or a damaged one"
            raise signature.unsupported(description) from error
        name = readers.READERS[kind].name
        message = f"The file begins as {name}, but its header cannot be read: it is damaged or cut short."
        raise ImageFailure(Code.CORRUPT_IMAGE, message) from error


def open_image(path: Path, kind: str) -> "ImageFile":
    """Open the file at `path` by Pillow without loading its pixels. Raises whatever Pillow raises."""
    from PIL import Image, PngImagePlugin  # noqa: PLC0415 - the parent process never loads Pillow

    Image.MAX_IMAGE_PIXELS = None  # core.routing.plan refuses too many pixels, with the limit
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # XMP may have megabytes
    return readers.open_by_plugin(kind, path)


def icc_profile(image: "ImageFile") -> bytes | None:
    """The embedded ICC profile of an opened image, or None."""
    profile = image.info.get("icc_profile")
    return bytes(profile) if profile else None


def _read_by_fields(path: Path, kind: str) -> ImageHeader | None:
    """The header of a format that is read without Pillow; None for other formats."""
    if kind == "webp":
        return _read_webp(path)
    if kind == "heic":
        return _make_header(path, kind, _read_heic_samples(path))
    if kind == "tiff":
        return _read_deep_tiff(path)
    read_samples = {"psd": samples.psd_samples, "ico": samples.ico_samples, "pnm": samples.pnm_samples}.get(kind)
    return _make_header(path, kind, read_samples(path)) if read_samples else None


def _read_by_pillow(path: Path, kind: str) -> ImageHeader:
    with open_image(path, kind) as image:
        orientation = _read_orientation(path, kind, image)
        depth = 8
        if kind == "tiff":
            channels, depth = _read_tiff_samples(image)
        elif kind == "png":
            channels, depth = png.read_samples(path)
        elif kind == "jpeg2000":
            channels, depth = samples.jpeg2000_samples(path, image)[2:]
        else:
            channels, depth = samples.mode_channels(image), 16 if kind == "avif" and avif.read_bits(path) > 8 else 8  # noqa: PLR2004
        width, height = image.size
        # Pillow returns the size of a TIFF as displayed, and of other formats as stored.
        if orientation >= 5 and kind == "tiff":  # noqa: PLR2004 - 5 to 8 exchange width and height
            width, height = height, width
        frames = int(getattr(image, "n_frames", 1)) if kind in {"avif", "tiff"} else 1
        if kind == "png" and (animation := png.read_animation(path)):
            frames = animation.frames  # Pillow also counts a still picture before them
        elif kind == "gif":
            frames = len(gif.read(path).durations)  # Pillow is slow on zeros between blocks
        interlaced = kind in {"jpeg", "png"} and bool(image.info.get("progressive") or image.info.get("interlace"))
        header = _make_header(path, kind, Samples(width, height, channels, depth), orientation, frames)
        return replace(header, interlaced=interlaced)


def _make_header(path: Path, kind: str, stored: Samples, orientation: int = 1, frames: int = 1) -> ImageHeader:
    """`stored` has width and height as stored. Raises ImageFailure(CORRUPT_IMAGE) if one of them is 0."""
    width, height = (stored.height, stored.width) if orientation >= 5 else (stored.width, stored.height)  # noqa: PLR2004
    if width < 1 or height < 1:
        raise ImageFailure(Code.CORRUPT_IMAGE, f"The header claims a size of {width} by {height} pixels.")
    return ImageHeader(
        format=kind,
        width=width,
        height=height,
        channels=stored.channels,
        depth=stored.depth,
        frames=max(1, frames),
        orientation=orientation,
        bytes=path.stat().st_size,
    )


def _read_deep_tiff(path: Path) -> ImageHeader | None:
    """The header of a TIFF that core.imaging.codec.deep_tiff decodes; None for others, which Pillow then reads.

    Raises ImageFailure(UNSUPPORTED_FORMAT) for numbers without a defined white, and for previews of raw files.
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
    orientation = _valid_orientation(directory.first(Tag.ORIENTATION, 1))
    return _make_header(path, "tiff", samples.deep_tiff_samples(directory), orientation, directory.pages)


def _read_heic_samples(path: Path) -> Samples:
    image = heic.open_heic(path)
    depth = 16 if image.mode.endswith(("16", ";16L", ";16B")) else 8
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[image.mode.partition(";")[0].replace("I", "L")]
    width, height = image.size
    return Samples(width, height, channels, depth)


def _read_webp(path: Path) -> ImageHeader:
    fields = webp.read(path)
    stored = Samples(fields.width, fields.height, 4 if fields.alpha else 3)
    return _make_header(path, "webp", stored, _parse_exif_orientation(fields.exif), fields.frames)


def _read_orientation(path: Path, kind: str, image: Any) -> int:  # noqa: ANN401 - info and tag_v2 depend on the plug-in
    if kind == "tiff":
        return _valid_orientation(image.tag_v2.get(Tag.ORIENTATION, 1))
    if kind not in {"jpeg", "png", "avif"}:
        return 1
    return _parse_exif_orientation(png.read_exif(path) if kind == "png" else image.info.get("exif"))


def _parse_exif_orientation(data: bytes | None) -> int:
    """EXIF's orientation, 1 to 8; 1 if it is absent or invalid. XMP's is ignored, as in browsers."""
    from PIL import Image  # noqa: PLC0415 - the parent process never loads Pillow

    exif = Image.Exif()
    try:
        exif.load(data or b"")
        return _valid_orientation(exif.get(Tag.ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken EXIF does not make pixels unreadable
        return 1


def _valid_orientation(orientation: object) -> int:
    return orientation if isinstance(orientation, int) and orientation in range(1, 9) else 1


def _read_tiff_samples(image: Any) -> tuple[int, int]:  # noqa: ANN401 - Pillow types TIFF's tags loosely
    tags = image.tag_v2
    bits = tags.get(Tag.BITS, (1,))
    depth = max(bits) if isinstance(bits, tuple) else bits
    if depth > 16 or image.mode in {"F", "I"}:  # noqa: PLR2004
        raise signature.unsupported(f"a TIFF of {depth} bits per channel, which has no defined white")
    colours = _TIFF_COLOURS.get(tags.get(Tag.PHOTOMETRIC), 3)
    alpha = any(extra in {1, 2} for extra in tags.get(Tag.EXTRA_SAMPLES, ())) or image.mode in {"RGBA", "LA"}
    deep = depth > 8 and image.mode != "CMYK"  # noqa: PLR2004 - LittleCMS converts CMYK to 8 bits
    return colours + alpha, 16 if deep else 8
