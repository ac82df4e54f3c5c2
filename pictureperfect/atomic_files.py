"""Files that are whole or not there: what is written takes its place at the end."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE


@contextmanager
def fresh(out: Path) -> Iterator[Path]:
    """Where to write: a new file beside `out`, which takes its place, and mode, when the block has ended well.

    Of a link, the file that it leads to. What is there and is no file, such as a pipe, is written to as it is. Raises
    OSError.
    """
    if out.exists() and not out.is_file():
        yield out
        return
    place = out.resolve()
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # nobody else's, and no link
    try:
        if place.exists():
            part.chmod(S_IMODE(place.stat().st_mode))
        yield part
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
