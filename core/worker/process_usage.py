"""What a process has used, read from the kernel's own accounting.

On Linux the parent asks the kernel about the child directly. Elsewhere (a laptop with macOS) there is no
/proc, and the child's getrusage, which is the kernel's word too, is what there is; its peak cannot be reset,
so it is the peak of the child's life.
"""

import contextlib
import resource
import sys
import time
from pathlib import Path

from core.domain.model import Usage

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, KiB on Linux
_SCHED_CLOCK = 2  # CPUCLOCK_SCHED of linux/posix-timers.h: the exact clock, not the one that ticks


def from_rusage(usage: resource.struct_rusage) -> Usage:
    """CPU seconds (user and system) and peak resident bytes of a process's whole life."""
    return Usage(cpu_seconds=usage.ru_utime + usage.ru_stime, peak_bytes=usage.ru_maxrss * _MAXRSS_UNIT)


def cpu_seconds(pid: int) -> float | None:
    """CPU seconds of all threads of another process so far; None where the kernel does not tell."""
    if sys.platform != "linux":
        return None
    try:
        return time.clock_gettime((~pid << 3) | _SCHED_CLOCK)
    except OSError:
        return None


def status_bytes(pid: int | str, *names: str) -> dict[str, int]:
    """Sizes from /proc/<pid>/status, such as VmHWM, VmRSS, VmData, in bytes; empty where there is none."""
    sizes = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name in names:
                sizes[name] = int(value.split()[0]) * 1024
    return sizes


def forget_peak(pid: int) -> bool:
    """Start the peak of resident memory (VmHWM) anew; False where the kernel does not allow it."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # proc(5): reset the high-water mark
    except OSError:
        return False
    return True
