"""An explanation of each code that an image can end with: the texts of docs/reference/codes.md, for reports.

tests/unit/domain/test_code_help.py compares the two.
"""

from core.domain.errors import Code
from core.domain.model import Value


class Explanation(Value, frozen=True):
    """Sentences for people: the cause of the failure, and what to do about it."""

    cause: str
    advice: str


_EXPLANATIONS = {
    Code.EMPTY_FILE: Explanation(
        "The file has no bytes.",
        "Send it again. If there are many, examine the uploader.",
    ),
    Code.UNSUPPORTED_FORMAT: Explanation(
        "The first bytes match no supported format. The file's name is not considered.",
        "Convert the image, or ask for the format.",
    ),
    Code.CORRUPT_IMAGE: Explanation(
        "The file begins like an image but cannot be decoded to its end: it is damaged or cut off.",
        "Send it again from the original.",
    ),
    Code.TOO_MANY_BYTES: Explanation(
        "The file is larger than MAX_BYTES. It was not downloaded.",
        "Make the file smaller, or raise the limit.",
    ),
    Code.TOO_MANY_PIXELS: Explanation(
        "The header claims more megapixels than MAX_MEGAPIXELS. Nothing was decoded.",
        "If it is no attack, raise the limit and the memory.",
    ),
    Code.RESULT_TOO_LARGE: Explanation(
        "A rendition would have more pixels a side than its format can hold (JPEG 65,500; WebP 16,383). "
        "Nothing was decoded.",
        "Add a resize to the pipeline, or choose another format.",
    ),
    Code.TOO_MUCH_MEMORY: Explanation(
        "By its header and its pipeline, the image needs more memory than the largest Batch tier has; the "
        "message has the figures. Nothing was decoded.",
        "Make the image smaller first, or remove the operation that needs the memory. Operations with a "
        "radius work in bands and need little.",
    ),
    Code.TOO_MUCH_TIME: Explanation(
        "By its header and its pipeline, the image would take longer than a Batch job may; the message has "
        "the figures. Nothing was decoded.",
        "Make the image smaller first, or raise TIMEOUT_SECONDS.",
    ),
    Code.UNKNOWN_PIPELINE: Explanation(
        "The request, or the key of the upload, names a pipeline that does not exist. If the name is not "
        "valid either, the image is recorded under the pipeline other.",
        "Correct the name, or deploy the pipeline.",
    ),
    Code.SOURCE_MISSING: Explanation(
        "The object was deleted before it was processed.",
        "Upload it again, and find out what deletes objects under incoming/.",
    ),
    Code.SOURCE_REPLACED: Explanation(
        "The object was overwritten before it was processed, in a bucket without versions. The newer upload "
        "is an image of its own.",
        "Nothing. To keep both, turn on versions.",
    ),
    Code.SOURCE_UNREADABLE: Explanation(
        "The object exists, but S3 does not give its content: it is archived, its encryption key is disabled "
        "or not accessible, or its key is invalid; the message says which.",
        "Restore the object, or enable the key; then send it again under another idempotency key.",
    ),
    Code.OPERATION_FAILED: Explanation(
        "A step of the pipeline failed on this image; the message names the step.",
        "Examine the image; correct the pipeline or the operation.",
    ),
    Code.OUT_OF_MEMORY: Explanation(
        "The image needed more memory than the worker may use. It was stopped before it harmed other images.",
        "Raise MEMORY_MB, or send such images to Batch.",
    ),
    Code.TIMED_OUT: Explanation(
        "The image was not finished in the available time, and was stopped.",
        "Examine the cost of the pipeline at this size; give it more time or more CPU.",
    ),
    Code.WORKER_CRASHED: Explanation(
        "Decoding or processing the image crashed the worker; the message has the signal. No other image was harmed.",
        "Keep the source: such a file is worth a bug report, and may be an attack.",
    ),
    Code.CANCELLED: Explanation(
        "A person cancelled or terminated the Batch job before it was finished.",
        "Ask that person; then run the image again.",
    ),
    Code.NOT_STARTED: Explanation(
        "The Batch job did not start: its container could not be pulled or started; the message has Batch's reason.",
        "Correct the job definition, the repository or its permissions; then run the image again.",
    ),
    Code.ABANDONED: Explanation(
        "The image was found waiting again and again, and none of its runs reported an end.",
        "Search the logs of the functions and jobs for its id; then run it again.",
    ),
}


def explain(code: str) -> Explanation:
    """The explanation of a code in the ledger; a general one for codes of other releases."""
    try:
        return _EXPLANATIONS[Code(code)]
    except (KeyError, ValueError):
        return Explanation(f"It ended with {code}.", "Look it up in docs/reference/codes.md.")
