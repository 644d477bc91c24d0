"""Processes for groups: each is forked from a server that has imported everything and touched no
device, so that it starts in a few hundredths of a second, and whatever it does costs itself alone.

A worker ends with the process that started it, however that ends.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from typing import Any, ParamSpec, TypeVar

PRELOAD = ["benchmarks.worker"]
P = ParamSpec("P")
T = TypeVar("T")
_STARTING = threading.RLock()  # multiprocessing reads a child's status once, for whoever asks first
_SET_PDEATHSIG = 1
BLAS = "OPENBLAS_NUM_THREADS"
LINGER = 10.0  # seconds that a worker may take to end, once it has nothing to say
ANSWER = 120.0  # seconds that a function may take apart; a first look at a GPU takes a few


class Worker:
    """A process that runs ``work(connection, *arguments)``; `connection` is our end of its pipe."""

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        warm()
        self.connection, theirs = multiprocessing.Pipe()
        with _STARTING, _no_main(), theirs:
            context = multiprocessing.get_context("forkserver")
            self._process = context.Process(target=_serve, args=(work, theirs, arguments))
            self._process.start()

    def messages(self, seconds: Callable[[], float | None]) -> Iterator[Any]:
        """What the worker sends, until it ends. Raises TimeoutError when it is silent for longer
        than `seconds()`, which is asked anew for each message."""
        while True:
            if not wait([self.connection], seconds()):
                raise TimeoutError
            try:
                message = self.connection.recv()
            except (EOFError, OSError):  # it ended, or was killed while it wrote
                return
            yield message

    def kill(self) -> None:
        """End it now, whatever it does."""
        with _STARTING, suppress(ValueError):
            self._process.kill()

    def close(self) -> int:
        """Wait for the end, not for long; returns the exit code, of a signal its number below 0.

        A process that a driver holds, as that of a GPU that hangs may, ends when it is let go.
        """
        self.connection.close()
        if not wait([self._process.sentinel], LINGER):
            self.kill()
            if not wait([self._process.sentinel], LINGER):
                return -signal.SIGKILL
        with _STARTING:
            self._process.join()
            code = self._process.exitcode
            self._process.close()
        return code or 0


def warm() -> None:
    """Start the server, if it is not there yet; it imports while we go on."""
    with _STARTING, _no_main(), _one_thread(), _deaf():
        multiprocessing.set_forkserver_preload(PRELOAD)
        forkserver.ensure_running()


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started within it does not hear SIGTERM, which batch systems send to every process
    of a job: the parent decides when to stop."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def apart(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What `function` returns in a process of its own. Raises RuntimeError where it failed, or did
    not return in time."""
    worker = Worker(_answer, function, arguments, named)
    try:
        answers = list(worker.messages(lambda: ANSWER))
    except TimeoutError:
        worker.kill()
        worker.close()
        raise RuntimeError(f"{function.__name__} took longer than {ANSWER:g} s") from None
    if (code := worker.close()) or not answers:
        raise RuntimeError(f"{function.__name__} failed in a process of its own, exit code {code}")
    return answers[0]


def _answer(connection: Connection, function: Callable[..., Any], args: Any, named: Any) -> None:
    connection.send(function(*args, **named))


def _serve(work: Callable[..., None], connection: Connection, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    _end_with_parent()
    work(connection, *arguments)
    connection.close()


def _end_with_parent() -> None:
    """End when the parent does: by a thread that waits for it, and on Linux by the kernel, when the
    server goes, which lives no longer than the parent does."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let OpenBLAS, which starts its threads when it is imported, start none in the server: it must
    have one thread alone to be forked safely. Workers set their own number."""
    own = os.environ.get(BLAS)
    os.environ[BLAS] = "1"
    try:
        yield
    finally:
        os.environ.pop(BLAS)
        if own is not None:
            os.environ[BLAS] = own


@contextmanager
def _no_main() -> Iterator[None]:
    """Hide the main module: a worker needs nothing of it, and importing it again would cost time
    and, where it is a notebook, standard input or a script without a guard, fail."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
