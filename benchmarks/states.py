"""What the files in ``OUT/state`` say, and which of them the dead left. Never imports torch."""

import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.schema import Row

STATE = "state"
ALIVE, DEAD, SILENT = "alive", "dead", "silent"
QUIET = 120.0  # seconds without a sign of life from another machine; clocks differ a little
PROC = Path("/proc")


def label(trial: Mapping[str, Any]) -> str:
    """A trial, as progress and plans name it."""
    return "/".join(str(trial[k]) for k in ("dataset", "detector", "normal", "recipe", "seed"))


def identity() -> dict[str, Any]:
    """What tells this process from all others, on any machine, before and after it."""
    pid = os.getpid()
    return {"host": platform.node(), "boot": boot(), "pid": pid, "born": born(pid)}


@lru_cache(maxsize=1)
def boot() -> str | None:
    """A name of this machine's start, where the system has one."""
    with suppress(OSError):
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return None


def born(pid: int) -> str | None:
    """When a process began, in whatever the system counts; None where there is none of that
    number, or the system does not tell."""
    with suppress(OSError, IndexError):
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    return None


def life(said: Mapping[str, Any], when: datetime | None = None) -> str:
    """Whether who said this is alive; `SILENT` where it is on another machine and has said nothing
    for long."""
    if said.get("host") == platform.node():
        if said.get("boot") != boot():
            return DEAD
        if PROC.exists():
            return ALIVE if born(said["pid"]) == said.get("born") else DEAD
        return ALIVE if _exists(said["pid"]) else DEAD
    return SILENT if "beat" in said and since(said["beat"], when) > QUIET else ALIVE


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def since(moment: str, when: datetime | None = None) -> float:
    """Seconds from a moment to now."""
    return ((when or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()


def said(out: Path, kind: str) -> list[tuple[Path, Row]]:
    """What the runs (``run``) or workers (``worker``) of a folder say, and when they last did; torn
    files are passed over."""
    found = []
    for path in sorted((out / STATE).glob(f"{kind}-*.json")):
        with suppress(OSError, ValueError):
            one = json.loads(path.read_bytes())
            if isinstance(one, dict) and isinstance(one.get("pid"), int):
                found.append((path, {"beat": _time(path)} | one))
    return found


def _time(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()


def workers(out: Path) -> list[Row]:
    """Workers that are not known to be dead, by slot, each with its `life`."""
    found = [one | {"life": life(one)} for _, one in said(out, "worker")]
    return sorted((w for w in found if w["life"] != DEAD), key=lambda w: (w["host"], w["slot"]))


def runs(out: Path) -> list[Row]:
    """Runs of a folder, oldest first, each with its `life`; one that ended is dead."""
    found = [one | {"life": DEAD if one["ended"] else life(one)} for _, one in said(out, "run")]
    return sorted(found, key=lambda run: run["started"])


def clear(out: Path) -> None:
    """Remove what the dead of this machine left, and the runs that ended."""
    for kind in ("worker", "run"):
        for path, one in said(out, kind):
            if one.get("ended") or life(one) == DEAD:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
