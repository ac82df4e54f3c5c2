"""Where things lie in the bucket. The keys are the state, so they are spelled here alone.

Those of results and tombstones are their own to know: `Result.key` and `Tombstone.key`.
"""

import re
from typing import Annotated
from urllib.parse import quote

from msgspec import Meta

from core.domain.errors import Code, Refusal
from core.domain.model import HandOver, ImageJob, RenditionFile, Result, Status, Value

INCOMING = "incoming/"
RESULTS = "results/"
TOMBSTONES = "tombstones/"
PROCESSED = "processed/"
ORIGINALS = "originals/"
QUARANTINE = "quarantine/"
REFUSED = "refused/"
#: Failure documents, and where AWS itself puts those of event source mappings: it lets nobody choose.
FAILURES, AWS_FAILURES = "failures/", "aws/lambda/"
#: What the reconciler took up: how often, and the message of it.
RECONCILED = f"{FAILURES}reconciled/"
#: The key up to which the reconciler came when its time was over.
RECONCILER = "reconciler/after"
#: What Batch jobs are to do, and who has dispatched which image.
BATCHES = "batches/"
DISPATCHED = "dispatched/"
_INLINE = "inline-"
_STAGED = re.compile(rf"{_INLINE}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")

_PIPELINE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
#: A slash in it would make the notification of a staged source a job of its own.
PipelineName = Annotated[str, Meta(pattern=_PIPELINE.pattern)]
#: What a key's pipeline is taken for that is no name: no pipeline is called so, and the image ends `unknown_pipeline`.
NO_PIPELINE = "other"
_CUSTOMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASH_DIGITS = 16  # 64 bits of SHA-256: no two outputs of one rendition of one image will ever meet
_NAME_BYTES = 200  # S3 keys end at 1,024 bytes; this leaves room for what stands before the name


class Incoming(Value, frozen=True):
    """What the key of a source says: whose it is and what is to be done with it."""

    customer: str
    pipeline: str
    upload: str
    name: str

    @property
    def image_id(self) -> str:
        """Whose place it is, where it was staged."""
        return self.upload.removeprefix(_INLINE)

    @property
    def is_inline(self) -> bool:
        """Staged by a door that brings it to its end itself: its notification is no work of its own.

        Exactly what `inline` spells: a person who names an upload `inline-2026` must not wait for ever.
        """
        return self.name == "source" and _STAGED.fullmatch(self.upload) is not None


def staged_metadata(job: ImageJob, sha256: str) -> dict[str, str]:
    """What is written beside a source that a door stages: from it the reconciler can make the job again."""
    return {
        "sha256": sha256,
        "door": job.door.value,
        "name": quote(job.name),
        "received-at": job.received_at.isoformat(),
    }


def is_staged(key: str) -> bool:
    """Whether it is spelled as `inline` spells it."""
    parts = key.split("/", 4)
    return len(parts) == 5 and parts[0] == "incoming" and Incoming(*parts[1:]).is_inline  # noqa: PLR2004 - see below


def parse_incoming(key: str) -> Incoming:
    """Read `incoming/<customer>/<pipeline>/<upload>/<name>`. Raises Refusal(INVALID_EVENT) for other keys.

    A pipeline that is no name is NO_PIPELINE: anything may stand in a key, and none of it is to become a value of sums.
    """
    parts = key.split("/", 4)
    if len(parts) != 5 or parts[0] != "incoming" or not all(parts):  # noqa: PLR2004 - the five parts of the key
        raise Refusal(
            Code.INVALID_EVENT,
            f"The key {key!r} is not incoming/<customer>/<pipeline>/<upload>/<name>; the image was not accepted.",
        )
    pipeline = parts[2] if _PIPELINE.match(parts[2]) else NO_PIPELINE
    return Incoming(check_customer(parts[1]), pipeline, *parts[3:])


