"""The Batch job: `python -m batch REQUEST` runs one image, by the same service as the Lambda function.

REQUEST is the JSON that the direct door takes, with an `s3` reference. The result is the last line of stdout.
Exit 0: the image ended, processed or failed, and that is committed. 65 (EX_DATAERR of sysexits.h): the request is
wrong, and no retry helps. 75 (EX_TEMPFAIL): nothing was committed, try again. 78 (EX_CONFIG): an operator must act.
"""

import os
import sys
from datetime import UTC, datetime

import msgspec

from core import bootstrap
from core.errors import Code, Misconfigured, Refusal, Unavailable
from core.model import Outcome, Route
from core.requests import accept_reference, read_request

EX_DATAERR, EX_TEMPFAIL, EX_CONFIG = 65, 75, 78


def main(arguments: list[str]) -> int:
    try:
        outcome = run(arguments)
    except Refusal as refusal:
        return _say(refusal, EX_DATAERR)
    except Unavailable as error:
        return _say(error, EX_TEMPFAIL)
    except Misconfigured as error:
        return _say(error, EX_CONFIG)
    answer = {**msgspec.to_builtins(outcome.result), "duplicate": outcome.duplicate}
    print(msgspec.json.encode(answer).decode(), flush=True)  # noqa: T201 - the job's answer
    return 0


def run(arguments: list[str]) -> Outcome:
    """Run the one job that the command line asks for."""
    if len(arguments) != 1:
        raise Refusal(Code.INVALID_REQUEST, "One argument is needed: the request, as JSON.")
    try:
        request = read_request(msgspec.json.decode(arguments[0]))
    except (msgspec.DecodeError, UnicodeEncodeError) as error:  # the latter, of an argument that is not UTF-8
        raise Refusal(Code.INVALID_REQUEST, f"The request is not JSON: {error}") from error
    if request.s3 is None:
        raise Refusal(Code.INVALID_REQUEST, "s3: a Batch job takes a reference, not bytes.")
    service = bootstrap.processing(os.environ, Route.BATCH)
    return service.process(accept_reference(request, service.store, service.references, datetime.now(UTC)))


def _say(error: Exception, exit_code: int) -> int:
    print(error, file=sys.stderr, flush=True)  # noqa: T201 - the job's log
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
