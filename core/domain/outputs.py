"""How a rendition is encoded, and how pipelines write colours."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageFormat, Value

#: #rrggbb, or #rrggbbaa with alpha, as CSS writes it.
Colour = Annotated[str, Meta(pattern="^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$")]
Quality = Annotated[int, Meta(ge=1, le=100)]
Colours = Annotated[int, Meta(ge=2, le=256)]

#: The longest side in pixels that a format can hold: JPEG as libjpeg has it (JPEG_MAX_DIMENSION), WebP 14 bits
#: (RFC 9649), AVIF 16 bits (AV1's frame header), GIF 16 bits, PNG and TIFF 2^31 - 1.
LARGEST_SIDE = {
    ImageFormat.JPEG: 65_500,
    ImageFormat.WEBP: 16_383,
    ImageFormat.AVIF: 65_536,
    ImageFormat.PNG: 2**31 - 1,
    ImageFormat.TIFF: 2**31 - 1,
    ImageFormat.GIF: 65_535,
}
#: What holds the frames of an animation, transparency in degrees (a GIF's pixel is there or not), 16 bits.
ANIMATED = frozenset({ImageFormat.WEBP, ImageFormat.GIF})
TRANSPARENT = frozenset(ImageFormat) - {ImageFormat.JPEG, ImageFormat.GIF}
DEEP = frozenset({ImageFormat.PNG, ImageFormat.TIFF})

# The options that not every format has, and those that have them.
_OF = {
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
    """How much of a JPEG's colour is kept beside its light: all, half of it across, or a quarter."""

    ALL = "4:4:4"
    HALF = "4:2:2"
    QUARTER = "4:2:0"


class Output(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One encoding of a rendition. An option that is not given is what `core.imaging.codec` takes for its format."""

    #: jpeg, png, webp, avif, tiff or gif.
    format: ImageFormat
    #: 1 to 100, for the lossy formats; by default 82 in JPEG, 80 in WebP, 60 in AVIF.
    quality: Quality | None = None
    #: What shows through transparent pixels where the format, JPEG, has no alpha.
    background: Colour = "#ffffff"
    #: JPEG: from coarse to fine as it arrives. A few per cent smaller, and twice the time to decode.
    progressive: bool | None = None
    #: JPEG: code tables made for the image, a few per cent smaller. On if not said.
    optimize: bool | None = None
    #: JPEG: 4:2:0 if not given. 4:4:4 keeps coloured edges, text above all, sharp.
    subsampling: Subsampling | None = None
    #: PNG: 0, none, to 9, smallest and slowest; 6 if not given.
    compression: Annotated[int, Meta(ge=0, le=9)] | None = None
    #: PNG: at most so many colours, 2 to 256, alpha among them, of 8 bits per channel.
    palette: Colours | None = None
    #: WebP: every value kept, those below transparent pixels too.
    lossless: bool | None = None
    #: AVIF: 0, smallest and slowest, to 10; 8 if not given.
    speed: Annotated[int, Meta(ge=0, le=10)] | None = None
    #: GIF: at most so many colours in each frame, 2 to 256; 256 if not given.
    colors: Colours | None = None

    def __post_init__(self) -> None:
        name = self.format.value
        if self.quality is not None and self.format not in _OF["quality"]:
            raise ValueError(f"{name} is lossless and has no quality")
        for option, formats in _OF.items():
            if getattr(self, option) is not None and self.format not in formats:
                raise ValueError(f"{name} has no {option}; it is an option of {_listed(sorted(formats))}")
        if self.lossless and self.quality is not None:
            raise ValueError("what is lossless has no quality: give one of the two")

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        return rgba(self.background)[:3]

    @property
    def candidates(self) -> tuple["Output", ...]:
        """What the file may come to be: this alone."""
        return (self,)

    def refuse_larger(self, width: int, height: int) -> None:
        """Raises ImageFailure(RESULT_TOO_LARGE) where the format cannot hold `width` x `height` pixels."""
        limit = LARGEST_SIDE[self.format]
        if max(width, height) > limit:
            name = {ImageFormat.WEBP: "WebP"}.get(self.format, self.format.value.upper())
            raise ImageFailure(
                Code.RESULT_TOO_LARGE,
                f"The result would be {width:,} × {height:,} pixels; {name} holds at most {limit:,} a side.",  # noqa: RUF001
            )


class Automatic(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The smallest file of several formats, of those that can hold the picture."""

    #: auto.
    format: Annotated[str, Meta(pattern="^auto$")] = "auto"
    #: What may be chosen: two formats or more. Of files of one size the first is taken.
    among: Annotated[tuple[ImageFormat, ...], Meta(min_length=2)] = (
        ImageFormat.JPEG,
        ImageFormat.WEBP,
        ImageFormat.AVIF,
    )
    #: 1 to 100, for those that are lossy; where it is not given, each has its own, alike to the eye.
    quality: Quality | None = None

    def __post_init__(self) -> None:
        if len(set(self.among)) < len(self.among):
            raise ValueError("among names a format twice")
        if self.quality is not None and not _OF["quality"] & set(self.among):
            raise ValueError("none of the formats in among has a quality")

    @property
    def candidates(self) -> tuple[Output, ...]:
        """What the file may come to be."""
        lossy = _OF["quality"]
        return tuple(Output(format=item, quality=self.quality if item in lossy else None) for item in self.among)

    def refuse_larger(self, width: int, height: int) -> None:
        """Raises ImageFailure(RESULT_TOO_LARGE) where none of the formats can hold `width` x `height` pixels."""
        if not list(_large_enough(self.candidates, width, height)):
            most = max(LARGEST_SIDE[item] for item in self.among)
            raise ImageFailure(
                Code.RESULT_TOO_LARGE,
                f"The result would be {width:,} × {height:,} pixels; "  # noqa: RUF001
                f"{_listed(list(self.among))} hold at most {most:,} a side.",
            )


def eligible_encodings(
    output: Output | Automatic, size: tuple[int, int], *, frames: int, transparent: bool, deep: bool
) -> tuple[Output, ...]:
    """Those candidates of `output` that can hold a picture of `size` (width, height) best.

    Of several, none that would lose frames, 16 bits (`deep`) or transparency where another keeps them; and never
    JPEG for what is transparent. Raises ImageFailure(RESULT_TOO_LARGE) where the size leaves none.
    """
    if isinstance(output, Output):
        output.refuse_larger(*size)
        return (output,)
    output.refuse_larger(*size)
    kept = tuple(_large_enough(output.candidates, *size))
    if transparent:
        kept = tuple(item for item in kept if item.format is not ImageFormat.JPEG)
        if not kept:
            next(item for item in output.candidates if item.format is not ImageFormat.JPEG).refuse_larger(*size)
    for wanted, formats in ((frames > 1, ANIMATED), (transparent, TRANSPARENT), (deep, DEEP)):
        if wanted:
            kept = tuple(item for item in kept if item.format in formats) or kept
    return kept


def rgba(colour: str) -> tuple[int, int, int, int]:
    """A Colour as numbers 0 to 255."""
    red, green, blue, alpha = bytes.fromhex(colour[1:].ljust(8, "f"))
    return red, green, blue, alpha


def _large_enough(candidates: tuple[Output, ...], width: int, height: int) -> Iterator[Output]:
    return (item for item in candidates if max(width, height) <= LARGEST_SIDE[item.format])


def _listed(formats: list[ImageFormat]) -> str:
    names = [item.value for item in formats]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
