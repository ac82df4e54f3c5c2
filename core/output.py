"""How a rendition is encoded, and how pipelines write colours."""

from typing import Annotated

from msgspec import Meta

from core.errors import Code, ImageFailure
from core.model import ImageFormat, Value

#: #rrggbb, or #rrggbbaa with alpha, as CSS writes it.
Colour = Annotated[str, Meta(pattern="^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$")]

#: The longest side in pixels that a format can hold: JPEG as libjpeg has it (JPEG_MAX_DIMENSION), WebP 14 bits
#: (RFC 9649), AVIF 16 bits (AV1's frame header), PNG and TIFF 2^31 - 1.
LARGEST_SIDE = {
    ImageFormat.JPEG: 65_500,
    ImageFormat.WEBP: 16_383,
    ImageFormat.AVIF: 65_536,
    ImageFormat.PNG: 2**31 - 1,
    ImageFormat.TIFF: 2**31 - 1,
    ImageFormat.GIF: 65_535,
}
_LOSSY = {ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF}


class Output(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One encoding of a rendition."""

    #: jpeg, png, webp, avif or tiff.
    format: ImageFormat
    #: 1 to 100, for the lossy formats; by default 82 in JPEG, 80 in WebP, 60 in AVIF.
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None
    #: What shows through transparent pixels where the format, JPEG, has no alpha.
    background: Colour = "#ffffff"

    def __post_init__(self) -> None:
        if self.quality is not None and self.format not in _LOSSY:
            raise ValueError(f"{self.format.value} is lossless and has no quality")

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        return rgba(self.background)[:3]

    def refuse_larger(self, width: int, height: int) -> None:
        """Raises ImageFailure(RESULT_TOO_LARGE) where the format cannot hold `width` x `height` pixels."""
        limit = LARGEST_SIDE[self.format]
        if max(width, height) > limit:
            name = {ImageFormat.WEBP: "WebP"}.get(self.format, self.format.value.upper())
            raise ImageFailure(
                Code.RESULT_TOO_LARGE,
                f"The result would be {width:,} × {height:,} pixels; {name} holds at most {limit:,} a side.",  # noqa: RUF001
            )


def rgba(colour: str) -> tuple[int, int, int, int]:
    """A Colour as numbers 0 to 255."""
    red, green, blue, alpha = bytes.fromhex(colour[1:].ljust(8, "f"))
    return red, green, blue, alpha
