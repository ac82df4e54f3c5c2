"""Writing an animated WebP (RFC 9649) from still ones, frame by frame. Bytes only.

libwebp's encoder of animations merges equal frames and changes their durations; this one keeps both.
"""

import struct
from typing import BinaryIO, Self

_ANIMATED, _ALPHA = 0x02, 0x10
_DO_NOT_BLEND = 0x02
_LONGEST, _MOST_PLAYS = (1 << 24) - 1, 0xFFFF
_SIZE_AT, _FLAGS_AT = 4, 20
_PICTURE = (b"ALPH", b"VP8 ", b"VP8L")


class WebpAnimation:
    """Writes an animation to `file` from its start. The file is complete after `finish`."""

    def __init__(self, file: BinaryIO, width: int, height: int, plays: int) -> None:
        """`width` and `height` are those of the canvas in pixels; `plays` is how often it is shown, 0 for ever."""
        self._file = file
        self._alpha = False
        canvas = struct.pack("<B3x", _ANIMATED) + _encode_three_bytes(width - 1) + _encode_three_bytes(height - 1)
        file.write(b"RIFF\0\0\0\0WEBP" + _encode_chunk(b"VP8X", canvas))
        file.write(_encode_chunk(b"ANIM", struct.pack("<4xH", min(plays, _MOST_PLAYS))))

    def add(self, still: bytes, at: tuple[int, int], size: tuple[int, int], duration: int, *, blend: bool) -> Self:
        """Add the picture of the WebP `still`, its left top corner at (x, y), both even, for `duration` milliseconds.

        With `blend` it is drawn over the canvas, else it replaces the pixels of its box.
        """
        picture = b"".join(_encode_chunk(name, data) for name, data in _parse_chunks(still) if name in _PICTURE)
        self._alpha |= blend or _has_alpha(still)
        numbers = (at[0] // 2, at[1] // 2, size[0] - 1, size[1] - 1, min(duration, _LONGEST))
        head = b"".join(map(_encode_three_bytes, numbers)) + bytes([0 if blend else _DO_NOT_BLEND])
        self._file.write(_encode_chunk(b"ANMF", head + picture))
        return self

    def finish(self) -> None:
        """Write the length of the file and whether it has alpha, which are known only now."""
        length = self._file.tell() - 8
        self._file.seek(_FLAGS_AT)
        self._file.write(bytes([_ANIMATED | (_ALPHA if self._alpha else 0)]))
        self._file.seek(_SIZE_AT)
        self._file.write(struct.pack("<I", length))


def _encode_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2)


def _parse_chunks(still: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 12
    while at + 8 <= len(still):
        name, length = struct.unpack_from("<4sI", still, at)
        chunks.append((name, still[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def _has_alpha(still: bytes) -> bool:
    return any(name == b"ALPH" or (name == b"VP8L" and data[4] & 0x10) for name, data in _parse_chunks(still))


def _encode_three_bytes(number: int) -> bytes:
    return number.to_bytes(3, "little")
