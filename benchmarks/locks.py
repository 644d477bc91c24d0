"""Locks on files that the operating system frees when their process dies, killed or not.

``flock``, and not the `filelock` package: a lock file that is removed must not be locked by one
who opened it before and one who made it anew, which only a look at the inode after locking tells.
"""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.faults import Unwritable

LOOK = 0.2  # seconds between two looks at a lock that is waited for
log = logging.getLogger(__name__)


def take(fd: int) -> bool:
    """Lock an open file; False where another holds it, OSError where files cannot be locked."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Try to hold the lock file `path`: True while this process has it, False if another has.

    It is removed at the end, so what lies there is held or was left by a killed process. Nobody
    waits. Another attempt by the same process is refused like a stranger's. A child that was
    forked while the lock is held keeps it until both are gone.

    Over NFS this holds between machines where the server locks (version 4, or 3 with lockd; Linux
    since 2.6.12 sends ``flock`` to it) and a dead machine's locks are free when its lease ends.
    Where files cannot be locked (``nolock`` mounts lock within one machine only, some cluster file
    systems not at all), a warning says so and all are given True: work may be done twice then.
    Raises Unwritable where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = _opened(path)
    except OSError as error:
        raise Unwritable(f"lock {path} cannot be made: {error.strerror or error}") from error
    if fd is None:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):  # a folder gone read-only meanwhile: what was done is not undone
            path.unlink()  # before it is freed: no one else can hold this inode
        os.close(fd)


@contextmanager
def waited(path: Path, meanwhile: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold the lock file `path` as `held` does, however long another has it; `meanwhile` is called
    every LOOK seconds until then."""
    while True:
        with held(path) as ours:
            if ours:
                yield
                return
        meanwhile()
        time.sleep(LOOK)


def _opened(path: Path) -> int | None:
    """The locked file, or None where another has it."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            free = take(fd)
        except OSError as error:
            log.warning("%s cannot be locked (%s); work may be done twice", path, error.strerror)
            return fd
        if free and _is(fd, path):
            return fd
        os.close(fd)
        if not free:
            return None


def _is(fd: int, path: Path) -> bool:
    """Whether the open file is still the one of that name; opened, since NFS asks the server only
    then."""
    try:
        with path.open("rb") as again:
            return os.path.samestat(os.fstat(fd), os.fstat(again.fileno()))
    except FileNotFoundError:
        return False
