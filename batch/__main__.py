"""The Batch job: `python -m batch work KEY`, or `python -m batch REQUEST`, by the same service as the Lambda function.

KEY names the document that says what the job is to do; a child of an array takes its own share of it. REQUEST, for a
single image, is the JSON that the direct door takes, with an `s3` reference. The last line of stdout says as JSON how
it went. The exit code, after sysexits.h, is for Batch's retry rules:

0   every image ended, processed or failed, and that is committed; or it was handed over to a larger tier
65  EX_DATAERR: the request is wrong, and no retry helps
70  EX_SOFTWARE: an error of this program's own; the log has it
75  EX_TEMPFAIL: try again, what is committed is skipped. So it also ends when SIGTERM tells it to stop
78  EX_CONFIG: an operator must act
"""

import os
import signal
import sys
import time
from types import FrameType

EX_TEMPFAIL = 75


def stop(_signal: int, _frame: FrameType | None) -> None:
    """End at once: a Spot task is reclaimed, or a job terminated, and SIGKILL comes in 30 seconds at the earliest.

    Nothing is waited for and nothing is tidied up: what is under way was not committed, the worker's child ends with
    this process, and the container goes with both.
    """
    os.write(2, b"Stopped by SIGTERM; what has not ended is left to the next attempt.\n")
    os._exit(EX_TEMPFAIL)


if __name__ == "__main__":
    started = time.monotonic()
    # Before all that takes time to load: process 1 of a container does not even die of a signal it does not handle
    signal.signal(signal.SIGTERM, stop)
    from batch.commands import main

    sys.exit(main(sys.argv[1:], started))
