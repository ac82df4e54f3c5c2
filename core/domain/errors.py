"""Every way a request or an image can fail, as one tree and one closed list of codes.

PicturePerfectError           has a code, and a sentence a person understands
├── ImageFailure              the image's own failure: committed as `failed`, never retried
├── Refusal                   the request is refused before an image was accepted; the caller hears why
├── Unavailable               a service did not answer: nothing is committed, the event is delivered again
└── Misconfigured             the deployment is wrong: nothing is committed, an operator must act

A code is part of the contract with customers, dashboards and the database: it may be added, never renamed.
docs/reference/codes.md explains each one, and a test holds the two together.
"""

from enum import StrEnum
from errno import EDQUOT, ENOSPC

from core.domain.log import one_line

#: What the kernel says where a disk is full: the machine's state, which no image is to blame for.
FULL_DISK = frozenset({ENOSPC, EDQUOT})


class Code(StrEnum):
    """The closed list. Each is explained in docs/reference/codes.md."""

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
    """The root: a code from the closed list and a sentence that names what, whose and what to do.

    A sentence is one line, whatever it quotes: it goes into logs, also where it is raised to Lambda itself. Only the
    faults of pipeline files are a list, since they are the deployment's own.
    """

    def __init__(self, code: Code, message: str) -> None:
        if code is not Code.INVALID_PIPELINE:
            message = one_line(message)
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["PicturePerfectError"], tuple[Code, str]]:
        return type(self), (self.code, self.message)


class ImageFailure(PicturePerfectError):  # noqa: N818 - a final state of an image, not a programming error
    """The image ends `failed`: trying again would give the same."""


class Refusal(PicturePerfectError):  # noqa: N818 - an answer to the caller
    """Nothing was accepted; the caller is told which field is wrong."""


class Unavailable(PicturePerfectError):  # noqa: N818 - a state of the world
    """A service did not answer; the same call may succeed later."""


class Misconfigured(PicturePerfectError):  # noqa: N818 - a state of the deployment
    """The deployment is wrong; no retry helps until someone mends it."""
