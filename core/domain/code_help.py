"""What each code means that an image can end with, and what to do: docs/reference/codes.md, for who has no docs at hand.

A test holds the two together.
"""

from core.domain.errors import Code
from core.domain.model import Value


class Explanation(Value, frozen=True):
    """Two sentences for people."""

    what: str
    advice: str


_EXPLANATIONS = {
    Code.EMPTY_FILE: Explanation(
        "The file has no bytes.",
        "Send it again; look at the uploader if there are many.",
    ),
    Code.UNSUPPORTED_FORMAT: Explanation(
        "Its first bytes are of no format that is read here; the file's name is not looked at.",
        "Convert it, or ask for the format.",
    ),
    Code.CORRUPT_IMAGE: Explanation(
        "It begins like an image, but cannot be decoded to its end: damaged or cut off.",
        "Send it again from the original.",
    ),
    Code.TOO_MANY_BYTES: Explanation(
        "The file is larger than MAX_BYTES. It was not downloaded.",
        "Make it smaller, or raise the limit.",
    ),
    Code.TOO_MANY_PIXELS: Explanation(
        "Its header claims more megapixels than MAX_MEGAPIXELS. Nothing was decoded.",
        "If it is no attack: raise the limit and the memory.",
    ),
    Code.RESULT_TOO_LARGE: Explanation(
        "A rendition would have more pixels a side than its format can hold (JPEG 65,500; WebP 16,383). "
        "Nothing was decoded.",
        "Add a resize to the pipeline, or choose another format.",
    ),
    Code.TOO_MUCH_MEMORY: Explanation(
        "Its header and its pipeline say that it needs more memory than the largest Batch tier has; the "
        "message has the figures. Nothing was decoded.",
        "Make it smaller first, or leave out the operation that holds so much; those that look at "
        "neighbours only work in bands.",
    ),
    Code.TOO_MUCH_TIME: Explanation(
        "Its header and its pipeline say that it would take longer than a Batch job may; the message has "
        "the figures. Nothing was decoded.",
        "Make it smaller first, or raise TIMEOUT_SECONDS.",
    ),
    Code.UNKNOWN_PIPELINE: Explanation(
        "The request, or the key of the upload, names a pipeline that is not there, or what cannot be a "
        "pipeline's name: then the image's pipeline is other.",
        "Mend the name, or deploy the pipeline.",
    ),
    Code.SOURCE_MISSING: Explanation(
        "The object was deleted before it was processed.",
        "Upload it again; look for what deletes under incoming/.",
    ),
    Code.SOURCE_REPLACED: Explanation(
        "The object was overwritten before it was processed, in a bucket without versions. The newer "
        "upload is an image of its own.",
        "Nothing; or turn versions on, and both are kept.",
    ),
    Code.SOURCE_UNREADABLE: Explanation(
        "The object is there, but S3 does not give its content: it is in an archive, its key of encryption is "
        "disabled or its owner's alone, or its name is none; the message says which.",
        "Restore it, or enable the key; then send it again under another idempotency key.",
    ),
    Code.OPERATION_FAILED: Explanation(
        "A step of the pipeline could not be done on this image; the message names the step.",
        "Look at the image; mend the pipeline or the operation.",
    ),
    Code.OUT_OF_MEMORY: Explanation(
        "The image needed more memory than the worker may use, and was stopped before it harmed others.",
        "Raise MEMORY_MB, or send such images to Batch.",
    ),
    Code.TIMED_OUT: Explanation(
        "It was not done in the time there was, and was stopped.",
        "Look at the pipeline's cost for this size; give it more time or more CPU.",
    ),
    Code.WORKER_CRASHED: Explanation(
        "Decoding or working on it crashed the worker; the message has the signal. No other image was harmed.",
        "Keep the source: such a file is worth a bug report, and may be an attack.",
    ),
    Code.CANCELLED: Explanation(
        "Its Batch job was cancelled or terminated by a person, before it was done.",
        "Ask who did it; then run it again.",
    ),
    Code.NOT_STARTED: Explanation(
        "Its Batch job never came to run: its container could not be pulled or started; the message has Batch's words.",
        "Mend the job definition, the repository or its permissions; then run it again.",
    ),
    Code.ABANDONED: Explanation(
        "It was found waiting again and again, and nothing that took it up ever said how it ended.",
        "Look at the logs of the functions and jobs for its id; then run it again.",
    ),
}


def explanation(code: str) -> Explanation:
    """Of the codes in the ledger; one that this release does not know is explained by its name."""
    try:
        return _EXPLANATIONS[Code(code)]
    except (KeyError, ValueError):
        return Explanation(f"It ended with {code}.", "Look it up in docs/reference/codes.md.")
