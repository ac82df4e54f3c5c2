"""Kafka records of a folder's images: the image's bytes, or a reference to S3 if a record would be too large."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.errors import Code, Refusal
from core.domain.model import Value
from core.domain.object_keys import safe_name
from pictureperfect.kafka.producer import KafkaRecord
from pictureperfect.visible_files import visible_files

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Bytes of an image in one record: a broker's default `message.max.bytes` of 1,048,588, less the envelope.
#: https://kafka.apache.org/documentation/#brokerconfigs_message.max.bytes
#: No broker setting helps beyond 4.5 MB: Lambda's event holds 6 MB, and base64 adds a third.
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_INLINE = 1_000_000


class Sender(Value, frozen=True, kw_only=True):
    """Customer and pipeline of the records. Images of more than `max_inline` bytes become references to `bucket`."""

    customer: str
    pipeline: str
    max_inline: int = MAX_INLINE
    bucket: str = ""
    #: Whether the content's hash is sent as the idempotency key, so that the same picture is processed once.
    once: bool = False


def make_record(sender: Sender, name: str, body: bytes, s3: "S3Client | None") -> tuple[KafkaRecord, bool]:
    """The record of an image, and whether it is a reference. A referenced image is put to the customer's library.

    Raises Refusal(TOO_MANY_BYTES) if a reference is needed and there is no bucket.
    """
    digest = hashlib.sha256(body).hexdigest()
    headers = {"customer-id": sender.customer, "pipeline": sender.pipeline, "filename": name}
    if sender.once:
        headers["idempotency-key"] = digest
    if len(body) <= sender.max_inline:
        return KafkaRecord(name=name, value=body, headers=headers), False
    if s3 is None or not sender.bucket:
        raise Refusal(
            Code.TOO_MANY_BYTES,
            f"{name} has {len(body):,} bytes, a record takes {sender.max_inline:,}: give a --bucket for large images.",
        )
    key = f"library/{sender.customer}/{digest[:16]}/{safe_name(name)}"
    s3.put_object(Bucket=sender.bucket, Key=key, Body=body)
    reference = json.dumps({"s3": f"s3://{sender.bucket}/{key}"}).encode()
    return KafkaRecord(name=name, value=reference, headers=headers), True


def list_files(folder: Path, count: int | None, *, loop: bool) -> Iterator[Path]:
    """The files of a folder, sorted, without hidden ones: `count` of them, repeatedly, or without end with `loop`."""
    paths = list(visible_files(folder))
    sent = 0
    while paths:
        for path in paths:
            if count is not None and sent >= count:
                return
            yield path
            sent += 1
        if count is None and not loop:
            return


def read_properties(path: Path) -> dict[str, str]:
    """Read librdkafka's properties from a file of `name=value` lines. Raises Refusal(INVALID_REQUEST)."""
    values = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            # Not the line itself: it may hold a password.
            raise Refusal(Code.INVALID_REQUEST, f"{path}, line {number}: `name=value` was expected.")
        values[name.strip()] = value.strip()
    return values
