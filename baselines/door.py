"""The door of a command line: whatever happens behind it becomes one line and an exit code."""

import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

OK, FAILED, INTERNAL, USAGE, INTERRUPTED, TERMINATED = 0, 2, 3, 4, 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM, as `kill` and batch systems send it: an end as orderly as that by Ctrl-C."""


def guarded(
    work: Callable[[], int],
    refused: tuple[type[Exception], ...],
    error: Callable[[str], None],
    interrupted: str = "interrupted",
    told: Callable[[Exception], str] = str,
) -> int:
    """The exit code of `work`; that of bad usage where it raises what is `refused`, that of an
    interruption, or else that of our own fault, with its trace. `error` is told why, of what is
    refused in the words of `told`."""
    try:
        with ended_in_order():
            return work()
    except refused as reason:
        error(told(reason))
        return USAGE
    except KeyboardInterrupt as reason:
        error(interrupted)
        return TERMINATED if isinstance(reason, Terminated) else INTERRUPTED
    except Exception:  # noqa: BLE001 - what is left is our own fault
        error(traceback.format_exc())
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
