"""The bit depth and the ICC profile of a JPEG 2000, which Pillow does not report (ISO/IEC 15444-1)."""

import struct
from pathlib import Path
from typing import NamedTuple

_CODESTREAM = b"\xff\x4f\xff\x51"  # start of codestream, and the marker of the sizes
_PROFILED = {2, 3}  # the METH field of a colour specification box: a restricted, and any, ICC profile
_CMYK = 12  # its EnumCS field


class Jpeg2000Header(NamedTuple):
    """`components` are the coded ones, `bits` those of the deepest; `mapped` says that there is a palette."""

    components: int
    bits: int
    mapped: bool
    cmyk: bool
    icc: bytes | None


def read(path: Path) -> Jpeg2000Header:
    """Read the boxes and the start of the codestream. Raises ValueError or struct.error if it is damaged."""
    with path.open("rb") as file:
        head = file.read(1 << 20)  # profiles are before the codestream, and megabytes at most
    at = 0 if head.startswith(_CODESTREAM) else head.find(_CODESTREAM, 12)
    if at < 0:
        raise ValueError("a JPEG 2000 without a codestream")
    (components,) = struct.unpack_from(">H", head, at + 40)
    depths = [head[at + 42 + 3 * number] for number in range(components)]
    boxes = head[:at]
    kind, profile, cmyk = boxes.find(b"colr"), None, False
    if kind >= 4:  # noqa: PLR2004 - the box's length is before its name
        (length,) = struct.unpack_from(">I", boxes, kind - 4)
        method = boxes[kind + 4]
        if method in _PROFILED:
            profile = boxes[kind + 7 : kind - 4 + length]
        else:
            cmyk = struct.unpack_from(">I", boxes, kind + 7)[0] == _CMYK
    bits = max((depth & 0x7F) + 1 for depth in depths)
    return Jpeg2000Header(components, bits, b"pclr" in boxes, cmyk, profile)
