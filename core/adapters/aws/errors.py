"""botocore's errors become the project's here, and nowhere else."""

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
_TOO_MANY_REQUESTS, _SERVER = 429, 500
# Codes of 4xx answers to requests that may succeed later
_RETRYABLE = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestTimeTooSkewed"}
# Such codes of KMS, whose errors S3 passes on with a 4xx status
_RETRYABLE_KMS = re.compile(r"KMS\.\w*(Throttl|Internal|Timeout|Unavailable|LimitExceeded)\w*")
_UNREADABLE_REASONS = {
    "InvalidObjectState": "it is archived in a Glacier storage class: restore it first",
    "InvalidURI": "S3 does not accept its key",
    "KeyTooLongError": "its key is longer than S3 accepts",
}


def http_status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER))


def unreadable_reason(error: ClientError) -> str:
    """The reason why this one object cannot be read; empty if the error concerns more than the object."""
    code, message = _code_and_message(error)
    if code in _UNREADABLE_REASONS:
        return _UNREADABLE_REASONS[code]
    if code == "InvalidRequest" and "encryption" in message.lower():
        return "it is encrypted with a key that its owner provides (SSE-C) and this service does not have"
    if code.startswith("KMS.") and "AccessDenied" not in code and not _RETRYABLE_KMS.fullmatch(code):
        reason = message.rstrip(".") or "no reason given"
        return f"its KMS key cannot be used ({code.removeprefix('KMS.')}): {reason}"
    return ""


def _code_and_message(error: ClientError) -> tuple[str, str]:
    """Both are empty in an answer to HEAD, which has no body."""
    fields = error.response.get("Error", {})
    return str(fields.get("Code", "")), str(fields.get("Message", ""))


@contextmanager
def translate_errors(
    action: str, unavailable: Code = Code.STORE_UNAVAILABLE, refused: Code = Code.STORE_DENIED
) -> Iterator[None]:
    """Call AWS; `action` describes the call and begins the error's message, as in "Reading s3://bucket/key".

    Raises Unavailable(unavailable) if the call may succeed later, and Misconfigured(refused) if a person must act:
    on permissions, on credentials, on a missing bucket or queue.
    """
    try:
        yield
    except ClientError as error:
        status, (code, _message) = http_status(error), _code_and_message(error)
        is_retryable = code in _RETRYABLE or _RETRYABLE_KMS.fullmatch(code)
        if status >= _SERVER or status in (CONFLICT, _TOO_MANY_REQUESTS) or is_retryable:
            raise Unavailable(unavailable, f"{action} was not answered: {error}") from error
        raise Misconfigured(refused, f"{action} was refused: {error}") from error
    except (NoCredentialsError, PartialCredentialsError, ParamValidationError) as error:
        raise Misconfigured(refused, f"{action} was not tried: {error}") from error
    except (BotoCoreError, ResponseParserError) as error:  # ResponseParserError (no XML) is no BotoCoreError
        raise Unavailable(unavailable, f"{action} was not answered: {error}") from error
