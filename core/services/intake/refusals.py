"""Refusals at doors that return no answer: each leaves one document under `refused/`, and is counted once.

The refused content is kept: a Kafka record in its document, an upload under its key in `incoming/`.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

from core.domain import log, object_keys
from core.domain.errors import Refusal
from core.domain.identity import s3_identity
from core.domain.model import Door, ObjectRef
from core.services.intake.kafka_records import Record
from core.services.processing.commit import ResultCommitter


def write_refusal(
    committer: ResultCommitter, key: str, door: Door, refusal: Refusal, now: datetime, details: Mapping[str, object]
) -> bool:
    """Write a refusal's document to `key` if there is none, and count it; whether this call wrote it."""
    token = str(uuid4())
    document = {
        "schema": 1,
        "code": refusal.code,
        "message": refusal.message,
        "refused_at": now.isoformat(),
        **details,
    }
    body = json.dumps(document).encode()  # ASCII: half of a surrogate pair is valid in JSON, and not in UTF-8
    written = committer.create(key, body, "application/json", {"token": token})
    if not written:  # also after a write of this call whose answer was lost
        stored = committer.store.head(ObjectRef(bucket=committer.store.bucket, key=key))
        written = stored is not None and stored.metadata.get("token") == token
    if written:
        committer.metrics.refuse(door, refusal.code, now)
    return written


def refuse_upload(committer: ResultCommitter, source: ObjectRef, refusal: Refusal, now: datetime) -> bool:
    """Refuse an upload whose key names no customer's image; whether this call wrote the document. Logs it then."""
    key = object_keys.refused_upload_key(hashlib.sha256(json.dumps(s3_identity(source)).encode()).hexdigest())
    details = {"bucket": source.bucket, "key": source.key, "version": source.version, "etag": source.etag}
    written = write_refusal(committer, key, Door.UPLOAD, refusal, now, details)
    if written:
        log.say(
            f"The upload {source.quoted} was refused ({refusal.code}): {refusal.message} The object was not moved: "
            f"upload it again under a valid key, and delete it. The refusal is stored in {key}."
        )
    return written


def refuse_record(committer: ResultCommitter, record: Record, refusal: Refusal, now: datetime) -> str:
    """Refuse a Kafka record; returns the key of its document, which holds the whole record."""
    key = object_keys.refused_record_key(record.topic, record.partition, record.offset, record.digest)
    details = {
        "cluster": record.cluster,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "record": record.raw,
    }
    write_refusal(committer, key, Door.KAFKA, refusal, now, details)
    return key
