"""Multipart uploads of `handler.web`, loaded by the first request that uploads in parts. This module loads boto3."""

from core.adapters.aws.s3_multipart import S3Multiparts
from core.bootstrap import clients


def multiparts(bucket: str) -> S3Multiparts:
    return S3Multiparts(clients.s3(), bucket)
