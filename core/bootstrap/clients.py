"""boto3 clients. Importing this module loads boto3, a third of a second."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from core.bootstrap.credentials import as_misconfigured

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


def s3() -> "S3Client":
    with as_misconfigured():
        return boto3.client("s3", config=_client_config())


def sqs() -> "SQSClient":
    with as_misconfigured():
        return boto3.client("sqs", config=_client_config())


def batch() -> "BatchClient":
    """One attempt for each call: SubmitJob has no client token, so that a retry would submit twice."""
    with as_misconfigured():
        return boto3.client("batch", config=_client_config(attempts=1))


def lambda_() -> "LambdaClient":
    """One attempt, and a time-out above the 900 seconds that a function may run: a retry would run it twice."""
    with as_misconfigured():
        return boto3.client("lambda", config=Config(read_timeout=910, retries={"total_max_attempts": 1}))


def _client_config(attempts: int = 4) -> Config:
    """Short time-outs and retries: the time for one image is short."""
    return Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=64,  # each image of a Kafka batch has some requests under way; a pool opens on demand
    )
