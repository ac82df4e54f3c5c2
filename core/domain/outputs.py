"""The encodings of renditions, as pipelines write them."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageFormat, Value

#: #rrggbb, or #rrggbbaa with alpha, as in CSS.
Colour = Annotated[str, Meta(pattern="^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$")]
Quality = Annotated[int, Meta(ge=1, le=100)]
Colours = Annotated[int, Meta(ge=2, le=256)]

#: The longest side in pixels that a format can hold: JPEG by libjpeg (JPEG_MAX_DIMENSION), WebP 14 bits (RFC 9649),
#: AVIF 16 bits (AV1's frame header), GIF 16 bits, PNG and TIFF 2^31 - 1.
LARGEST_SIDE = {
    ImageFormat.JPEG: 65_500,
    ImageFormat.WEBP: 16_383,
    ImageFormat.AVIF: 65_536,
    ImageFormat.PNG: 2**31 - 1,
    ImageFormat.TIFF: 2**31 - 1,
    ImageFormat.GIF: 65_535,
}
#: The formats that hold animations, partial transparency (a pixel of a GIF is either opaque or not), and 16 bits.
ANIMATED = frozenset({ImageFormat.WEBP, ImageFormat.GIF})
TRANSPARENT = frozenset(ImageFormat) - {ImageFormat.JPEG, ImageFormat.GIF}
DEEP = frozenset({ImageFormat.PNG, ImageFormat.TIFF})

# The formats of each option that not all formats have.
_FORMATS_OF_OPTION = {
    "quality": {ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF},
    "progressive": {ImageFormat.JPEG},
    "optimize": {ImageFormat.JPEG},
    "subsampling": {ImageFormat.JPEG},
    "compression": {ImageFormat.PNG},
    "palette": {ImageFormat.PNG},
    "lossless": {ImageFormat.WEBP},
    "speed": {ImageFormat.AVIF},
    "colors": {ImageFormat.GIF},
}


class Subsampling(StrEnum):
    """The chroma subsampling of a JPEG: full resolution, half of it horizontally, or half of it in both directions."""

    ALL = "4:4:4"
    HALF = "4:2:2"
    QUARTER = "4:2:0"


class Output(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One encoding of a rendition. core.imaging.codec.encoding has the defaults of options that are not given."""

    #: jpeg, png, webp, avif, tiff or gif.
    format: ImageFormat
    #: 1 to 100, for the lossy formats; by default 82 in JPEG, 80 in WebP, 60 in AVIF.
    quality: Quality | None = None
    #: JPEG: the colour behind transparent pixels, since JPEG has no alpha.
    background: Colour = "#ffffff"
    #: JPEG: appears from coarse to fine while it loads. A few per cent smaller; decoding takes twice the time.
    progressive: bool | None = None
    #: JPEG: Huffman tables made for the image, a few per cent smaller. On if not given.
    optimize: bool | None = None
    #: JPEG: 4:2:0 if not given. 4:4:4 keeps coloured edges, text above all, sharp.
    subsampling: Subsampling | None = None
    #: PNG: 0, none, to 9, smallest and slowest; 6 if not given.
    compression: Annotated[int, Meta(ge=0, le=9)] | None = None
    #: PNG: the most colours of a palette, 2 to 256, alpha included, with 8 bits per channel.
    palette: Colours | None = None
    #: WebP: keep every value, also below transparent pixels.
    lossless: bool | None = None
    #: AVIF: 0, smallest and slowest, to 10; 8 if not given.
    speed: Annotated[int, Meta(ge=0, le=10)] | None = None
    #: GIF: the most colours of each frame, 2 to 256; 256 if not given.
    colors: Colours | None = None

    def __post_init__(self) -> None:
        name = self.format.value
        if self.quality is not None and self.format not in _FORMATS_OF_OPTION["quality"]:
            raise ValueError(f"{name} is lossless and has no quality")
        for option, formats in _FORMATS_OF_OPTION.items():
            if getattr(self, option) is not None and self.format not in formats:
                raise ValueError(f"{name} has no {option}; it is an option of {_join_names(sorted(formats))}")
        if self.lossless and self.quality is not None:
            raise ValueError("give either lossless or quality: a lossless file has no quality")

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        return to_rgba(self.background)[:3]

    @property
    def candidates(self) -> tuple["Output", ...]:
        """The encodings of which one is chosen: this alone."""
        return (self,)

    def refuse_larger(self, width: int, height: int) -> None:
        """Raise ImageFailure(RESULT_TOO_LARGE) if the format cannot hold `width` x `height` pixels."""
        limit = LARGEST_SIDE[self.format]
        if max(width, height) > limit:
            name = {ImageFormat.WEBP: "WebP"}.get(self.format, self.format.value.upper())
            raise ImageFailure(
                Code.RESULT_TOO_LARGE,
                f"The result would be {width:,} × {height:,} pixels; {name} holds at most {limit:,} a side.",  # noqa: RUF001
            )


