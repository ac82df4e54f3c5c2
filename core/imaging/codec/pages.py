"""Reading and writing the pages of a TIFF, one by one."""

import shutil
from collections.abc import Generator
from pathlib import Path

from PIL.TiffImagePlugin import AppendingTiffWriter

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageHeader
from core.domain.outputs import Output
from core.imaging.codec.decoding import decode
from core.imaging.codec.encoding import encode
from core.imaging.formats import tiff_ifd
from core.imaging.header import read_header
from core.imaging.raster import Raster

_MOST_BYTES = (1 << 32) - 1  # the most that a classic TIFF can hold


def read_pages(path: Path, header: ImageHeader, scratch: Path) -> Generator[Raster, None, None]:
    """The pages of the TIFF at `path`, each with its own size, channels and depth, decoded when it is requested.

    `scratch` is the path of a temporary copy of the file, which is deleted at the end.
    Raises ImageFailure: CORRUPT_IMAGE, UNSUPPORTED_FORMAT, OUT_OF_MEMORY.
    """
    try:
        offsets = tiff_ifd.page_offsets(path)
    except ValueError as error:
        message = f"The TIFF cannot be decoded: {header.frames:,} pages were found, and the link to the next is broken."
        raise ImageFailure(Code.CORRUPT_IMAGE, message) from error
    shutil.copyfile(path, scratch)
    try:
        for offset in offsets:
            # The decoder reads the first page only, so each page becomes the first one in turn.
            tiff_ifd.make_first(scratch, offset)
            yield decode(scratch, read_header(scratch))
    finally:
        scratch.unlink()


class PagesWriter:
    """Writes a TIFF to `path`, page by page."""

    def __init__(self, path: Path, output: Output) -> None:
        self._path = path
        self._output = output

    def add(self, raster: Raster) -> int:
        """Add a page, and return the size of the file in bytes.

        Raises ImageFailure as `encode` does, and RESULT_TOO_LARGE if the file exceeds 4 GB.
        """
        page = self._path.with_name(f".{self._path.name}")
        size = encode(raster, self._output, page)
        before = self._path.stat().st_size if self._path.exists() else 0
        if before + size > _MOST_BYTES:
            message = f"The pages together have {before + size:,} bytes; a TIFF holds at most {_MOST_BYTES:,}."
            raise ImageFailure(Code.RESULT_TOO_LARGE, message)
        if not before:
            page.rename(self._path)
            return size
        with self._path.open("r+b") as file:
            writer = AppendingTiffWriter(file)
            writer.write(page.read_bytes())
            writer.newFrame()
        page.unlink()
        return self._path.stat().st_size
