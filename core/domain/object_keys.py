"""The keys and prefixes of every object in the bucket: no other module spells one.

The keys are the state: the objects under a prefix are the work that is to be done, or that was done.
"""

import re
from typing import Annotated, NamedTuple

from msgspec import Meta

from core.domain.errors import Code, Refusal

INCOMING = "incoming/"
RESULTS = "results/"
TOMBSTONES = "tombstones/"
PROCESSED = "processed/"
ORIGINALS = "originals/"
QUARANTINE = "quarantine/"
REFUSED = "refused/"
ACCEPTED = "accepted/"
#: Failure documents. AWS_FAILURES is fixed by AWS: event source mappings write theirs there.
FAILURES, AWS_FAILURES = "failures/", "aws/lambda/"
#: Hand-over messages of the reconciler, one for each hand-over of an image.
RECONCILED = f"{FAILURES}reconciled/"
#: The last key of a reconciler's round that ran out of time; the next round continues after it.
RECONCILER = "reconciler/after"
#: Work documents of Batch jobs.
BATCHES = "batches/"
#: Leases of dispatchers, and hand-overs of Batch children.
DISPATCHED = "dispatched/"

_INLINE = "inline-"
_STAGED_UPLOAD = re.compile(rf"{_INLINE}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")
_STAGED_NAME = "source"

_PIPELINE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
#: No slash: a staged source whose pipeline has one would be parsed as an upload.
PipelineName = Annotated[str, Meta(pattern=_PIPELINE.pattern)]
#: Replaces a pipeline in a key that is no valid name. No pipeline has this name: the image ends `unknown_pipeline`.
NO_PIPELINE = "other"
_CUSTOMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASH_DIGITS = 16  # 64 bits of SHA-256: enough that two outputs of one rendition never share a key
_NAME_BYTES = 200  # S3 keys end at 1,024 bytes; this leaves room for the prefixes


class IncomingKey(NamedTuple):
    """The parts of `incoming/<customer>/<pipeline>/<upload>/<name>`."""

    customer: str
    pipeline: str
    upload: str
    name: str

    @property
    def image_id(self) -> str:
        """The image whose bytes were staged; only for a key of `staged_key`."""
        return self.upload.removeprefix(_INLINE)

    @property
    def is_inline(self) -> bool:
        """Whether `staged_key` made the key: the door that staged the bytes processes them, not the notification.

        Only the exact spelling counts, so that an upload which a person named `inline-2026` is processed.
        """
        return self.name == _STAGED_NAME and _STAGED_UPLOAD.fullmatch(self.upload) is not None


def parse_incoming(key: str) -> IncomingKey:
    """Read `incoming/<customer>/<pipeline>/<upload>/<name>`. Raises Refusal(INVALID_EVENT) for other keys.

    A pipeline that is no valid name becomes NO_PIPELINE, since it would become a value of metrics and of the ledger.
    """
    parts = _split_incoming(key)
    if parts is None or not all(parts):
        raise Refusal(
            Code.INVALID_EVENT,
            f"The key {key!r} is not incoming/<customer>/<pipeline>/<upload>/<name>; the image was not accepted.",
        )
    pipeline = parts.pipeline if _PIPELINE.match(parts.pipeline) else NO_PIPELINE
    return parts._replace(customer=check_customer(parts.customer), pipeline=pipeline)


def try_parse_incoming(key: str) -> IncomingKey | None:
    """As `parse_incoming`, but None instead of a refusal: a client with access to the bucket may put any key."""
    try:
        return parse_incoming(key)
    except Refusal:
        return None


def is_staged(key: str) -> bool:
    """Whether `staged_key` made the key."""
    parts = _split_incoming(key)
    return parts is not None and parts.is_inline


def is_folder(key: str, size: int | None) -> bool:
    """Whether the object is an empty folder as S3's console creates it. `size` is in bytes."""
    return key.endswith("/") and size == 0


def upload_prefix(customer: str, *parts: str) -> str:
    """The prefix of a customer's uploads; `parts` are the pipeline and the upload. Raises Refusal(INVALID_REQUEST)."""
    return f"{INCOMING}{'/'.join((check_customer(customer), *parts))}/"


def staged_key(customer: str, pipeline: str, image_id: str) -> str:
    """The key of bytes that an event carried: one key for each image, independent of its file name."""
    return f"{INCOMING}{customer}/{pipeline}/{_INLINE}{image_id}/{_STAGED_NAME}"


