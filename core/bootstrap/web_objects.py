"""S3 clients of `handler.web`, loaded by the first request that lists, copies or uploads in parts."""

from core.adapters.aws.s3 import S3Store
from core.adapters.aws.s3_multipart import S3Multiparts
from core.bootstrap import clients


def store(bucket: str) -> S3Store:
    return S3Store(clients.s3(), bucket)


def multiparts(bucket: str) -> S3Multiparts:
    return S3Multiparts(clients.s3(), bucket)
