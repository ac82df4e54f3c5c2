"""Painted pictures on which the effect of operations is visible: a page askew, a frame, noise, bad light.

NumPy and Pillow are imported on first use.
"""

import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pictureperfect.demo.painted_images import DAWN, DUSK, NOON, Palette, paint_landscape

if TYPE_CHECKING:
    from PIL.Image import Image

Size = tuple[int, int]
_SIZE: Size = (640, 427)
_TEXT = (
    "Every image ends in exactly one final\nresult: processed, or failed with a\ncode and a sentence that a person\n"
    "understands. Any event delivered any\nnumber of times counts once. No image\nharms another, and no source is\n"
    "lost before a result is committed."
)


def view(seed: int, palette: Palette, grain: float = 0.004, size: Size = _SIZE) -> "Image":
    return paint_landscape(*size, seed, palette, grain).copy()


def balloon() -> "Image":
    """A small red balloon far right of the middle."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - not for `--help`

    scale = 4  # drawn larger for smooth edges
    layer = Image.new("RGBA", (110 * scale, 150 * scale))
    draw = ImageDraw.Draw(layer)
    box = [5 * scale, 5 * scale, 105 * scale, 105 * scale]
    for number, colour in enumerate(("#d7263d", "#f46036", "#d7263d", "#f46036", "#d7263d")):
        inset = number * 11 * scale
        draw.ellipse([box[0] + inset, box[1], box[2] - inset, box[3]], fill=colour)
    for x in (44, 66):
        draw.line([x * scale, 102 * scale, 55 * scale, 128 * scale], fill="#402818", width=scale)
    draw.rectangle([47 * scale, 126 * scale, 63 * scale, 142 * scale], fill="#6b4226")
    picture = view(5, NOON)
    mark = layer.resize((110, 150), Image.Resampling.LANCZOS)
    picture.paste(mark, (490, 60), mark)
    return picture


def page(size: Size = (480, 560)) -> "Image":
    """Black on white: a heading, a rule and lines of text."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    paper = Image.new("RGB", size, "#fbfaf6")
    draw = ImageDraw.Draw(paper)
    draw.text((48, 44), "Picture Perfect", "#1b1b1f", ImageFont.load_default(38))
    draw.line([48, 104, size[0] - 48, 104], "#1b1b1f", 3)
    font = ImageFont.load_default(21)
    draw.multiline_text((48, 128), _TEXT, "#26262b", font, spacing=13)
    draw.multiline_text((48, 420), _TEXT.rsplit("\n", 4)[0], "#26262b", font, spacing=13)
    return paper


def askew() -> "Image":
    """The page as a scanner sees it if it lies askew."""
    from PIL import Image  # noqa: PLC0415

    return page().rotate(6, Image.Resampling.BICUBIC, fillcolor="#fbfaf6")


#: The page's corners in `photographed`, as the operation `perspective` takes them.
CORNERS = ((176, 38), (470, 70), (556, 392), (92, 352))


