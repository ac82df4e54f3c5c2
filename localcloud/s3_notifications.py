"""S3's notifications as AWS writes them; moto's lack the version, the sequencer and who did it."""

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
    """The records of a notification; none in the `s3:TestEvent` that a new configuration sends first."""
    found: list[dict[str, Any]] = json.loads(body).get("Records", [])
    return found


def completed(s3: "S3Client", body: str) -> str:
    """A notification by moto, made what AWS sends for a bucket with versions. Structure 2.1.

    What the functions themselves say to the recorder has no time in it, and stays as it is.
    """
    notification = json.loads(body)
    for record in notification.get("Records", []):
        if "eventTime" in record:
            _complete(s3, record)
    return json.dumps(notification)


def _complete(s3: "S3Client", record: dict[str, Any]) -> None:
    record.setdefault("userIdentity", {"principalId": "AWS:AIDALOCALLOCALLOCAL00"})
    record.setdefault("requestParameters", {"sourceIPAddress": "127.0.0.1"})
    record.setdefault(
        "responseElements",
        {"x-amz-request-id": uuid4().hex[:16].upper(), "x-amz-id-2": f"local/{uuid4().hex}"},
    )
    bucket, item = record["s3"]["bucket"], record["s3"]["object"]
    bucket.setdefault("ownerIdentity", {"principalId": "A1LOCALLOCAL00"})
    key = unquote_plus(item["key"])
    item["key"] = quote_plus(key, safe="/*")  # AWS leaves slashes as they are, moto does not
    if "versionId" not in item:
        version = _version(s3, bucket["name"], record, key)
        if version:
            item["versionId"] = version
    item.setdefault("sequencer", f"{time.time_ns():018X}")


def _version(s3: "S3Client", bucket: str, record: dict[str, Any], key: str) -> str | None:
    """The version the notification speaks of: of those with that content, the one made at that time.

    Mostly it is the newest; moto looks at every object of the bucket to list the others.
    """
    made = datetime.fromisoformat(record["eventTime"])
    try:
        newest = s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        pass  # deleted meanwhile
    else:
        if newest["ETag"].strip('"') == record["s3"]["object"].get("eTag") and newest["LastModified"] == made.replace(
            microsecond=0
        ):
            return newest["VersionId"]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
    candidates = [
        version
        for page in pages
        for version in page.get("Versions", [])
        if version["Key"] == key and version["ETag"].strip('"') == record["s3"]["object"].get("eTag")
    ]
    nearest = min(candidates, key=lambda version: abs(version["LastModified"] - made), default=None)
    return nearest["VersionId"] if nearest else None
