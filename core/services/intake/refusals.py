"""What becomes no image behind a door where nobody hears an answer: it is written down, and counted, once.

What was sent is kept: a record of Kafka in its document, an object under `incoming/` where it lies.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from core.domain import log, object_keys
from core.domain.errors import Refusal
from core.domain.identity import s3_identity
from core.domain.model import Door, ObjectRef
from core.ports.metrics import Metrics
from core.ports.store import ObjectStore
from core.services.intake.kafka_records import Record


class Writes(Protocol):
    """`core.services.processing.commit.Committing`, or the service that has the same."""

    @property
    def store(self) -> ObjectStore: ...

    @property
    def metrics(self) -> Metrics: ...

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool: ...


def write_down(
    writes: Writes, key: str, door: Door, refusal: Refusal, now: datetime, what: Mapping[str, object]
) -> bool:
    """Leave a document at `key`, unless one lies there: whoever wrote it counts it. Whether this call was the one."""
    token = str(uuid4())
    document = {
        "schema": 1,
        "code": refusal.code,
        "message": refusal.message,
        "refused_at": now.isoformat(),
        **what,
    }
    body = json.dumps(document).encode()  # ASCII: JSON's escapes can spell half of a character, and UTF-8 cannot
    mine = writes.create(key, body, "application/json", {"token": token})
    if not mine:  # also when the store wrote it and its answer was lost
        stored = writes.store.head(ObjectRef(bucket=writes.store.bucket, key=key))
        mine = stored is not None and stored.metadata.get("token") == token
    if mine:
        writes.metrics.refuse(door, refusal.code, now)
    return mine


def refuse_upload(writes: Writes, source: ObjectRef, refusal: Refusal, now: datetime) -> bool:
    """An object whose key says of no image whose it is. It stays where it is. As `write_down`, and the log is told."""
    key = object_keys.refused_upload_key(hashlib.sha256(json.dumps(s3_identity(source)).encode()).hexdigest())
    what = {"bucket": source.bucket, "key": source.key, "version": source.version, "etag": source.etag}
    mine = write_down(writes, key, Door.UPLOAD, refusal, now, what)
    if mine:
        log.say(
            f"The upload {source.quoted} was refused ({refusal.code}): {refusal.message} It stays where it is: put it "
            f"where it belongs, and delete it there. This is kept in {key}."
        )
    return mine


def refuse_record(writes: Writes, record: Record, refusal: Refusal, now: datetime) -> str:
    """A record of Kafka that was not accepted, kept whole; returns the key of its document."""
    key = object_keys.refused_record_key(record.topic, record.partition, record.offset, record.digest)
    what = {
        "cluster": record.cluster,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "record": record.raw,
    }
    write_down(writes, key, Door.KAFKA, refusal, now, what)
    return key
