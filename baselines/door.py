"""The door of every command line: what happens behind it becomes one line and an exit code."""

import argparse
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

OK, FAILED, INTERNAL, USAGE, INTERRUPTED, TERMINATED = 0, 2, 3, 4, 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM, as `kill` and batch systems send it: an end as orderly as that by Ctrl-C."""


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
        command = parser.prog.removeprefix("python -m ")
        print(f"{command}: {reason}", file=sys.stderr, flush=True)

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
