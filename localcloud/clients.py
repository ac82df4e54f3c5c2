"""Clients of the embedded cloud's services, deaf to whatever account, profile or proxy this machine has."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
ACCOUNT = "123456789012"  # moto's


@dataclass(frozen=True)
class Keys:
    """Who signs a request."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def environment(self) -> dict[str, str]:
        """As any AWS SDK reads them."""
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key, **token}


#: Who runs the cloud. moto asks for keys, and takes these of everybody, unless `localcloud.iam` makes it look at them.
OWNER = Keys("local", "local")


def environment(endpoint: str, keys: Keys = OWNER) -> dict[str, str]:
    """The variables that point any AWS SDK in another process at `endpoint`, and at nothing else."""
    return {
        **keys.environment(),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }


@contextmanager
def isolated(endpoint: str) -> Iterator[None]:
    """Give this very process those variables for a while: moto asks boto3 for regions, and boto3 the profile."""
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    kept = os.environ.get("NO_PROXY")
    _replace(environment(endpoint))
    try:
        yield
    finally:
        _replace(before)
        if kept is None:
            os.environ.pop("NO_PROXY", None)
        else:
            os.environ["NO_PROXY"] = kept


def _replace(variables: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)


def _session(keys: Keys) -> "boto3.Session":
    import boto3  # noqa: PLC0415 - a third of a second that `--help` should not take
    from botocore.session import Session  # noqa: PLC0415

    # A profile or configuration file of this machine's owner must neither fail us nor be used.
    inner = Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.Session(
        botocore_session=inner,
        region_name=REGION,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        aws_session_token=keys.session_token or None,
    )


def _config(**options: object) -> "Config":
    from botocore.config import Config  # noqa: PLC0415

    # {} and not None: None would ask the environment for a proxy. Retries, because moto answers 500 when two of
    # its threads meet in one bucket.
    return Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=32, **options)  # type: ignore[arg-type]


def client(service: str, endpoint: str, keys: Keys = OWNER) -> Any:  # noqa: ANN401 - a client of any service
    """Of a service that has no function of its own here."""
    return _session(keys).client(service, endpoint_url=endpoint, config=_config())  # type: ignore[call-overload]


def s3(endpoint: str, keys: Keys = OWNER) -> "S3Client":
    return _session(keys).client("s3", endpoint_url=endpoint, config=_config(s3={"addressing_style": "path"}))


def sqs(endpoint: str, keys: Keys = OWNER) -> "SQSClient":
    return _session(keys).client("sqs", endpoint_url=endpoint, config=_config())


def cloudwatch(endpoint: str) -> "CloudWatchClient":
    return _session(OWNER).client("cloudwatch", endpoint_url=endpoint, config=_config())


def batch(endpoint: str, keys: Keys = OWNER) -> "BatchClient":
    return _session(keys).client("batch", endpoint_url=endpoint, config=_config())


def lambda_(endpoint: str) -> "LambdaClient":
    return _session(OWNER).client("lambda", endpoint_url=endpoint, config=_config(read_timeout=910))


def queue_arn(client: "SQSClient", url: str) -> str:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]
