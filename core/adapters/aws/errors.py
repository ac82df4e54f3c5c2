"""AWS's errors become ours here, and nowhere else."""

import re
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

from core.domain.errors import Code, Misconfigured, Unavailable

NOT_FOUND, CONFLICT, PRECONDITION_FAILED = 404, 409, 412
_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY_REQUESTS, _SERVER = 401, 403, 429, 500
# Codes of 4xx answers that pass by themselves
_PASSING = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestTimeTooSkewed"}
# Of the service of keys, whose troubles S3 tells as its own 4xx
_KMS_PASSING = re.compile(r"KMS\.\w*(Throttl|Internal|Timeout|Unavailable|LimitExceeded)\w*")
_UNREADABLE = {
    "InvalidObjectState": "it lies in an archive (its storage class is Glacier's): restore it first",
    "InvalidURI": "its key is none that S3 takes",
    "KeyTooLongError": "its key is longer than S3 takes",
}


def http_status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER))


def unreadable(error: ClientError) -> str:
    """What keeps this one object, and no other, from being read; empty where the error is of another kind."""
    code, words = _said(error)
    if code in _UNREADABLE:
        return _UNREADABLE[code]
    if code == "InvalidRequest" and "encryption" in words.lower():
        return "it is encrypted with its owner's own key (SSE-C), which nobody here has"
    if code.startswith("KMS.") and "AccessDenied" not in code and not _KMS_PASSING.fullmatch(code):
        return f"its key in KMS cannot be used ({code.removeprefix('KMS.')}): {words.rstrip('.') or 'no reason'}"
    return ""


def _said(error: ClientError) -> tuple[str, str]:
    """Code and message; an answer to HEAD has neither."""
    said = error.response.get("Error", {})
    return str(said.get("Code", "")), str(said.get("Message", ""))


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
        status, (code, _words) = http_status(error), _said(error)
        passes = code in _PASSING or _KMS_PASSING.fullmatch(code)
        if status >= _SERVER or status in (CONFLICT, _TOO_MANY_REQUESTS) or passes:
            raise Unavailable(unavailable, f"{what} was not answered: {error}") from error
        raise Misconfigured(refused, f"{what} was refused: {error}") from error
    except (NoCredentialsError, PartialCredentialsError, ParamValidationError) as error:
        raise Misconfigured(refused, f"{what} was not tried: {error}") from error
    except (BotoCoreError, ResponseParserError) as error:  # the latter, of an answer that is no XML, stands alone
        raise Unavailable(unavailable, f"{what} was not answered: {error}") from error
