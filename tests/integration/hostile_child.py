"""A worker's child with operations that no one should write. `python -m tests.integration.hostile_child …`."""

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
    """Never comes back."""

    def apply(self, raster: Raster) -> Raster:  # noqa: ARG002
        while True:
            pass


class Hoard(Operation, frozen=True, tag="hoard"):
    """Allocates without end, and touches what it gets."""

    def apply(self, raster: Raster) -> Raster:  # noqa: ARG002
        kept = []
        while True:
            kept.append(bytearray(os.urandom(1 << 20) * 16))


class Raise(Operation, frozen=True, tag="raise"):
    """Fails as the company's own code may."""

    def apply(self, raster: Raster) -> Raster:
        raise RuntimeError(f"no good: {raster.width}")


class Chatter(Operation, frozen=True, tag="chatter"):
    """Prints to where the protocol would be."""

    def apply(self, raster: Raster) -> Raster:
        print("hello " * 10_000, flush=True)
        os.write(1, b"\x00\x00\x00\x04junk")
        return raster


class Leave(Operation, frozen=True, tag="leave"):
    """Ends the process as if all were well."""

    def apply(self, raster: Raster) -> Raster:  # noqa: ARG002
        os._exit(0)


class Environment(Operation, frozen=True, tag="environment"):
    """Fails when there are credentials to be found."""

    def apply(self, raster: Raster) -> Raster:
        found = [name for name in os.environ if name.startswith("AWS_") or name == "DATABASE_URL"]
        if found:
            raise RuntimeError(f"found {found}")
        return raster


class Fill(Operation, frozen=True, kw_only=True, tag="fill"):
    """Needs as much memory as it is told to."""

    megabytes: int

    def apply(self, raster: Raster) -> Raster:
        bytearray(self.megabytes << 20)
        return raster


class Meet(Operation, frozen=True, kw_only=True, tag="meet"):
    """Comes back once as many as it is told of are in the folder at the same time."""

    folder: str
    mine: str
    others: int

    def apply(self, raster: Raster) -> Raster:
        (Path(self.folder) / f"here-{self.mine}").touch()
        while len(list(Path(self.folder).glob("here-*"))) < self.others:
            time.sleep(0.01)
        return raster


HOSTILE: tuple[type[Operation], ...] = (Segfault, Forever, Hoard, Raise, Chatter, Leave, Environment, Fill, Meet)

if __name__ == "__main__":  # in the child alone: the catalogue of the tests' own process stays as it is shipped
    from core.worker import child

    OPERATIONS.update({str(kind.__struct_config__.tag): kind for kind in HOSTILE})
    child.main(sys.argv[1:])
