"""A worker's child with operations that misbehave: `python -m tests.integration.hostile_child …`."""

import ctypes
import os
import sys
import time
from pathlib import Path

from core.imaging.operations import OPERATIONS
from core.imaging.operations.base import Operation
from core.imaging.raster import Raster


class Segfault(Operation, frozen=True, tag="segfault"):
    """Reads address 0."""

    def apply(self, raster: Raster) -> Raster:
        ctypes.string_at(0)
        return raster


class Forever(Operation, frozen=True, tag="forever"):
    """Never returns."""

    def apply(self, raster: Raster) -> Raster:  # noqa: ARG002
        while True:
            pass


class Hoard(Operation, frozen=True, tag="hoard"):
    """Allocates and touches memory without end."""

    def apply(self, raster: Raster) -> Raster:  # noqa: ARG002
        memory = []
        while True:
            memory.append(bytearray(os.urandom(1 << 20) * 16))


class Raise(Operation, frozen=True, tag="raise"):
    """Raises an exception like a company's own code."""

    def apply(self, raster: Raster) -> Raster:
        raise RuntimeError(f"no good: {raster.width}")


class Chatter(Operation, frozen=True, tag="chatter"):
    """Prints to stdout, where the protocol was before the child moved it."""

    def apply(self, raster: Raster) -> Raster:
        print("hello " * 10_000, flush=True)
        os.write(1, b"\x00\x00\x00\x04junk")
        return raster


class Leave(Operation, frozen=True, tag="leave"):
    """Ends the process with exit code 0."""

    def apply(self, raster: Raster) -> Raster:  # noqa: ARG002
        os._exit(0)


class Environment(Operation, frozen=True, tag="environment"):
    """Fails if the environment has credentials."""

    def apply(self, raster: Raster) -> Raster:
        names = [name for name in os.environ if name.startswith("AWS_") or name == "DATABASE_URL"]
        if names:
            raise RuntimeError(f"found {names}")
        return raster


class Fill(Operation, frozen=True, kw_only=True, tag="fill"):
    """Allocates so many megabytes."""

    megabytes: int

    def apply(self, raster: Raster) -> Raster:
        bytearray(self.megabytes << 20)
        return raster


class Meet(Operation, frozen=True, kw_only=True, tag="meet"):
    """Creates the file `here-<name>` and returns once the folder has `count` such files."""

    folder: str
    name: str
    count: int

    def apply(self, raster: Raster) -> Raster:
        (Path(self.folder) / f"here-{self.name}").touch()
        while len(list(Path(self.folder).glob("here-*"))) < self.count:
            time.sleep(0.01)
        return raster


HOSTILE: tuple[type[Operation], ...] = (Segfault, Forever, Hoard, Raise, Chatter, Leave, Environment, Fill, Meet)

if __name__ == "__main__":  # in the child only: the catalogue of the tests' process stays unchanged
    from core.worker import child

    OPERATIONS.update({str(kind.__struct_config__.tag): kind for kind in HOSTILE})
    child.main(sys.argv[1:])
