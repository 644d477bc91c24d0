"""Files that are there whole or not at all, whatever kills their writer.

A file is written under a temporary name in its own folder, synced to the disk, renamed, and the
folder synced too, so that a name never stands for half of a file, not even after a power cut.
"""

import errno
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from benchmarks import locks
from benchmarks.faults import Unwritable

SUFFIX = ".tmp"
# Nothing reads these; before locks told who lives, they held the file's name and the process.
TEMPORARY = re.compile(rf"\.([0-9a-f]{{16}}|.+\.\d+){re.escape(SUFFIX)}")
YOUNG = 60.0  # seconds in which an empty file may be one that its writer is about to lock
ABANDONED = 86400.0  # seconds after which a file is abandoned where files cannot be locked
NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM)  # of a folder, on some systems


def replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write `path` whole or not at all; OSError leaves what was there as it was.

    The writer holds a lock on its temporary file, which the system frees when the process dies:
    so `abandoned` tells what a killed writer left from what is being written.
    """
    made = not path.parent.is_dir()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}{SUFFIX}")
    try:
        with temporary.open("xb") as file:
            with suppress(OSError):  # a file system without locks: then its age must tell
                locks.take(file.fileno())
            write(file)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    if made:
        sync(path.parent.parent)


def extend(path: Path, lines: Iterable[str]) -> None:
    """Append lines in one write; one that a killed writer left torn keeps to itself."""
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * torn + "".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def slug(text: str) -> str:
    """``text`` as a part of a file name: all but letters, digits, ``.`` and ``_`` becomes ``_``."""
    return re.sub(r"[^A-Za-z0-9._]", "_", text)


def sync(folder: Path) -> None:
    """Bring the names of a folder to the disk, where the system can."""
    try:
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def writable(out: Path) -> None:
    """Raises Unwritable where `out` cannot be made or written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise Unwritable(f"output folder {out} is not writable: {error.strerror}") from None


def temporaries(folder: Path) -> Iterator[Path]:
    """Our temporary files under `folder`, whether or not their writers live."""
    for path in sorted(folder.rglob(f".*{SUFFIX}")):
        if TEMPORARY.fullmatch(path.name):
            yield path


def abandoned(path: Path) -> bool:
    """Whether the writer of a temporary file is dead."""
    try:
        with path.open("rb") as file:
            free, stat = locks.take(file.fileno()), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    except OSError:
        return age(path.stat()) > ABANDONED
    return free and (stat.st_size > 0 or age(stat) > YOUNG)


def age(stat: os.stat_result) -> float:
    """Seconds between now and the last change; a clock that was set back makes none negative."""
    return abs(time.time() - stat.st_mtime)
