"""AWS credentials and region, as botocore finds them; boto3 itself is not loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from core.domain.errors import Code, Misconfigured


@cache
def session() -> Session:
    """One botocore session for each process."""
    return Session()


def credentials() -> Credentials:
    """The credentials that requests are signed with. Raises Misconfigured(INVALID_SETTINGS) if there are none."""
    with as_misconfigured():
        current = session().get_credentials()
    if current is None:
        raise Misconfigured(Code.INVALID_SETTINGS, "There are no AWS credentials to sign with")
    return current


@contextmanager
def as_misconfigured() -> Iterator[None]:
    """Raise botocore's errors about the environment as Misconfigured(INVALID_SETTINGS).

    botocore raises BotoCoreError for a missing region or profile, and ValueError for an endpoint that is no URL.
    """
    try:
        yield
    except (BotoCoreError, ValueError) as error:
        message = f"{str(error).rstrip('.')}. Look at AWS_DEFAULT_REGION, AWS_ENDPOINT_URL and AWS_PROFILE."
        raise Misconfigured(Code.INVALID_SETTINGS, message) from error
