"""Messages between the parent and the worker's child: length-prefixed msgpack over two pipes."""

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
    """Run `pipeline` (encoded by core.pipelines.definition.to_bytes) over the file at `path`, within `seconds`.

    The rendition files go into the folder `out`.
    """

    path: str
    header: ImageHeader
    pipeline: bytes
    out: str
    seconds: float


class Ready(Value, frozen=True, kw_only=True, tag=True):
    """The child's first message: libraries and the company's own `operations` are loaded, and its memory is limited.

    If the operations cannot be loaded, Failed(INVALID_SETTINGS) comes instead.
    """

    operations: tuple[Description, ...] = ()


class Probed(Value, frozen=True, kw_only=True, tag=True):
    """The answer to Probe."""

    header: ImageHeader


class Done(Value, frozen=True, kw_only=True, tag=True):
    """The answer to Run."""

    rendered: Rendered


class Failed(Value, frozen=True, kw_only=True, tag=True):
    """The request, or the start of the child, failed."""

    code: Code
    message: str


Request = Probe | Run
Answer = Probed | Done | Failed


class Reply(Value, frozen=True, kw_only=True):
    """An answer, and the child's usage so far by getrusage, which the parent needs on systems without /proc."""

    answer: Ready | Answer
    usage: Usage


def encode_frame(message: Request | Reply) -> bytes:
    """The message with its length before it, as bytes for the pipe."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


def read_request(pipe: BinaryIO) -> Request | None:
    """The next request; None if the parent has closed the pipe."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = pipe.read(length)
    return msgspec.msgpack.decode(body, type=Request) if len(body) == length else None


def take_reply(buffer: bytearray) -> Reply | None:
    """Remove and return the reply at the start of `buffer`; None if the reply is not complete yet."""
    if len(buffer) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(buffer)
    end = _LENGTH.size + length
    if len(buffer) < end:
        return None
    reply = msgspec.msgpack.decode(bytes(buffer[_LENGTH.size : end]), type=Reply)
    del buffer[:end]
    return reply
