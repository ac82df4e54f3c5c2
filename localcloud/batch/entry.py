"""The entry point of a job's container: `python -m localcloud.batch.entry batch …` for `/app/entry batch …`.

When the host dies, even by SIGKILL, standard input ends and this process kills its own group, so that no job outlives
its cloud.
"""

import os
import runpy
import signal
import sys
import threading

EX_USAGE = 64  # as container/entry exits


def kill_group_at_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1:2] != ["batch"]:
        print(
            f"picture-perfect: The command of a job must be batch …, not {' '.join(sys.argv[1:])!r}.", file=sys.stderr
        )
        sys.exit(EX_USAGE)
    threading.Thread(target=kill_group_at_end_of_input, daemon=True).start()
    sys.argv[1:] = sys.argv[2:]
    runpy.run_module("batch", run_name="__main__", alter_sys=True)
