"""What the core needs from outside, as Protocols. Adapters, and the fakes of the tests, fulfil them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Protocol

import msgspec

from core.errors import Code, ImageFailure
from core.model import (
    Door,
    Estimate,
    ImageHeader,
    ImageJob,
    ObjectRef,
    Rendered,
    Result,
    Route,
    Tombstone,
    Usage,
    Value,
)
from core.pipeline import Pipeline


class StoredObject(Value, frozen=True, kw_only=True):
    """What a store says of one object, without its content. `metadata` are the user's own ASCII headers."""

    ref: ObjectRef
    bytes: int
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class Listed(Value, frozen=True, kw_only=True):
    """One object in a listing."""

    key: str
    bytes: int
    modified_at: datetime


class WriteContestedError(Exception):
    """A conditional write met another one under way (S3's 409): nothing is known yet, try again."""


#: What the folder of an image being worked on begins with, in the work folder.
SCRATCH = "image-"


class WorkerFailure(ImageFailure):
    """An image's failure in the worker, with what it took until then."""

    def __init__(self, code: Code, message: str, usage: Usage) -> None:
        super().__init__(code, message)
        self.usage = usage


class UnfitError(Exception):
    """An image has not ended, for want of room or time. Its source is in the store; the reason is a sentence.

    `tier` names the smallest Batch tier that its `estimate` fits, where there is one; `misjudged` says that it took
    longer than any estimate of it. `code` is what a try of it came to; None where the estimate forbade one.
    """

    def __init__(
        self,
        reason: str,
        tier: str = "",
        estimate: Estimate | None = None,
        *,
        misjudged: bool = False,
        code: Code | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.tier = tier
        self.estimate = estimate
        self.misjudged = misjudged


class ObjectStore(Protocol):
    """One home bucket to write to, and read access to what references may name.

    Every method raises `Unavailable(STORE_UNAVAILABLE)` when no answer came; a write may have happened then.
    """

    bucket: str

    def head(self, ref: ObjectRef) -> StoredObject | None:
        """The object's description, or None where there is none (or none of that version or ETag)."""

    def read(self, key: str) -> bytes | None:
        """The content of an object in the home bucket, or None."""

    def download(self, ref: ObjectRef, path: Path, max_bytes: int, deadline: float = inf) -> StoredObject:
        """Write the object's content to `path`. `deadline` is on `time.monotonic`'s clock.

        Raises ImageFailure: SOURCE_MISSING when it is gone, SOURCE_REPLACED when it is not that content,
        SOURCE_UNREADABLE when it is there and cannot be had (archived, or under a key that is disabled),
        TOO_MANY_BYTES, before anything is read, when it is larger than `max_bytes`, TIMED_OUT at the deadline.
        """

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        """Put an object that must not be there yet; False when it is (S3's 412).

        Raises WriteContestedError on S3's 409.
        """

    def move(self, source: ObjectRef, key: str) -> None:
        """Copy within the home bucket, then remove exactly what was copied. No source: nothing happens."""

    def delete(self, key: str) -> None:
        """Remove an object, all its versions; nothing happens where there is none."""

    def erase(self, prefix: str) -> None:
        """Remove everything under a folder: all versions, also of what delete markers hide from every listing.

        Again is nothing. Raises ValueError for a prefix that does not end in `/`: it would be of others too.
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys under a prefix, in order."""

    def entries(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """As `keys`, with size, and when each was written; only what comes after the key `after`, if that is given."""


class Announcements(Protocol):
    """The records queue, for what S3's own notification may have missed."""

    def announce(self, key: str) -> None:
        """Tell the recorder, once more, that a result or tombstone lies under `key`."""


class Handovers(Protocol):
    """The overflow queue: images that need more memory or time than there is here."""

    def hand_over(
        self, job: ImageJob, reason: str, tier: str = "", estimate: Estimate | None = None, attempt: int = 0
    ) -> None:
        """Have a job run elsewhere, at least once. `tier` names the smallest that may hold it, where that is known.

        Raises Unavailable(QUEUE_UNAVAILABLE); it may be sent then.
        """


class Jobs(Protocol):
    """AWS Batch, for who submits."""

    def submit(self, name: str, tier: str, arguments: Sequence[str], size: int, timeout_seconds: int) -> str:
        """Submit a job, or an array of `size` children where that is 2 or more; returns Batch's id of it.

        `arguments` follow the command `batch`; `timeout_seconds` is of one attempt of one child. Raises
        Unavailable(BATCH_UNAVAILABLE) when no answer came; it may have been submitted then. Raises
        Misconfigured(BATCH_REFUSED) for what Batch would not have.
        """

    def find(self, name: str) -> str | None:
        """Batch's id of the job that was submitted under that name; None where none was. Raises as `submit` does."""


class Metrics(Protocol):
    """Where numbers go. Called by the writer of a result, or of a refusal, alone: each is counted once.

    core.metrics declares what comes of it.
    """

    def emit(self, result: Result) -> None:
        """Count an image that ended."""

    def refuse(self, door: Door, code: Code, now: datetime) -> None:
        """Count what was refused at a door where nobody hears it."""

    def block(self, messages: int, cause: str, now: datetime) -> None:
        """Count messages that wait until someone mends the deployment; `cause` is a sentence."""

    def hand_over(self, route: Route, code: Code | None, now: datetime) -> None:
        """Count an image that is sent on from `route`; `code` as in UnfitError."""

    def submit(self, tier: str, images: int, jobs: int, now: datetime) -> None:
        """Count so many images submitted to Batch as so many jobs, or children of an array."""

    def reconcile(self, handed_over: int, abandoned: int, failed: int, now: datetime) -> None:
        """Count what one round of the reconciler came to, nothing too."""


class Ledger(Protocol):
    """The company's database. Raises `Unavailable(DATABASE_UNAVAILABLE)` when it cannot be reached."""

    def record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        """Upsert all of it in one transaction: the highest run shows, a tombstone wins, again is nothing.

        Returns the ids among them that are erased: a tombstone of the image's own customer covers them.
        Raises Misconfigured(INVALID_RESULT) when the database refuses a row.
        """


class Worker(Protocol):
    """Where pixels are touched: a supervised child process.

    Both methods raise WorkerFailure with the code of what went wrong, and Unavailable where the disk is full.
    After any death the next call is served.
    """

    def probe(self, path: Path, deadline: float) -> ImageHeader:
        """Read a file's header. `deadline` is on `time.monotonic`'s clock."""

    def run(self, path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, deadline: float) -> Rendered:
        """Run a pipeline over a file; rendition files are left in `out`."""


class Room(Value, frozen=True, kw_only=True):
    """What there is for one image: bytes of memory, and its share, 0 to 1, of the vCPUs."""

    memory_bytes: float
    share: float = 1.0


class Workers(Worker, Protocol):
    """A worker that can divide what it has among the images of a batch."""

    def room(self) -> Room:
        """What the next image has."""

    def shared(self, images: int) -> AbstractContextManager[int]:
        """While it lasts, as many of `images` as there are CPUs for are worked on at once: how many those are.

        Each of them has its share of the memory; before and after, an image has all of it.
        """
