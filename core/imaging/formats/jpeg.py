"""The one question to a JPEG that its decoder does not answer: whether all its pixels are there."""

import mmap
import re
import struct
from pathlib import Path

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # within a scan, what is not data ends it


def is_complete(path: Path) -> bool:
    """Whether the entropy-coded data runs up to an end mark. libjpeg paints grey what is not there."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 2
        while at + 4 <= len(data):
            if data[at] != 0xFF:  # noqa: PLR2004 - not at a marker: not what the standard says, but seen
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
                found = _MARKER.search(data, at)
                if found is None:
                    return False
                at = found.start()
        return data[at : at + 2] == b"\xff\xd9"
