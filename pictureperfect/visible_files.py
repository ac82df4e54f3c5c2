"""The files that a folder stands for on the command line."""

from collections.abc import Iterator
from pathlib import Path


def visible_files(folder: Path) -> Iterator[Path]:
    """All files in a folder at any depth, sorted, without hidden files and files in hidden folders."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
