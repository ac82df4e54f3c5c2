"""boto3 clients of the embedded cloud; this machine's AWS account, profile and proxy settings do not affect them."""

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
ACCOUNT = "123456789012"  # moto's default account


@dataclass(frozen=True)
class Credentials:
    """The credentials that sign a request."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def environment(self) -> dict[str, str]:
        """The environment variables from which any AWS SDK reads the credentials."""
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key, **token}


#: The account's owner, who may do everything. moto checks credentials only inside `localcloud.iam.enforced`.
OWNER = Credentials("local", "local")


def environment(endpoint: str, credentials: Credentials = OWNER) -> dict[str, str]:
    """The variables that point any AWS SDK of another process at `endpoint`, whatever this machine's settings are."""
    return {
        **credentials.environment(),
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
    """Set the variables of `environment` in this process, inside the block: moto's own boto3 sessions read them."""
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    no_proxy = os.environ.get("NO_PROXY")
    _replace_aws_variables(environment(endpoint))
    try:
        yield
    finally:
        _replace_aws_variables(before)
        if no_proxy is None:
            os.environ.pop("NO_PROXY", None)
        else:
            os.environ["NO_PROXY"] = no_proxy


def _replace_aws_variables(variables: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)


def session(credentials: Credentials) -> "boto3.Session":
    """A session that reads no profile and no configuration file."""
    import boto3  # noqa: PLC0415 - takes a third of a second, not for `--help`
    from botocore.session import Session  # noqa: PLC0415

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
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token or None,
    )


def _config(**options: object) -> "Config":
    from botocore.config import Config  # noqa: PLC0415

    # proxies={}: None would read the environment's proxy. Retries: moto answers 500 if two of its threads use one
    # bucket at once.
    return Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=32, **options)  # type: ignore[arg-type]


def client(service: str, endpoint: str, credentials: Credentials = OWNER) -> Any:  # noqa: ANN401 - a client of any service
    """A client of a service that has no function of its own in this module."""
    return session(credentials).client(service, endpoint_url=endpoint, config=_config())  # type: ignore[call-overload]


def s3(endpoint: str, credentials: Credentials = OWNER) -> "S3Client":
    return session(credentials).client("s3", endpoint_url=endpoint, config=_config(s3={"addressing_style": "path"}))


def sqs(endpoint: str, credentials: Credentials = OWNER) -> "SQSClient":
    return session(credentials).client("sqs", endpoint_url=endpoint, config=_config())


def cloudwatch(endpoint: str) -> "CloudWatchClient":
    return session(OWNER).client("cloudwatch", endpoint_url=endpoint, config=_config())


def batch(endpoint: str, credentials: Credentials = OWNER) -> "BatchClient":
    return session(credentials).client("batch", endpoint_url=endpoint, config=_config())


def lambda_(endpoint: str) -> "LambdaClient":
    # Longer than Lambda's longest time-out, 900 s
    return session(OWNER).client("lambda", endpoint_url=endpoint, config=_config(read_timeout=910))


def queue_arn(client: "SQSClient", url: str) -> str:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]
