"""The Batch container's command: `python -m batch work KEY`, or `python -m batch REQUEST`.

KEY names a document of a job's images; a child of an array job processes its own share of them. REQUEST is the JSON of
a direct invoke, with an `s3` reference, for one image. The last line of stdout is the answer, as JSON. The exit codes
of sysexits.h select Batch's retry rules:

0   every image has a result, processed or failed, or was handed over to a larger tier
65  EX_DATAERR: the request is wrong, and a retry does not help
70  EX_SOFTWARE: a bug in this program; the log has the traceback
75  EX_TEMPFAIL: a retry may help, and skips the images that have a result. Also after SIGTERM
78  EX_CONFIG: an operator must act
"""

import os
import signal
import sys
import time
from types import FrameType

EX_TEMPFAIL = 75


def stop(_signal: int, _frame: FrameType | None) -> None:
    """Exit at once: after SIGTERM, sent to a reclaimed Spot task or a terminated job, SIGKILL follows in 30 seconds.

    Nothing is cleaned up: images in progress are not committed, and the worker's child ends with this process.
    """
    os.write(2, b"Stopped by SIGTERM; images without a result are left to the next attempt.\n")
    os._exit(EX_TEMPFAIL)


if __name__ == "__main__":
    started = time.monotonic()
    # Before the slow imports: process 1 of a container ignores signals that it has no handler for
    signal.signal(signal.SIGTERM, stop)
    from batch.commands import main

    sys.exit(main(sys.argv[1:], started))
