"""S3 as the object store."""

import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from core.adapters.aws.errors import CONFLICT, NOT_FOUND, PRECONDITION_FAILED, http_status, translated, unreadable
from core.domain.errors import Code, ImageFailure
from core.domain.model import ObjectRef
from core.domain.object_keys import check_folder
from core.ports.store import ListedObject, StoredObject, WriteContestedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024 * 1024
# A version id that this bucket never gave out, or of another bucket, is 400 or 404; a delete marker's is 405.
_GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405"}


class S3Store:
    """One home bucket; reads reach wherever the role lets them."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def head(self, ref: ObjectRef) -> StoredObject | None:
        with translated(f"Looking for {ref.quoted}"):
            try:
                answer = self._client.head_object(**_exactly(ref))
            except ClientError as error:
                if _gone(error) or http_status(error) == PRECONDITION_FAILED:
                    return None
                raise
        return _stored(ref, answer)

    def read(self, key: str) -> bytes | None:
        with translated(f"Reading s3://{self.bucket}/{key}"):
            try:
                return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except ClientError as error:
                if _gone(error):
                    return None
                raise

    def download(self, ref: ObjectRef, path: Path, max_bytes: int, deadline: float = inf) -> StoredObject:
        with translated(f"Downloading {ref.quoted}"):
            try:
                answer = self._client.get_object(**_exactly(ref))
            except ClientError as error:
                if _gone(error):
                    message = f"There is no object at {ref.quoted}; it was deleted before it was processed."
                    raise ImageFailure(Code.SOURCE_MISSING, message) from error
                if http_status(error) == PRECONDITION_FAILED:
                    message = (
                        f"{ref.quoted} was overwritten before it was processed; the newer upload is its own image."
                    )
                    raise ImageFailure(Code.SOURCE_REPLACED, message) from error
                _refuse_unreadable(ref, error)
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
                        message = f"{ref.quoted}, {stored.bytes:,} bytes, was not downloaded in the time there was."
                        raise ImageFailure(Code.TIMED_OUT, message)
        return stored

    def part(self, ref: ObjectRef, start: int, count: int) -> bytes:
        """So many bytes of an object, from `start` on. Raises ImageFailure(SOURCE_MISSING) where there is none."""
        place: dict[str, Any] = {"VersionId": ref.version} if ref.version else {}
        with translated(f"Reading {ref.quoted}"):
            try:
                answer = self._client.get_object(
                    Bucket=ref.bucket, Key=ref.key, Range=f"bytes={start}-{start + count - 1}", **place
                )
            except ClientError as error:
                if http_status(error) == NOT_FOUND:
                    raise ImageFailure(Code.SOURCE_MISSING, f"There is no object {ref.quoted}.") from error
                _refuse_unreadable(ref, error)
                raise
            return answer["Body"].read()

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        with translated(f"Writing s3://{self.bucket}/{key}"):
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

    def _put(self, key: str, body: Any, media_type: str, metadata: dict[str, str] | None) -> None:  # noqa: ANN401 - what boto3 takes
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
        place: dict[str, Any] = {"Bucket": stored.ref.bucket, "Key": stored.ref.key}
        copied, removed = dict(place), dict(place)
        unless_overwritten = {}
        if stored.ref.version:
            copied["VersionId"] = removed["VersionId"] = stored.ref.version
        else:  # without versions a newer upload may take the place at any moment: it must not be moved for this one
            unless_overwritten["CopySourceIfMatch"] = removed["IfMatch"] = f'"{stored.ref.etag}"'
        with translated(f"Moving {source.quoted} to s3://{self.bucket}/{key}"):
            # The managed copy takes parts where an object is larger than one CopyObject may be (5 GB)
            try:
                self._client.copy(copied, self.bucket, key, ExtraArgs=unless_overwritten)  # type: ignore[arg-type]
                self._client.delete_object(**removed)
            except ClientError as error:
                if not _gone(error) and http_status(error) != PRECONDITION_FAILED:  # another recorder was faster
                    raise

    def delete(self, key: str) -> None:
        with translated(f"Deleting s3://{self.bucket}/{key}"):
            for found, version in self._versions(key):
                if found == key:
                    self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)

    def erase(self, prefix: str) -> None:
        check_folder(prefix)
        with translated(f"Erasing s3://{self.bucket}/{prefix}"):
            for key, version in self._versions(prefix):
                self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)

    def _versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Keys and version ids, of delete markers too: what a marker hides is in no other listing."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                yield item["Key"], item["VersionId"]

    def keys(self, prefix: str) -> Iterator[str]:
        return (entry.key for entry in self.entries(prefix))

    def entries(self, prefix: str, after: str = "") -> Iterator[ListedObject]:
        with translated(f"Listing s3://{self.bucket}/{prefix}"):
            pages = self._client.get_paginator("list_objects_v2")
            more: Any = {"StartAfter": after} if after else {}
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, **more):
                for item in page.get("Contents", []):
                    yield ListedObject(key=item["Key"], bytes=item["Size"], modified_at=item["LastModified"])


def _exactly(ref: ObjectRef) -> dict[str, Any]:
    """The parameters that name this very content."""
    parameters: dict[str, Any] = {"Bucket": ref.bucket, "Key": ref.key}
    if ref.version:
        parameters["VersionId"] = ref.version
    elif ref.etag:
        parameters["IfMatch"] = f'"{ref.etag}"'
    return parameters


def _stored(ref: ObjectRef, answer: Any) -> StoredObject:  # noqa: ANN401 - boto3's answers of two calls
    version = answer.get("VersionId")
    return StoredObject(
        ref=ObjectRef(
            bucket=ref.bucket,
            key=ref.key,
            version=None if version == "null" else version,  # "null" is how S3 names the unversioned one
            etag=answer["ETag"].strip('"'),
        ),
        bytes=answer["ContentLength"],
        metadata=answer.get("Metadata", {}),
    )


def _refuse_unreadable(ref: ObjectRef, error: ClientError) -> None:
    why = unreadable(error)
    if why:
        raise ImageFailure(Code.SOURCE_UNREADABLE, f"{ref.quoted} cannot be read: {why}.") from error


def _gone(error: ClientError) -> bool:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code in _GONE or (http_status(error) == NOT_FOUND and code != "NoSuchBucket")
