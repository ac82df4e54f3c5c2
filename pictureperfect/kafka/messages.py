"""A folder's images as Kafka's records: as bytes, or as references where a record would be too large."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.errors import Code, Refusal
from core.domain.model import Value
from core.domain.object_keys import safe_name
from pictureperfect.kafka.producer import Item

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: What a Kafka broker takes in one record unless it was told otherwise: `message.max.bytes`, 1,048,588, less the
#: envelope. https://kafka.apache.org/documentation/#brokerconfigs_message.max.bytes
#: Whatever a broker takes, Lambda's event has no room for more than 4.5 MB: base64 grows by a third, and 6 MB is all.
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_INLINE = 1_000_000


class Sender(Value, frozen=True, kw_only=True):
    """Whose images are sent, for which pipeline, and from which size on as references to `bucket`."""

    customer: str
    pipeline: str
    max_inline: int = MAX_INLINE
    bucket: str = ""
    #: The content's hash as the idempotency key: the same picture is processed once, however often it is sent.
    once: bool = False


def item(sender: Sender, name: str, body: bytes, s3: "S3Client | None") -> tuple[Item, bool]:
    """The record of one image, and whether it is a reference: then the image lies in the customer's library.

    Raises Refusal(TOO_MANY_BYTES) where it would be one and there is no bucket.
    """
    digest = hashlib.sha256(body).hexdigest()
    headers = {"customer-id": sender.customer, "pipeline": sender.pipeline, "filename": name}
    if sender.once:
        headers["idempotency-key"] = digest
    if len(body) <= sender.max_inline:
        return Item(name=name, value=body, headers=headers), False
    if s3 is None or not sender.bucket:
        raise Refusal(
            Code.TOO_MANY_BYTES,
            f"{name} has {len(body):,} bytes, a record takes {sender.max_inline:,}: give a --bucket for it to lie in.",
        )
    key = f"library/{sender.customer}/{digest[:16]}/{safe_name(name)}"
    s3.put_object(Bucket=sender.bucket, Key=key, Body=body)
    reference = json.dumps({"s3": f"s3://{sender.bucket}/{key}"}).encode()
    return Item(name=name, value=reference, headers=headers), True


def files(folder: Path, count: int | None, *, loop: bool) -> Iterator[Path]:
    """The files of a folder, hidden ones left out, sorted; round and round when more are asked for."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    sent = 0
    while found:
        for path in found:
            if count is not None and sent >= count:
                return
            yield path
            sent += 1
        if count is None and not loop:
            return


def properties(path: Path) -> dict[str, str]:
    """A file of librdkafka's properties: `name=value` lines, # for comments. Raises Refusal(INVALID_REQUEST)."""
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            # Never the line itself: it may hold a password.
            raise Refusal(Code.INVALID_REQUEST, f"{path}, line {number}: `name=value` was expected.")
        found[name.strip()] = value.strip()
    return found