def found_incoming(key: str) -> Incoming | None:
    """As `parse_incoming`; None for a key that says of no image whose it is: anybody may put an object anywhere."""
    try:
        return parse_incoming(key)
    except Refusal:
        return None


def is_folder(key: str, size: int | None) -> bool:
    """Whether it is nothing but a folder's name, as S3's console makes one: there is nothing to do for it."""
    return key.endswith("/") and size == 0


def inline(customer: str, pipeline: str, image_id: str) -> str:
    """Where bytes that came inside an event are staged: one place for each image, whatever its file name."""
    return f"{INCOMING}{customer}/{pipeline}/{_INLINE}{image_id}/source"


def rendition(job: ImageJob, file: RenditionFile, sha256: str) -> str:
    """Where an output goes: its name carries its content's hash, so that none is ever overwritten by another."""
    name = f"{file.name}-{sha256[:_HASH_DIGITS]}.{file.format.extension}"
    return f"{PROCESSED}{job.customer}/{job.image_id}/{name}"


def archive(result: Result) -> str:
    """Where the source of an ended image is kept: `originals/`, or `quarantine/` where it failed."""
    place = ORIGINALS if result.status is Status.PROCESSED else QUARANTINE
    return f"{place}{result.customer}/{result.image_id}/{safe_name(result.source.name)}"


def belongings(customer: str, image_id: str) -> tuple[str, ...]:
    """The folders of an image that has ended: what an erasure removes.

    Its pixels, and the jobs, with its name in them, that were written down on its way to Batch: once there is a
    commit, nobody asks for those. Never the commit itself.
    """
    pixels = (f"{place}{customer}/{image_id}/" for place in (PROCESSED, ORIGINALS, QUARANTINE))
    return (*pixels, *(f"{place}{image_id}/" for place in (RECONCILED, DISPATCHED)))


def refused(topic: str, partition: int, offset: int, digest: str) -> str:
    """Where a record of Kafka that was refused is kept: one place for each record, however often it is delivered."""
    return f"{REFUSED}{topic}/{partition}/{offset}-{digest[:_HASH_DIGITS]}.json"


def refused_upload(digest: str) -> str:
    """Where it stands that an object under `incoming/` became no image: one place for each content of each key."""
    return f"{REFUSED}{INCOMING}{digest[: 2 * _HASH_DIGITS]}.json"


def accepted(record_id: str) -> str:
    """Where it stands which image a record of Kafka that refers to a waiting upload was taken for."""
    return f"accepted/{record_id}.json"


def handed_over(image: HandOver) -> str:
    """Where a Batch child writes down, before its message, that it gave an image on: so nobody blames that one later.

    `image` is as it was when the child got it, its `tier` the child's own.
    """
    return f"{DISPATCHED}{image.job.image_id}/{image.job.run}/{image.attempt}.{image.tier}.handed-over"


def check_customer(customer: str) -> str:
    """The customer's name, if it may be part of a key. Raises Refusal(INVALID_REQUEST)."""
    if not _CUSTOMER.fullmatch(customer):
        raise Refusal(
            Code.INVALID_REQUEST,
            f"customer: {customer[:80]!r} must be 1 to 64 letters, digits, dots, dashes or underscores, and begin "
            "with a letter or digit.",
        )
    return customer


def safe_name(name: str) -> str:
    """A file's name, fit for a key: its last part, nothing unprintable, at most 200 bytes, never empty.

    And without what a form of S3 replaces, `${filename}`: it would be stored under a name that was not signed.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
    """
    leaf = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character if character.isprintable() else "_" for character in leaf).replace("${", "__")
    name = printable.encode()[-_NAME_BYTES:].decode(errors="ignore").strip()
    return "image" if name in ("", ".", "..") else name  # dots alone are folders to many a client and proxy


def check_folder(prefix: str) -> None:
    """Raises ValueError for a prefix that is also of others: all under it is to be deleted."""
    if not prefix.endswith("/"):
        raise ValueError(f"{prefix!r} is no folder")
