"""The AWS account that commands work in: whose it is, and in a sentence what is missing where it cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from mypy_boto3_cloudformation import CloudFormationClient

_LOGIN = "Log in (`aws sso login`, `aws configure`), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "AuthFailure",
    "IncompleteSignature",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
#: Where CDK's bootstrap writes down that it was there. https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping.html
_BOOTSTRAPPED = "/cdk-bootstrap/hnb659fds/version"


@dataclass(frozen=True)
class Account:
    """Who deploys, where."""

    number: str
    region: str
    arn: str


def session() -> "boto3.Session":
    """Of the environment's profile, keys and region. Raises ClickException."""
    import boto3  # noqa: PLC0415 - a third of a second that `--help` should not take

    with explained():
        found = boto3.Session()
        if found.get_credentials() is None:
            raise click.ClickException(f"There are no AWS credentials. {_LOGIN}")
    if not found.region_name:
        raise click.ClickException(
            "No AWS region is set: export AWS_REGION=eu-west-1, say, or `aws configure set region eu-west-1`."
        )
    return found


def identity(found: "boto3.Session") -> Account:
    """Ask AWS whose credentials these are. Raises ClickException."""
    with explained():
        said = found.client("sts", config=_brisk()).get_caller_identity()
    return Account(said["Account"], str(found.region_name), said["Arn"])


def bootstrap_fault(found: "boto3.Session", account: Account) -> str:
    """What is missing of CDK's bootstrap, in a sentence; empty where it is there, or where nobody may look."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        with explained():
            found.client("ssm", config=_brisk()).get_parameter(Name=_BOOTSTRAPPED)
    except click.ClickException as error:
        cause = error.__cause__
        code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
        if code in _DENIED:  # CDK tells, by means of its own
            return ""
        if code != "ParameterNotFound":
            return error.message
        from pictureperfect.deployment.cdk import bootstrap_words  # noqa: PLC0415

        where = f"aws://{account.number}/{account.region}"
        return (
            f"Account {account.number} was never prepared for CDK in {account.region}. Once, and by whoever may: "
            f"`{bootstrap_words(where)}`."
        )
    return ""


def outputs(client: "CloudFormationClient", stack: str) -> dict[str, str] | None:
    """What a stack says of itself; None where there is no such stack."""
    found = describe(client, stack)
    if found is None:
        return None
    return {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])}


def describe(client: "CloudFormationClient", stack: str) -> dict[str, Any] | None:
    """CloudFormation's description of a stack that is there, by name or id; None where there is none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        found = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id … does not exist"
            return None
        raise
    alive = [one for one in found if one["StackStatus"] not in {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}]
    return dict(alive[0]) if alive else None


@contextmanager
def explained() -> Iterator[None]:
    """What boto3 complains of, as a ClickException with a sentence that says what to do."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(sentence(error)) from error


def sentence(error: Exception) -> str:
    """What one of boto3's errors says, and what to do."""
    from botocore import exceptions as known  # noqa: PLC0415

    if isinstance(error, known.ClientError):
        return _of_answer(error.response["Error"]["Code"], error)
    told = " ".join(str(error).split()).rstrip(".")
    sentences: list[tuple[Any, str]] = [
        (known.ProfileNotFound, f"{told}. Look at AWS_PROFILE and at `aws configure list-profiles`."),
        (known.PartialCredentialsError, f"The AWS credentials are not whole: {told}. {_LOGIN}"),
        (known.NoCredentialsError, f"There are no AWS credentials. {_LOGIN}"),
        (
            (known.SSOError, known.TokenRetrievalError, known.CredentialRetrievalError, known.LoginError),
            f"The AWS login is gone or has expired ({told}). Log in again: `aws sso login`.",
        ),
        (
            (known.HTTPClientError, known.ConnectionError),
            f"AWS cannot be reached from here: {told}. Look at the network, HTTPS_PROXY and AWS_ENDPOINT_URL.",
        ),
    ]
    return next(
        (said for kinds, said in sentences if isinstance(error, kinds)),
        f"AWS cannot be used as it is configured: {told}.",
    )


def _of_answer(code: str, error: Exception) -> str:
    if code in _EXPIRED:
        return "The AWS credentials have expired. Log in again (`aws sso login`), or set fresh ones."
    if code in _UNKNOWN:
        return f"AWS does not know these credentials ({code}). {_LOGIN}"
    if code in _DENIED:
        return f"These credentials may not do that: {error}"
    return f"AWS refused it: {error}"


def patient() -> "Config":
    """For functions that may take their 15 minutes."""
    from botocore.config import Config  # noqa: PLC0415

    return Config(read_timeout=910, retries={"mode": "standard", "total_max_attempts": 2})


def _brisk() -> "Config":
    """To find out at once that nobody answers."""
    from botocore.config import Config  # noqa: PLC0415

    return Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 2})
