"""AWS's errors become ours here, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from core.errors import Code, Misconfigured, Unavailable

NOT_FOUND, CONFLICT, PRECONDITION_FAILED = 404, 409, 412
_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY_REQUESTS, _SERVER = 401, 403, 429, 500
# Codes of 4xx answers that pass by themselves
_PASSING = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestTimeTooSkewed"}


def http_status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER))


@contextmanager
def translated(
    what: str, unavailable: Code = Code.STORE_UNAVAILABLE, refused: Code = Code.STORE_DENIED
) -> Iterator[None]:
    """Run a call to AWS. `what` says in a few words what it does, to whom.

    Raises Unavailable with the code given when it may succeed later, and Misconfigured with the other when
    someone must act: permissions, credentials, a bucket or queue that is not there.
    """
    try:
        yield
    except ClientError as error:
        status, code = http_status(error), str(error.response.get("Error", {}).get("Code", ""))
        if status >= _SERVER or status in (CONFLICT, _TOO_MANY_REQUESTS) or code in _PASSING:
            raise Unavailable(unavailable, f"{what} was not answered: {error}") from error
        raise Misconfigured(refused, f"{what} was refused: {error}") from error
    except (NoCredentialsError, PartialCredentialsError, ParamValidationError) as error:
        raise Misconfigured(refused, f"{what} was not tried: {error}") from error
    except (BotoCoreError, ResponseParserError) as error:  # the latter, of an answer that is no XML, stands alone
        raise Unavailable(unavailable, f"{what} was not answered: {error}") from error
