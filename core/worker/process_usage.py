"""CPU time and peak memory of a process, from the kernel's accounting.

On Linux the parent reads the child's usage from /proc and its CPU clock. macOS has neither: the parent relies on the
child's getrusage, whose peak cannot be reset and covers the child's whole life.
"""

import contextlib
import resource
import sys
import time
from pathlib import Path

from core.domain.model import Usage

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, KiB on Linux
_SCHED_CLOCK = 2  # CPUCLOCK_SCHED of linux/posix-timers.h: exact, not sampled at each tick


def from_rusage(usage: resource.struct_rusage) -> Usage:
    """CPU seconds (user and system) and peak resident bytes of a process's whole life."""
    return Usage(cpu_seconds=usage.ru_utime + usage.ru_stime, peak_bytes=usage.ru_maxrss * _MAXRSS_UNIT)


def cpu_seconds(pid: int) -> float | None:
    """CPU seconds of all threads of the process `pid` so far; None on systems without that clock."""
    if sys.platform != "linux":
        return None
    try:
        return time.clock_gettime((~pid << 3) | _SCHED_CLOCK)
    except OSError:
        return None


def status_bytes(pid: int | str, *names: str) -> dict[str, int]:
    """The fields `names` (VmHWM, VmRSS, VmData, …) of /proc/<pid>/status, in bytes; empty without /proc."""
    sizes = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name in names:
                sizes[name] = int(value.split()[0]) * 1024
    return sizes


def reset_peak_rss(pid: int) -> bool:
    """Reset the peak of resident memory (VmHWM) of the process `pid`; False if the kernel does not allow it."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # proc(5): reset the high-water mark
    except OSError:
        return False
    return True
