"""The two commands, and what their ends are to Batch. `python -m batch` says which exit code means what."""

import os
from datetime import UTC, datetime

import msgspec

from core.bootstrap.process import processing
from core.domain import log, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal, Unavailable
from core.domain.model import Route
from core.services.dispatch.array_child import Ending, Sharing, read
from core.services.intake.requests import accept_reference, read_request

_HELP = {"-h", "--help"}
_USAGE = """python -m batch work KEY    one child's share of a job; KEY is its document's, in the bucket
python -m batch REQUEST     one image, by reference: {"customer": …, "pipeline": …, "s3": "s3://BUCKET/KEY"}

Settings are variables of the environment: docs/reference/settings.md. Exit 0, 65, 70, 75 or 78: batch/__main__.py."""
EX_DATAERR, EX_SOFTWARE, EX_TEMPFAIL, EX_CONFIG = 65, 70, 75, 78
#: The first that any image ended with decides: what may end by itself gets its next attempt before all else.
_EXITS = {
    Ending.UNAVAILABLE: EX_TEMPFAIL,
    Ending.NOT_TRIED: EX_TEMPFAIL,
    Ending.MISCONFIGURED: EX_CONFIG,
    Ending.CRASHED: EX_SOFTWARE,
}


def main(arguments: list[str], started: float) -> int:
    """Run a command; `started` is when the process did, on `time.monotonic`'s clock."""
    if _HELP.intersection(arguments):
        print(_USAGE)  # noqa: T201 - the answer
        return 0
    try:
        return work(arguments[1:], started) if arguments[:1] == ["work"] else run(arguments)
    except Refusal as refusal:
        return _say(refusal, EX_DATAERR)
    except Unavailable as error:
        return _say(error, EX_TEMPFAIL)
    except Misconfigured as error:
        return _say(error, EX_CONFIG)


def work(arguments: list[str], started: float) -> int:
    """Do this child's share of what the document says."""
    if len(arguments) != 1:
        raise Refusal(Code.INVALID_REQUEST, "One argument is needed after `work`: the key of the document.")
    service = processing(os.environ, Route.BATCH)
    if service.handovers is None:
        raise Misconfigured(Code.INVALID_SETTINGS, "OVERFLOW_QUEUE_URL is missing")
    share = read(arguments[0], service.store, os.environ)
    report = Sharing(processing=service, handovers=service.handovers, say=log.say).work(share, started)
    _answer(report.as_json())
    return next((exit_code for ending, exit_code in _EXITS.items() if ending in report.endings), 0)


def run(arguments: list[str]) -> int:
    """Run the one image that the command line asks for."""
    if len(arguments) != 1:
        raise Refusal(Code.INVALID_REQUEST, "One argument is needed: the request, as JSON; or two: `work KEY`.")
    try:
        request = read_request(stored_documents.decode(arguments[0], object))
    except stored_documents.UnreadableError as error:
        raise Refusal(Code.INVALID_REQUEST, f"The request is not JSON: {error}") from error
    if request.s3 is None:
        raise Refusal(Code.INVALID_REQUEST, "s3: a Batch job takes a reference, not bytes.")
    service = processing(os.environ, Route.BATCH)
    outcome = service.process(accept_reference(request, service.store, service.references, datetime.now(UTC)))
    _answer({**msgspec.to_builtins(outcome.result), "duplicate": outcome.duplicate})
    return 0


def _answer(answer: object) -> None:
    print(msgspec.json.encode(answer).decode(), flush=True)  # noqa: T201 - the job's answer


def _say(error: Exception, exit_code: int) -> int:
    log.say(error)
    return exit_code
