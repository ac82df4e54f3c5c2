"""The object store in S3."""

import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from core.adapters.aws.errors import (
    CONFLICT,
    NOT_FOUND,
    PRECONDITION_FAILED,
    http_status,
    translate_errors,
    unreadable_reason,
)
from core.domain.errors import Code, ImageFailure
from core.domain.model import ObjectRef
from core.domain.object_keys import check_folder
from core.ports.store import ListedObject, StoredObject, WriteContestedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024 * 1024  # bytes
# S3 answers 404 to a missing version and 405 to the version id of a delete marker.
_GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405"}


class S3Store:
    """The ObjectStore port. Writes go to `bucket`; reads go to any bucket that the role may read."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def head(self, ref: ObjectRef) -> StoredObject | None:
        with translate_errors(f"Looking for {ref.quoted}"):
            try:
                answer = self._client.head_object(**_pinned(ref))
            except ClientError as error:
                if _gone(error) or http_status(error) == PRECONDITION_FAILED:
                    return None
                raise
        return _stored(ref, answer)

    def read(self, key: str) -> bytes | None:
        with translate_errors(f"Reading s3://{self.bucket}/{key}"):
            try:
                return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except ClientError as error:
                if _gone(error):
                    return None
                raise

    def download(self, ref: ObjectRef, path: Path, max_bytes: int, deadline: float = inf) -> StoredObject:
        with translate_errors(f"Downloading {ref.quoted}"):
            try:
                answer = self._client.get_object(**_pinned(ref))
            except ClientError as error:
                if _gone(error):
                    message = f"There is no object at {ref.quoted}; it was deleted before it was processed."
                    raise ImageFailure(Code.SOURCE_MISSING, message) from error
                if http_status(error) == PRECONDITION_FAILED:
                    message = (
                        f"{ref.quoted} was overwritten before it was processed; the newer upload is its own image."
                    )
                    raise ImageFailure(Code.SOURCE_REPLACED, message) from error
                _raise_if_unreadable(ref, error)
                raise
            stored = _stored(ref, answer)
            if stored.bytes > max_bytes:
                answer["Body"].close()
                message = f"The file has {stored.bytes:,} bytes; the limit is {max_bytes:,}."
                raise ImageFailure(Code.TOO_MANY_BYTES, message)
            with path.open("wb") as file:
                for chunk in answer["Body"].iter_chunks(_CHUNK):
                    file.write(chunk)
                    if time.monotonic() > deadline:
                        answer["Body"].close()
                        message = f"{ref.quoted}, {stored.bytes:,} bytes, could not be downloaded in the time left."
                        raise ImageFailure(Code.TIMED_OUT, message)
        return stored

    def part(self, ref: ObjectRef, start: int, count: int) -> bytes:
        """`count` bytes of an object from offset `start` on. Raises ImageFailure(SOURCE_MISSING)."""
        version: dict[str, Any] = {"VersionId": ref.version} if ref.version else {}
        with translate_errors(f"Reading {ref.quoted}"):
            try:
                answer = self._client.get_object(
                    Bucket=ref.bucket, Key=ref.key, Range=f"bytes={start}-{start + count - 1}", **version
                )
            except ClientError as error:
                if http_status(error) == NOT_FOUND:
                    raise ImageFailure(Code.SOURCE_MISSING, f"There is no object {ref.quoted}.") from error
                _raise_if_unreadable(ref, error)
                raise
            return answer["Body"].read()

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        with translate_errors(f"Writing s3://{self.bucket}/{key}"):
            try:
                if isinstance(body, Path):
                    with body.open("rb") as file:
                        self._put(key, file, media_type, metadata)
                else:
                    self._put(key, body, media_type, metadata)
            except ClientError as error:
                if http_status(error) == PRECONDITION_FAILED:
                    return False
                if http_status(error) == CONFLICT:
                    raise WriteContestedError(key) from error
                raise
        return True

    def _put(self, key: str, body: Any, media_type: str, metadata: dict[str, str] | None) -> None:  # noqa: ANN401 - as in boto3
        self._client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ContentType=media_type,
            Metadata=metadata or {},
            IfNoneMatch="*",
        )

    def move(self, source: ObjectRef, key: str) -> None:
        stored = self.head(source)
        if stored is None:
            return
        location: dict[str, Any] = {"Bucket": stored.ref.bucket, "Key": stored.ref.key}
        copied, removed = dict(location), dict(location)
        unless_overwritten = {}
        if stored.ref.version:
            copied["VersionId"] = removed["VersionId"] = stored.ref.version
        else:  # without versioning a newer upload may overwrite the source at any moment: it must stay
            unless_overwritten["CopySourceIfMatch"] = removed["IfMatch"] = f'"{stored.ref.etag}"'
        with translate_errors(f"Moving {source.quoted} to s3://{self.bucket}/{key}"):
            # The managed copy is multipart for objects of more than 5 GB, the limit of CopyObject
            try:
                self._client.copy(copied, self.bucket, key, ExtraArgs=unless_overwritten)  # type: ignore[arg-type]
                self._client.delete_object(**removed)
            except ClientError as error:
                if not _gone(error) and http_status(error) != PRECONDITION_FAILED:  # another recorder has moved it
                    raise

    def delete(self, key: str) -> None:
        with translate_errors(f"Deleting s3://{self.bucket}/{key}"):
            for versioned_key, version in self._versions(key):
                if versioned_key == key:
                    self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)

    def erase(self, prefix: str) -> None:
        check_folder(prefix)
        with translate_errors(f"Erasing s3://{self.bucket}/{prefix}"):
            for key, version in self._versions(prefix):
                self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)

    def _versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Keys and version ids, delete markers included: other listings omit what a marker hides."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                yield item["Key"], item["VersionId"]

    def keys(self, prefix: str) -> Iterator[str]:
        return (entry.key for entry in self.entries(prefix))

    def entries(self, prefix: str, after: str = "") -> Iterator[ListedObject]:
        with translate_errors(f"Listing s3://{self.bucket}/{prefix}"):
            pages = self._client.get_paginator("list_objects_v2")
            start: Any = {"StartAfter": after} if after else {}
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, **start):
                for item in page.get("Contents", []):
                    yield ListedObject(key=item["Key"], bytes=item["Size"], modified_at=item["LastModified"])


def _pinned(ref: ObjectRef) -> dict[str, Any]:
    """Request parameters that pin the content: its version, else its ETag."""
    parameters: dict[str, Any] = {"Bucket": ref.bucket, "Key": ref.key}
    if ref.version:
        parameters["VersionId"] = ref.version
    elif ref.etag:
        parameters["IfMatch"] = f'"{ref.etag}"'
    return parameters


def _stored(ref: ObjectRef, answer: Any) -> StoredObject:  # noqa: ANN401 - the answers of two boto3 calls
    version = answer.get("VersionId")
    return StoredObject(
        ref=ObjectRef(
            bucket=ref.bucket,
            key=ref.key,
            version=None if version == "null" else version,  # S3's id of an object without versions
            etag=answer["ETag"].strip('"'),
        ),
        bytes=answer["ContentLength"],
        metadata=answer.get("Metadata", {}),
    )


def _raise_if_unreadable(ref: ObjectRef, error: ClientError) -> None:
    reason = unreadable_reason(error)
    if reason:
        raise ImageFailure(Code.SOURCE_UNREADABLE, f"{ref.quoted} cannot be read: {reason}.") from error


def _gone(error: ClientError) -> bool:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code in _GONE or (http_status(error) == NOT_FOUND and code != "NoSuchBucket")
