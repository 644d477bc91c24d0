"""The machine and the code that trials run on: what a row says of them. Never imports torch."""

import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

LIBRARIES = ("torch", "numpy", "scikit-learn", "pyod", "fcdd-benchmark")
PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")


def now() -> str:
    """This moment, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@lru_cache(maxsize=1)
def provenance() -> dict[str, Any]:
    """Versions of the libraries, the commit of this checkout, and the machine."""
    return {
        "versions": versions(LIBRARIES),
        "commit": commit(),
        "host": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
    }


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for name in libraries:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def commit() -> str | None:
    """Commit of the checkout this file lies in, with a + where it has local changes; else None."""
    folder = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def processor() -> str:
    """Name of the processor."""
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def cores() -> int:
    """Processor cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads(workers: int) -> int:
    """Threads of each of so many workers: their share of the cores, and not more than
    OMP_NUM_THREADS, where it is set."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    most = int(asked) if asked.isdigit() and int(asked) else cores()
    return max(1, min(most, cores() // workers))


def memory() -> int:
    """Bytes of memory that are free to take: of this machine, or of its control group."""
    free = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):
        for line in (PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free.append(int(line.split()[1]) * 1024)
    with suppress(OSError, ValueError):  # "max" where there is no limit
        limit = int((CGROUP / "memory.max").read_text())
        free.append(limit - int((CGROUP / "memory.current").read_text()))
    return max(0, min(free))


def oom_kills() -> int:
    """How many processes were killed for want of memory so far, here or in the control group."""
    count = 0
    for path, name in ((PROC / "vmstat", "oom_kill"), (CGROUP / "memory.events", "oom_kill")):
        with suppress(OSError):
            lines = [line.split() for line in path.read_text().splitlines()]
            count += sum(int(parts[1]) for parts in lines if parts[0] == name)
    return count


def forget_peak() -> None:
    """Let `peak_memory` count from here, where the system can."""
    with suppress(OSError):
        (PROC / "self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Most bytes that this process held since `forget_peak`; since its start, where the system
    does not tell."""
    with suppress(OSError):
        for line in (PROC / "self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