def photographed() -> "Image":
    """The page on a table, from the side."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image as Images  # noqa: PLC0415
    from PIL import ImageChops, ImageFilter  # noqa: PLC0415

    paper = page()
    large = (2 * _SIZE[0], 2 * _SIZE[1])  # drawn larger for smooth edges
    corners = [(2 * x, 2 * y) for x, y in CORNERS]
    matrix = _homography(corners, [(0, 0), (paper.width, 0), (paper.width, paper.height), (0, paper.height)])

    def project(sheet: "Image") -> "Image":
        projected = sheet.transform(large, Images.Transform.PERSPECTIVE, matrix, Images.Resampling.BICUBIC)
        return projected.resize(_SIZE, Images.Resampling.LANCZOS)

    down = np.linspace(0, 1, _SIZE[1])[:, np.newaxis]
    veins = 14 * np.sin(down * 90 + 2 * np.sin(down * 23))
    veins = veins + np.random.default_rng(4).normal(0, 3, (_SIZE[1], _SIZE[0]))
    wood = np.array((112, 78, 52)) + veins[..., np.newaxis] * np.array((1, 0.8, 0.6))
    table = Images.fromarray(wood.clip(0, 255).astype(np.uint8))
    mask = project(Images.new("L", paper.size, 255))
    shadow = ImageChops.offset(mask, 8, 10).filter(ImageFilter.GaussianBlur(9)).point(lambda value: value * 0.55)
    table.paste("black", mask=shadow)
    table.paste(project(paper), mask=mask)
    return table


def _homography(points: list[tuple[int, int]], targets: list[tuple[int, int]]) -> list[float]:
    """The eight coefficients of Pillow's PERSPECTIVE that map four points to their targets."""
    import numpy as np  # noqa: PLC0415

    rows, values = [], []
    for (x, y), (u, v) in zip(points, targets, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    numbers: list[float] = np.linalg.solve(np.array(rows, float), np.array(values, float)).tolist()
    return numbers


def framed() -> "Image":
    """A picture with a border of different widths."""
    from PIL import Image  # noqa: PLC0415

    sheet = Image.new("RGB", _SIZE, "#e9e4da")
    sheet.paste(view(11, DAWN, size=(440, 300)), (120, 46))
    return sheet


def plate() -> "Image":
    """A car with a number plate."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    picture = view(9, DUSK)
    car = Image.new("RGBA", (4 * 340, 4 * 190))
    draw = ImageDraw.Draw(car)
    draw.rounded_rectangle([250, 0, 1110, 500], 170, "#23354d")
    draw.rounded_rectangle([320, 70, 1040, 330], 100, "#9db7cc")
    draw.rounded_rectangle([60, 260, 1300, 660], 130, "#2c4566")
    for x in (120, 1000):
        draw.rounded_rectangle([x, 330, x + 240, 430], 40, "#d7263d")
        draw.rounded_rectangle([x + 10, 600, x + 230, 756], 60, "#16181d")
    draw.rounded_rectangle([400, 470, 960, 600], 20, "#f4f4f0", "#16181d", 8)
    draw.text((680, 535), "PP 2026 JPG", "#16181d", ImageFont.load_default(88), anchor="mm")
    small = car.resize((340, 190), Image.Resampling.LANCZOS)
    picture.paste(small, (150, 220), small)
    return picture


def peppered() -> "Image":
    """A picture with dead pixels, black or white."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    pixels = np.array(view(3, DUSK))
    kind = np.random.default_rng(8).integers(0, 32, pixels.shape[:2])
    pixels[kind == 0] = 0
    pixels[kind == 1] = 255
    return Image.fromarray(pixels)


def toned(palette: Palette, seed: int, gains: tuple[float, float, float], gamma: float = 1.0) -> "Image":
    """A view in coloured light, or under- or overexposed."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    pixels = np.asarray(view(seed, palette), np.float32) / 255
    changed = np.clip(pixels * np.array(gains, np.float32), 0, 1) ** np.float32(gamma)
    return Image.fromarray((changed * 255 + 0.5).astype(np.uint8))


def flat() -> "Image":
    """A view in haze, without black or white."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    return Image.fromarray((np.asarray(view(21, NOON), np.float32) * 0.38 + 105).astype(np.uint8))


def pale() -> "Image":
    """A view with little colour."""
    from PIL import ImageEnhance  # noqa: PLC0415

    return ImageEnhance.Color(view(21, NOON)).enhance(0.45)


def small_copy() -> "Image":
    """The dawn as a messenger sends it on: small and strongly compressed."""
    from PIL import Image  # noqa: PLC0415

    stream = io.BytesIO()
    view(7, DAWN).resize((240, 160), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=25)
    return Image.open(stream).convert("RGB")


def crisp() -> "Image":
    """A part of the page in focus."""
    return page().crop((0, 20, 400, 287))


def soft() -> "Image":
    """The same part slightly out of focus."""
    from PIL import ImageFilter  # noqa: PLC0415

    return crisp().filter(ImageFilter.GaussianBlur(1.6))


def shaded() -> "Image":
    """A page in the shadow of its photographer."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    paper = np.asarray(page(), np.float32)
    height, width = paper.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 1 - 0.62 / (1 + np.exp(-(x + 0.8 * y - 0.8 * width) / 60))
    return Image.fromarray((paper * light[..., None] * np.array((1, 0.97, 0.9), np.float32)).astype(np.uint8))


#: Pictures by the names that examples use.
PICTURES: dict[str, Callable[[], "Image"]] = {
    "dawn": partial(view, 7, DAWN),
    "noon": partial(view, 21, NOON),
    "dusk": partial(view, 3, DUSK),
    "grainy": partial(view, 42, DUSK, 0.07, (320, 214)),
    "balloon": balloon,
    "askew": askew,
    "photographed": photographed,
    "framed": framed,
    "plate": plate,
    "peppered": peppered,
    "dark": partial(toned, DAWN, 33, (0.75, 0.75, 0.75), 2.0),
    "yellow": partial(toned, NOON, 21, (1.0, 0.82, 0.50)),
    "flat": flat,
    "pale": pale,
    "soft": soft,
    "small-copy": small_copy,
    "crisp": crisp,
    "shaded": shaded,
}