class Automatic(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The smallest file among several formats that can hold the picture."""

    #: auto.
    format: Annotated[str, Meta(pattern="^auto$")] = "auto"
    #: The formats to choose from, two or more. If files are equally small, the first of them wins.
    among: Annotated[tuple[ImageFormat, ...], Meta(min_length=2)] = (
        ImageFormat.JPEG,
        ImageFormat.WEBP,
        ImageFormat.AVIF,
    )
    #: 1 to 100, for the lossy formats; if not given, each has a default of its own, and the defaults look alike.
    quality: Quality | None = None

    def __post_init__(self) -> None:
        if len(set(self.among)) < len(self.among):
            raise ValueError("among names a format twice")
        if self.quality is not None and not _FORMATS_OF_OPTION["quality"] & set(self.among):
            raise ValueError("none of the formats in among has a quality")

    @property
    def candidates(self) -> tuple[Output, ...]:
        """The encodings of which one is chosen."""
        lossy = _FORMATS_OF_OPTION["quality"]
        return tuple(Output(format=item, quality=self.quality if item in lossy else None) for item in self.among)

    def refuse_larger(self, width: int, height: int) -> None:
        """Raise ImageFailure(RESULT_TOO_LARGE) if none of the formats can hold `width` x `height` pixels."""
        if not list(_fitting(self.candidates, width, height)):
            limit = max(LARGEST_SIDE[item] for item in self.among)
            raise ImageFailure(
                Code.RESULT_TOO_LARGE,
                f"The result would be {width:,} × {height:,} pixels; "  # noqa: RUF001
                f"{_join_names(list(self.among))} hold at most {limit:,} a side.",
            )


def eligible_encodings(
    output: Output | Automatic, size: tuple[int, int], *, frames: int, transparent: bool, deep: bool
) -> tuple[Output, ...]:
    """The candidates of `output` that can hold the picture. `size` is (width, height) in pixels.

    A candidate that would lose frames, transparency or 16 bits (`deep`) is left out if another one keeps them; JPEG is
    always left out for transparent pictures. Raises ImageFailure(RESULT_TOO_LARGE) if no candidate is left.
    """
    output.refuse_larger(*size)
    if isinstance(output, Output):
        return (output,)
    kept = tuple(_fitting(output.candidates, *size))
    if transparent:
        kept = tuple(item for item in kept if item.format is not ImageFormat.JPEG)
        if not kept:
            next(item for item in output.candidates if item.format is not ImageFormat.JPEG).refuse_larger(*size)
    for needed, formats in ((frames > 1, ANIMATED), (transparent, TRANSPARENT), (deep, DEEP)):
        if needed:
            kept = tuple(item for item in kept if item.format in formats) or kept
    return kept


def to_rgba(colour: str) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha of a Colour, 0 to 255."""
    red, green, blue, alpha = bytes.fromhex(colour[1:].ljust(8, "f"))
    return red, green, blue, alpha


def _fitting(candidates: tuple[Output, ...], width: int, height: int) -> Iterator[Output]:
    return (item for item in candidates if max(width, height) <= LARGEST_SIDE[item.format])


def _join_names(formats: list[ImageFormat]) -> str:
    names = [item.value for item in formats]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
