"""Finding out whether a JPEG is complete, which libjpeg does not report."""

import mmap
import re
import struct
from pathlib import Path

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # ends the data of a scan


def is_complete(path: Path) -> bool:
    """Whether the entropy-coded data ends with an end mark. libjpeg fills missing pixels with grey."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 2
        while at + 4 <= len(data):
            if data[at] != 0xFF:  # noqa: PLR2004 - bytes between segments occur, against the standard
                at += 1
                continue
            marker = data[at + 1]
            if marker == 0xD9:  # noqa: PLR2004 - end of image
                return True
            if marker in {0xFF, 0x00, 0x01} or 0xD0 <= marker <= 0xD8:  # noqa: PLR2004 - without length
                at += 1 if marker == 0xFF else 2  # noqa: PLR2004
                continue
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
            if marker == 0xDA:  # noqa: PLR2004 - start of scan
                marker_found = _MARKER.search(data, at)
                if marker_found is None:
                    return False
                at = marker_found.start()
        return data[at : at + 2] == b"\xff\xd9"
