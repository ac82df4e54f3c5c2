"""What the worker and its child say to each other: length-prefixed msgpack over two pipes."""

import struct
from typing import BinaryIO

import msgspec

from core.domain.errors import Code
from core.domain.model import ImageHeader, Rendered, Usage, Value
from core.imaging.operations.custom_operation import Description

_LENGTH = struct.Struct(">I")


class Probe(Value, frozen=True, kw_only=True, tag=True):
    """Read the header of the file at `path`, within `seconds`."""

    path: str
    seconds: float


class Run(Value, frozen=True, kw_only=True, tag=True):
    """Run a pipeline (as `core.pipelines.definition.to_bytes` wrote it) over the file at `path`, within `seconds`."""

    path: str
    header: ImageHeader
    pipeline: bytes
    out: str
    seconds: float


class Ready(Value, frozen=True, kw_only=True, tag=True):
    """The child's first word: everything it needs is loaded, a company's own operations too, and its memory limited.

    Failed in its place, with INVALID_SETTINGS, says that these operations cannot be.
    """

    operations: tuple[Description, ...] = ()


class Probed(Value, frozen=True, kw_only=True, tag=True):
    header: ImageHeader


class Done(Value, frozen=True, kw_only=True, tag=True):
    rendered: Rendered


class Failed(Value, frozen=True, kw_only=True, tag=True):
    code: Code
    message: str


Request = Probe | Run
Answer = Probed | Done | Failed


class Reply(Value, frozen=True, kw_only=True):
    """An answer, and what the child has used in its life, by getrusage: for systems without /proc."""

    answer: Ready | Answer
    usage: Usage


def frame(message: Request | Reply) -> bytes:
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


def read_request(pipe: BinaryIO) -> Request | None:
    """The next request; None when the other side has gone."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = pipe.read(length)
    return msgspec.msgpack.decode(body, type=Request) if len(body) == length else None


def take_reply(buffer: bytearray) -> Reply | None:
    """The reply at the buffer's start, once all of it has come; it is removed from the buffer."""
    if len(buffer) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(buffer)
    end = _LENGTH.size + length
    if len(buffer) < end:
        return None
    reply = msgspec.msgpack.decode(bytes(buffer[_LENGTH.size : end]), type=Reply)
    del buffer[:end]
    return reply