def rendition_key(customer: str, image_id: str, name: str, sha256: str, extension: str) -> str:
    """The key of an output: `name` of the rendition, digest of the file. No other content overwrites it."""
    return f"{PROCESSED}{customer}/{image_id}/{name}-{sha256[:_HASH_DIGITS]}.{extension}"


def result_key(image_id: str, run: int) -> str:
    """The key of the commit of one run of one image."""
    return f"{RESULTS}{image_id}/{run}.json"


def originals_prefix(customer: str) -> str:
    """The prefix of the sources of a customer's processed images."""
    return f"{ORIGINALS}{customer}/"


def tombstone_key(customer: str, image_id: str) -> str:
    return f"{TOMBSTONES}{customer}/{image_id}.json"


def archive_key(customer: str, image_id: str, name: str, *, processed: bool) -> str:
    """The key of the source of an ended image: under `originals/` if it was processed, else under `quarantine/`."""
    return f"{ORIGINALS if processed else QUARANTINE}{customer}/{image_id}/{safe_name(name)}"


def erasable_prefixes(customer: str, image_id: str) -> tuple[str, ...]:
    """The prefixes that an erasure of an ended image deletes: its pixels, and the jobs that hold its file name.

    The jobs were written for Batch and are not read after the commit. The commit itself stays.
    """
    pixels = (f"{prefix}{customer}/{image_id}/" for prefix in (PROCESSED, ORIGINALS, QUARANTINE))
    return (*pixels, reconciled_prefix(image_id), f"{DISPATCHED}{image_id}/")


def refused_record_key(topic: str, partition: int, offset: int, digest: str) -> str:
    """The key of a refused Kafka record: the same for every delivery. `digest` is SHA-256 of the record, in hex."""
    return f"{REFUSED}{topic}/{partition}/{offset}-{digest[:_HASH_DIGITS]}.json"


def refused_upload_key(digest: str) -> str:
    """The key of a refused upload. `digest` is SHA-256 of the object's identity, in hex."""
    return f"{REFUSED}{INCOMING}{digest[: 2 * _HASH_DIGITS]}.json"


def accepted_key(record_id: str) -> str:
    """The key of the job that was made for a Kafka record which refers to an upload under `incoming/`."""
    return f"{ACCEPTED}{record_id}.json"


def reconciled_prefix(image_id: str) -> str:
    """The prefix of an image's hand-over messages by the reconciler."""
    return f"{RECONCILED}{image_id}/"


def leases_prefix(image_id: str, run: int) -> str:
    """The prefix of the leases, and of the hand-overs, of one run of one image."""
    return f"{DISPATCHED}{image_id}/{run}/"


def passed_on_key(image_id: str, run: int, attempt: int, tier: str) -> str:
    """The key of the hand-over that a Batch child of `tier` writes before it sends the message.

    If the child's job fails later, the dispatcher reads there that the job did not lose this image.
    """
    return f"{leases_prefix(image_id, run)}{attempt}.{tier}.handed-over"


def work_key(work_id: str) -> str:
    """The key of the work document of one submission to Batch."""
    return f"{BATCHES}{work_id}.json"


def submitted_key(work_id: str) -> str:
    """The key of the mark that Batch has accepted the submission."""
    return f"{BATCHES}{work_id}.submitted"


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
    """A file name that is fit for a key: the last part of a path, printable, at most 200 bytes, never empty.

    `${` is replaced: S3 replaces `${filename}` in presigned forms, and would store under a name that was not signed.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
    """
    leaf = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character if character.isprintable() else "_" for character in leaf).replace("${", "__")
    name = printable.encode()[-_NAME_BYTES:].decode(errors="ignore").strip()
    return "image" if name in ("", ".", "..") else name  # dots alone are folders to many clients and proxies


def check_folder(prefix: str) -> None:
    """Raises ValueError for a prefix without a closing slash: deleting under it would delete keys of others."""
    if not prefix.endswith("/"):
        raise ValueError(f"{prefix!r} is no folder")


def _split_incoming(key: str) -> IncomingKey | None:
    parts = key.removeprefix(INCOMING).split("/", 3)
    return IncomingKey(*parts) if key.startswith(INCOMING) and len(parts) == len(IncomingKey._fields) else None
