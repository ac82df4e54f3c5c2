"""S3's event notifications: adds the fields that AWS sends and moto does not, such as versionId and sequencer.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote_plus
from uuid import uuid4

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def records(body: str) -> list[dict[str, Any]]:
    """The records of a notification; none in the `s3:TestEvent` that S3 sends when notifications are configured."""
    parsed: list[dict[str, Any]] = json.loads(body).get("Records", [])
    return parsed


def complete(s3: "S3Client", body: str) -> str:
    """A notification of moto's with the fields of AWS's event structure 2.1 for a versioned bucket.

    Records without eventTime stay unchanged: the functions announced them, and not S3.
    """
    notification = json.loads(body)
    for record in notification.get("Records", []):
        if "eventTime" in record:
            _complete_record(s3, record)
    return json.dumps(notification)


def _complete_record(s3: "S3Client", record: dict[str, Any]) -> None:
    record.setdefault("userIdentity", {"principalId": "AWS:AIDALOCALLOCALLOCAL00"})
    record.setdefault("requestParameters", {"sourceIPAddress": "127.0.0.1"})
    record.setdefault(
        "responseElements",
        {"x-amz-request-id": uuid4().hex[:16].upper(), "x-amz-id-2": f"local/{uuid4().hex}"},
    )
    bucket, item = record["s3"]["bucket"], record["s3"]["object"]
    bucket.setdefault("ownerIdentity", {"principalId": "A1LOCALLOCAL00"})
    key = unquote_plus(item["key"])
    item["key"] = quote_plus(key, safe="/*")  # AWS does not encode slashes, moto does
    if "versionId" not in item:
        version = _find_version(s3, bucket["name"], record, key)
        if version:
            item["versionId"] = version
    item.setdefault("sequencer", f"{time.time_ns():018X}")


def _find_version(s3: "S3Client", bucket: str, record: dict[str, Any], key: str) -> str | None:
    """The version with the record's ETag that was written closest to its eventTime; None if it was deleted.

    The newest version is tried first: listing versions makes moto look at every object of the bucket.
    """
    event_time = datetime.fromisoformat(record["eventTime"])
    try:
        newest = s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        pass  # deleted since
    else:
        if newest["ETag"].strip('"') == record["s3"]["object"].get("eTag") and newest[
            "LastModified"
        ] == event_time.replace(microsecond=0):
            return newest["VersionId"]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
    candidates = [
        version
        for page in pages
        for version in page.get("Versions", [])
        if version["Key"] == key and version["ETag"].strip('"') == record["s3"]["object"].get("eTag")
    ]
    nearest = min(candidates, key=lambda version: abs(version["LastModified"] - event_time), default=None)
    return nearest["VersionId"] if nearest else None
