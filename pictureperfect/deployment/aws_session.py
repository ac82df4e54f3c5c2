"""The AWS session of the commands for deployments, and sentences for boto3's errors."""

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
#: Error codes of AWS for credentials that have expired, are unknown, or lack a permission.
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
#: The SSM parameter that CDK's bootstrap writes. https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping.html
_BOOTSTRAPPED = "/cdk-bootstrap/hnb659fds/version"


@dataclass(frozen=True)
class Account:
    """The account, region and caller of the credentials."""

    number: str
    region: str
    arn: str


def open_session() -> "boto3.Session":
    """A session with the environment's profile, keys and region. Raises ClickException if any is missing."""
    import boto3  # noqa: PLC0415 - a third of a second, not for `--help`

    with errors_explained():
        session = boto3.Session()
        if session.get_credentials() is None:
            raise click.ClickException(f"There are no AWS credentials. {_LOGIN}")
    if not session.region_name:
        raise click.ClickException(
            "No AWS region is set: export AWS_DEFAULT_REGION=eu-west-1, for example, "
            "or `aws configure set region eu-west-1`."
        )
    return session


def caller_account(session: "boto3.Session") -> Account:
    """Ask AWS for the account of the session's credentials. Raises ClickException."""
    with errors_explained():
        answer = session.client("sts", config=_impatient_config()).get_caller_identity()
    return Account(answer["Account"], str(session.region_name), answer["Arn"])


def bootstrap_fault(session: "boto3.Session", account: Account) -> str:
    """A sentence if CDK's bootstrap is missing; empty if it is there, or if the caller may not look."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        with errors_explained():
            session.client("ssm", config=_impatient_config()).get_parameter(Name=_BOOTSTRAPPED)
    except click.ClickException as error:
        cause = error.__cause__
        code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
        if code in _DENIED:  # CDK checks it too, with a role of its own
            return ""
        if code != "ParameterNotFound":
            return error.message
        from pictureperfect.deployment.cdk import bootstrap_command  # noqa: PLC0415

        environment = f"aws://{account.number}/{account.region}"
        return (
            f"Account {account.number} is not bootstrapped for CDK in {account.region}. Run once, with the permissions "
            f"to do so: `{bootstrap_command(environment)}`."
        )
    return ""


def stack_outputs(client: "CloudFormationClient", stack: str) -> dict[str, str] | None:
    """The stack's outputs by key; None if there is no such stack."""
    description = describe_stack(client, stack)
    if description is None:
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}


def describe_stack(client: "CloudFormationClient", stack: str) -> dict[str, Any] | None:
    """CloudFormation's description of a stack, by name or id; None if it does not exist."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        stacks = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id … does not exist"
            return None
        raise
    existing = [each for each in stacks if each["StackStatus"] not in {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}]
    return dict(existing[0]) if existing else None


@contextmanager
def errors_explained() -> Iterator[None]:
    """Turn boto3's errors into ClickExceptions with the remedy."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(explain_error(error)) from error


def explain_error(error: Exception) -> str:
    """A sentence with the message of boto3's error and the remedy."""
    from botocore import exceptions  # noqa: PLC0415

    if isinstance(error, exceptions.ClientError):
        return _explain_answer(error.response["Error"]["Code"], error)
    message = " ".join(str(error).split()).rstrip(".")
    sentences: list[tuple[Any, str]] = [
        (exceptions.ProfileNotFound, f"{message}. Look at AWS_PROFILE and at `aws configure list-profiles`."),
        (exceptions.PartialCredentialsError, f"The AWS credentials are incomplete: {message}. {_LOGIN}"),
        (exceptions.NoCredentialsError, f"There are no AWS credentials. {_LOGIN}"),
        (
            (
                exceptions.SSOError,
                exceptions.TokenRetrievalError,
                exceptions.CredentialRetrievalError,
                exceptions.LoginError,
            ),
            f"The AWS login is gone or has expired ({message}). Log in again: `aws sso login`.",
        ),
        (
            (exceptions.HTTPClientError, exceptions.ConnectionError),
            f"AWS cannot be reached from here: {message}. Look at the network, HTTPS_PROXY and AWS_ENDPOINT_URL.",
        ),
    ]
    return next(
        (sentence for kinds, sentence in sentences if isinstance(error, kinds)),
        f"AWS cannot be used as it is configured: {message}.",
    )


def _explain_answer(code: str, error: Exception) -> str:
    if code in _EXPIRED:
        return "The AWS credentials have expired. Log in again (`aws sso login`), or set fresh ones."
    if code in _UNKNOWN:
        return f"AWS does not know these credentials ({code}). {_LOGIN}"
    if code in _DENIED:
        return f"These credentials lack a permission: {error}"
    return f"AWS refused the request: {error}"


def patient_config() -> "Config":
    """For invoking functions that may take 15 minutes, Lambda's longest."""
    from botocore.config import Config  # noqa: PLC0415

    return Config(read_timeout=910, retries={"mode": "standard", "total_max_attempts": 2})


def _impatient_config() -> "Config":
    """For checks that should fail within seconds if no service answers."""
    from botocore.config import Config  # noqa: PLC0415

    return Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 2})
