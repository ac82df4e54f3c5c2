"""Replaces files atomically: a file is complete or unchanged."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A new file to write to. It replaces `out` and takes its mode if the block succeeds.

    A link is followed. A pipe or device is yielded itself. Raises OSError.
    """
    if out.exists() and not out.is_file():
        yield out
        return
    target = out.resolve()
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # fails if the name is taken, even by a link
    try:
        if target.exists():
            part.chmod(S_IMODE(target.stat().st_mode))
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
