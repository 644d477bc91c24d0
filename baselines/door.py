"""The door of a command line: whatever happens behind it becomes one line and an exit code."""

import traceback
from collections.abc import Callable

OK, FAILED, INTERNAL, USAGE, INTERRUPTED = 0, 2, 3, 4, 130


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
        return work()
    except refused as reason:
        error(told(reason))
        return USAGE
    except KeyboardInterrupt:
        error(interrupted)
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - what is left is our own fault
        error(traceback.format_exc())
        return INTERNAL
