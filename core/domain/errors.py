"""The errors of the product: one tree of exceptions, and one closed list of codes.

PicturePerfectError           has a code, and a sentence for people
├── ImageFailure              the image cannot be processed: committed as `failed`, never retried
├── Refusal                   the request is refused before an image is accepted; the caller gets the reason
├── Unavailable               a service did not answer: nothing is committed, the event is delivered again
└── Misconfigured             the deployment is wrong: nothing is committed, an operator must act

Codes are a contract with customers, dashboards and the database: a code may be added, never renamed.
docs/reference/codes.md explains each code; a test compares the two lists.
"""

from enum import StrEnum
from errno import EDQUOT, ENOSPC

from core.domain.log import one_line

#: The numbers of operating-system errors for a full disk: no image is to blame for it, so none fails with it.
FULL_DISK = frozenset({ENOSPC, EDQUOT})


class Code(StrEnum):
    """The closed list of codes."""

    # The image
    EMPTY_FILE = "empty_file"
    UNSUPPORTED_FORMAT = "unsupported_format"
    CORRUPT_IMAGE = "corrupt_image"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    RESULT_TOO_LARGE = "result_too_large"
    TOO_MUCH_MEMORY = "too_much_memory"
    TOO_MUCH_TIME = "too_much_time"
    UNKNOWN_PIPELINE = "unknown_pipeline"
    SOURCE_MISSING = "source_missing"
    SOURCE_REPLACED = "source_replaced"
    SOURCE_UNREADABLE = "source_unreadable"
    # The run
    OPERATION_FAILED = "operation_failed"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    WORKER_CRASHED = "worker_crashed"
    CANCELLED = "cancelled"
    NOT_STARTED = "not_started"
    ABANDONED = "abandoned"
    # The request
    INVALID_EVENT = "invalid_event"
    INVALID_REQUEST = "invalid_request"
    REFERENCE_REFUSED = "reference_refused"
    IDENTITY_CONFLICT = "identity_conflict"
    # The page's API
    NOT_AUTHENTICATED = "not_authenticated"
    NO_CUSTOMER = "no_customer"
    NOT_FOUND = "not_found"
    UPLOAD_INCOMPLETE = "upload_incomplete"
    INTERNAL_ERROR = "internal_error"
    # The deployment
    STORE_UNAVAILABLE = "store_unavailable"
    STORE_DENIED = "store_denied"
    QUEUE_UNAVAILABLE = "queue_unavailable"
    BATCH_UNAVAILABLE = "batch_unavailable"
    BATCH_REFUSED = "batch_refused"
    DATABASE_UNAVAILABLE = "database_unavailable"
    INVALID_SETTINGS = "invalid_settings"
    INVALID_PIPELINE = "invalid_pipeline"
    INVALID_RESULT = "invalid_result"
    WORKER_UNAVAILABLE = "worker_unavailable"


class PicturePerfectError(Exception):
    """The root: `code`, and `message`, a sentence that names the field or object, its value and the remedy.

    The message becomes one line, since Lambda logs it: a line break in a quoted value could forge a log line. Only
    INVALID_PIPELINE keeps its lines: it lists the faults of files that belong to the deployment.
    """

    def __init__(self, code: Code, message: str) -> None:
        if code is not Code.INVALID_PIPELINE:
            message = one_line(message)
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["PicturePerfectError"], tuple[Code, str]]:
        return type(self), (self.code, self.message)


class ImageFailure(PicturePerfectError):  # noqa: N818 - a state of an image, not a programming error
    """The image ends as `failed`: a retry would fail in the same way."""


class Refusal(PicturePerfectError):  # noqa: N818 - an answer to the caller
    """The request was not accepted; the message names the wrong field."""


class Unavailable(PicturePerfectError):  # noqa: N818 - a state of the world
    """A service did not answer; the same call may succeed later."""


class Misconfigured(PicturePerfectError):  # noqa: N818 - a state of the deployment
    """The deployment is wrong; retries fail until an operator corrects it."""
