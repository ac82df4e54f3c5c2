"""Multipart uploads in S3. S3 alone keeps their state."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core.adapters.aws.errors import NOT_FOUND, http_status, translate_errors
from core.ports.web import OpenUpload, Part

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: CompleteMultipartUpload's errors if the parts changed since they were listed.
_CHANGED_PARTS = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}


class S3Multiparts:
    """The Multiparts port for one bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def begin(self, key: str, media_type: str) -> str:
        with translate_errors(f"Beginning an upload to s3://{self._bucket}/{key}"):
            answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=media_type)
        return answer["UploadId"]

    def under(self, prefix: str) -> Sequence[OpenUpload]:
        with translate_errors(f"Listing uploads under s3://{self._bucket}/{prefix}"):
            answer = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
        return [
            OpenUpload(key=item["Key"], upload_id=item["UploadId"], started_at=item["Initiated"])
            for item in answer.get("Uploads", [])
            if item["Key"].startswith(prefix)
        ]

    def parts(self, upload: OpenUpload) -> Sequence[Part]:
        with translate_errors(f"Listing the parts of s3://{self._bucket}/{upload.key}"):
            pages = self._client.get_paginator("list_parts").paginate(
                Bucket=self._bucket, Key=upload.key, UploadId=upload.upload_id
            )
            try:
                return [
                    Part(number=part["PartNumber"], bytes=part["Size"], etag=part["ETag"])
                    for page in pages
                    for part in page.get("Parts", [])
                ]
            except ClientError as error:
                if http_status(error) == NOT_FOUND:
                    return []
                raise

    def complete(self, upload: OpenUpload, parts: Sequence[Part]) -> bool:
        with translate_errors(f"Completing s3://{self._bucket}/{upload.key}"):
            try:
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=upload.key,
                    UploadId=upload.upload_id,
                    MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]},
                )
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if http_status(error) == NOT_FOUND or code in _CHANGED_PARTS:
                    return False
                raise
        return True

    def abort(self, upload: OpenUpload) -> None:
        with translate_errors(f"Aborting the upload to s3://{self._bucket}/{upload.key}"):
            try:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload.key, UploadId=upload.upload_id)
            except ClientError as error:
                if http_status(error) != NOT_FOUND:
                    raise
