"""The formats that are accepted: a file in every format and mode that Pillow can write, read back by our decoders.

The rows are the same on every machine that has the pinned Pillow: the change that a lossy format makes is compared with
a tolerance and not printed.
"""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.domain.errors import ImageFailure
from core.domain.model import Value
from core.imaging.formats import readers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")
_DEEP = {"I;16", "I;16B", "I", "F"}
_SIDE = 128  # pixels: a size that both kinds of icon allow
#: The mean difference that a lossy format itself causes, in steps of 255; 1 for the other formats.
_TOLERANCE = {"JPEG": 3.0, "MPO": 3.0, "WEBP": 3.0, "AVIF": 3.0, "GIF": 12.0, "ICNS": 2.0}
#: Extensions of formats for which Pillow's shortest is not the common one.
_EXTENSIONS = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "PPM": ".ppm", "SGI": ".sgi", "SUN": ".ras"}
#: Formats of Pillow that core.imaging.formats reads instead.
_OWN = {"PSD": "psd", "CUR": "ico", "ICO": "ico", "WEBP": "webp"}
#: The reason in a row whose pixels were read wrongly.
WRONG = "differs from what was written by"


class Row(Value, frozen=True, kw_only=True):
    """A format of Pillow. `comes_in`: the accepted modes; `refused`: pairs of mode and reason.

    Both are empty if Pillow cannot write the format.
    """

    format: str
    extension: str
    comes_in: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    note: str = ""


def rows() -> list[Row]:
    """A row for every format that Pillow writes or reads, by name; written formats first."""
    from PIL import Image  # noqa: PLC0415 - not for `--help`

    Image.init()
    with tempfile.TemporaryDirectory(prefix="formats-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = [_try_format(name, Path(folder)) for name in sorted(Image.SAVE)]
    return [row for row in written if row.comes_in or row.refused] + list(_read_only_rows(written))


def _read_only_rows(written: list[Row]) -> Iterator[Row]:
    from PIL import Image  # noqa: PLC0415

    shown = {row.format for row in written if row.comes_in or row.refused}
    modules = {reader.module for reader in readers.READERS.values() if reader.module}
    for name in sorted({*Image.OPEN, *Image.SAVE} - shown):
        factory = Image.OPEN[name][0] if name in Image.OPEN else None
        is_read = name in _OWN or (factory is not None and factory.__module__.removeprefix("PIL.") in modules)
        note = "accepted; not tried, as Pillow cannot write one" if is_read else "not accepted; Pillow cannot write one"
        yield Row(format=name, extension=_extension(name), note=note)


def _try_format(name: str, folder: Path) -> Row:
    extension = _extension(name)
    comes_in: list[str] = []
    refused: list[tuple[str, str]] = []
    for mode in MODES:
        image = _image(mode)
        path = folder / f"{name}-{mode.replace(';', '')}{extension}"
        try:
            image.save(path, name)
        except Exception:  # noqa: BLE001, S112 - each plug-in refuses a mode with another error
            continue
        if mode in _DEEP and _is_clipped(path):
            continue
        try:
            comes_in.append(mode + _compare(name, path, image))
        except ImageFailure as failure:
            refused.append((mode, f"`{failure.code}`, {_short(failure.message)}"))
        except ValueError as error:
            refused.append((mode, str(error)))
    return Row(format=name, extension=extension, comes_in=tuple(comes_in), refused=tuple(refused))


def _is_clipped(path: Path) -> bool:
    """Whether Pillow clipped the values to 8 bits, so that the file does not hold the picture."""
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(path) as image:
            image.load()
            return image.mode not in _DEEP
    except Exception:  # noqa: BLE001 - Pillow cannot read every file that it writes
        return False


def _compare(name: str, path: Path, image: "Image.Image") -> str:
    """Read the file and compare it with `image`; a remark if alpha or depth was lost.

    Raises ImageFailure if it is refused, and ValueError if its pixels are wrong.
    """
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    from core.imaging import codec  # noqa: PLC0415
    from core.imaging.header import read_header  # noqa: PLC0415

    header = read_header(path)
    raster = codec.decode(path, header)
    expected = _pixels(image)
    if name == "XBM":
        expected = 1 - expected  # Pillow writes white as X11's ink
    decoded: NDArray[Any] = raster.pixels / np.float64(raster.white)
    if name == "GIF" and expected.shape[2] in {2, 4}:
        expected[..., -1] = expected[..., -1] >= 0.5  # noqa: PLR2004 - GIF has no partial alpha
    if decoded.shape[:2] != expected.shape[:2]:
        size = expected.shape[1::-1]
        decoded = cv2.resize(decoded, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], -1)
    lost = expected.shape[2] in {2, 4} and decoded.shape[2] not in {2, 4}
    difference = np.abs(_as_rgba(decoded, opaque=lost) - _as_rgba(expected, opaque=lost)).mean() * 255
    if difference > _TOLERANCE.get(name, 1.0):
        raise ValueError(f"{WRONG} {difference:.1f} steps of 255")
    shallow = image.mode == "I;16" and header.depth == 8  # noqa: PLR2004
    return " (without its alpha)" if lost else " (as 8 bits)" if shallow else ""


