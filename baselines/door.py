"""The door of every command line: what happens behind it becomes one line and an exit code."""

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

OK, FAILED, INTERNAL, USAGE, INTERRUPTED, TERMINATED = 0, 2, 3, 4, 130, 143
DEFAULT = signal.default_int_handler


class Terminated(KeyboardInterrupt):
    """SIGTERM, as `kill` and batch systems send it: an end as orderly as that by Ctrl-C."""


class Parser(argparse.ArgumentParser):
    """A command line that refuses what it cannot read in one line, and so do its subcommands."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{_command(self)}: error: {message}; see --help\n")


def positive(text: str) -> int:
    """The type of an option: a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def loading() -> None:
    """Ctrl-C ends a command (``python -m``) in one line while its code loads, which takes seconds,
    as it does behind the door. To be called by a package as it is imported, and by nothing else."""
    hears = threading.current_thread() is threading.main_thread()
    # Python calls a module so until it has found it, which its package is imported for.
    if hears and sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is DEFAULT:
        signal.signal(signal.SIGINT, _leave)


def entered(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    work: Callable[[argparse.Namespace], int],
    refused: tuple[type[Exception], ...] = (OSError, ValueError),
    interrupted: str = "interrupted",
) -> int:
    """The exit code of `work`, handed what `parser` reads in `argv`.

    That of bad usage where `parser` refuses, or where `work` raises what is `refused`; that of an
    interruption, or else that of our own fault, with its trace. Why is said on stderr, after the
    name of the command.
    """

    def tell(reason: str) -> None:
        print(f"{_command(parser)}: {reason}", file=sys.stderr, flush=True)

    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, DEFAULT)
    try:
        given = parser.parse_args(argv)
    except SystemExit as stop:
        return USAGE if stop.code else OK
    try:
        with ended_in_order():
            return work(given)
    except refused as reason:
        tell(" ".join(str(reason).split()))
        return USAGE
    except KeyboardInterrupt as reason:
        tell(interrupted)
        return TERMINATED if isinstance(reason, Terminated) else INTERRUPTED
    except Exception:  # noqa: BLE001 - what is left is our own fault
        tell(traceback.format_exc())
        return INTERNAL


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Within it, SIGTERM raises `Terminated`; in the main thread only, for no other hears it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _leave(number: int, frame: FrameType | None) -> None:
    """At once: an exception would reach whatever is being imported, C code among it."""
    print("interrupted", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)


def _command(parser: argparse.ArgumentParser) -> str:
    return parser.prog.removeprefix("python -m ")
