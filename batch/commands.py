"""The two commands of the Batch container, and their exit codes: `python -m batch` documents them."""

import os
from datetime import UTC, datetime

import msgspec

from core.bootstrap.process import image_acceptor, image_processor
from core.domain import log, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal, Unavailable
from core.domain.model import Route
from core.services.dispatch.array_child import ArrayChild, Ending, read_share
from core.services.intake.requests import read_request

_HELP = {"-h", "--help"}
_USAGE = """python -m batch work KEY    one child's share of a job; KEY names the job's document in the bucket
python -m batch REQUEST     one image, by reference: {"customer": …, "pipeline": …, "s3": "s3://BUCKET/KEY"}

Settings are environment variables: docs/reference/settings.md. Exit codes 0, 65, 70, 75, 78: batch/__main__.py."""
EX_DATAERR, EX_SOFTWARE, EX_TEMPFAIL, EX_CONFIG = 65, 70, 75, 78
#: In order of precedence: if any image needs only another attempt, the job gets it before an operator is called.
_EXIT_CODES = {
    Ending.UNAVAILABLE: EX_TEMPFAIL,
    Ending.NOT_TRIED: EX_TEMPFAIL,
    Ending.MISCONFIGURED: EX_CONFIG,
    Ending.CRASHED: EX_SOFTWARE,
}


def main(arguments: list[str], started: float) -> int:
    """Run a command and return its exit code; `started` is the process's start on the clock of time.monotonic."""
    if _HELP.intersection(arguments):
        print(_USAGE)  # noqa: T201 - the answer
        return 0
    try:
        return work(arguments[1:], started) if arguments[:1] == ["work"] else run(arguments)
    except Refusal as refusal:
        return _log_error(refusal, EX_DATAERR)
    except Unavailable as error:
        return _log_error(error, EX_TEMPFAIL)
    except Misconfigured as error:
        return _log_error(error, EX_CONFIG)


def work(arguments: list[str], started: float) -> int:
    """Process this child's share of a job."""
    if len(arguments) != 1:
        raise Refusal(Code.INVALID_REQUEST, "One argument is needed after `work`: the key of the document.")
    processor = image_processor(os.environ, Route.BATCH)
    if processor.handovers is None:
        raise Misconfigured(Code.INVALID_SETTINGS, "OVERFLOW_QUEUE_URL is missing")
    share = read_share(arguments[0], processor.committer.store, os.environ)
    child = ArrayChild(processor=processor, handovers=processor.handovers, write_line=log.say)
    report = child.process(share, started)
    _print_answer(report.as_json())
    return next((exit_code for ending, exit_code in _EXIT_CODES.items() if ending in report.endings), 0)


def run(arguments: list[str]) -> int:
    """Process the image that the request names."""
    if len(arguments) != 1:
        raise Refusal(Code.INVALID_REQUEST, "One argument is needed: the request, as JSON; or two: `work KEY`.")
    try:
        request = read_request(stored_documents.decode(arguments[0], object))
    except stored_documents.UnreadableError as error:
        raise Refusal(Code.INVALID_REQUEST, f"The request is not JSON: {error}") from error
    if request.s3 is None:
        raise Refusal(Code.INVALID_REQUEST, "s3: a Batch job takes a reference, not bytes.")
    processor = image_processor(os.environ, Route.BATCH)
    image = image_acceptor(os.environ, processor.committer).request(request, datetime.now(UTC))
    outcome = processor.process(image.job)
    _print_answer({**msgspec.to_builtins(outcome.result), "duplicate": outcome.duplicate})
    return 0


def _print_answer(answer: object) -> None:
    print(msgspec.json.encode(answer).decode(), flush=True)  # noqa: T201 - the job's answer


def _log_error(error: Exception, exit_code: int) -> int:
    log.say(error)
    return exit_code