def _as_rgba(pixels: "NDArray[Any]", *, opaque: bool) -> "NDArray[Any]":
    import numpy as np  # noqa: PLC0415

    channels = pixels.shape[2]
    colours = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, axis=2)  # noqa: PLR2004
    alpha = pixels[..., -1:] if channels in {2, 4} and not opaque else np.ones_like(pixels[..., :1])
    return np.concatenate([colours, alpha], axis=2)


def _pixels(image: "Image.Image") -> "NDArray[Any]":
    """The visible colours of an image, 0 to 1, of shape (h, w, channels)."""
    import numpy as np  # noqa: PLC0415
    from PIL import ImageCms  # noqa: PLC0415

    if image.mode == "LAB":
        target = ImageCms.createProfile("sRGB")
        image = ImageCms.buildTransform(ImageCms.createProfile("LAB"), target, "LAB", "RGB").apply(image)
    elif image.mode in {"1", "P", "CMYK", "YCbCr"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    white = {"I;16": 65_535, "I": 65_535, "F": 1}.get(image.mode, 255)
    pixels = np.asarray(image) / np.float64(white)
    return pixels.reshape(*pixels.shape[:2], -1)


def _image(mode: str) -> "Image.Image":
    """A smooth picture, which lossy formats keep, with different channels, so that swapped ones are noticed."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image, ImageCms  # noqa: PLC0415

    x, y = np.meshgrid(np.linspace(0, 1, _SIDE), np.linspace(0, 1, _SIDE))
    planes = np.dstack([x, y, 0.3 + 0.4 * x * y, 0.5 + 0.5 * y])
    if mode in {"I;16", "I", "F"}:
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        return Image.fromarray((planes[..., 0] * (1 if mode == "F" else 65_535)).astype(kind))
    colours = Image.fromarray((planes * 255).astype(np.uint8))
    if mode == "LAB":
        source, target = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.buildTransform(source, target, "RGB", "LAB").apply(colours.convert("RGB"))
    if mode in {"RGBA", "LA"}:
        return colours.convert(mode)
    if mode == "P":
        return colours.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return colours.convert("RGB").convert(mode)


def _extension(name: str) -> str:
    from PIL import Image  # noqa: PLC0415

    extensions = [extension for extension, known in Image.EXTENSION.items() if known == name]
    return _EXTENSIONS.get(name) or (min(extensions, key=len) if extensions else "")


def _short(message: str) -> str:
    """The message without its list of known formats."""
    sentence = message.partition(";")[0].removesuffix(".")
    return sentence[:1].lower() + sentence[1:]
