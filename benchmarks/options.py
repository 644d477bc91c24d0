"""What the text of an option means; argparse names the option where it means nothing."""

import argparse
import re
import sys

from baselines.door import positive
from benchmarks.datasets import PREFIX
from benchmarks.engines import option

ALL = sys.maxsize  # of an exposure: more than any holds


def setting(text: str) -> tuple[str, object]:
    """``name=value``, the value as in JSON if it is."""
    try:
        return option(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def duration(text: str) -> float:
    """Seconds, of ``2h``, ``90m``, ``30s`` or ``1h30m``."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    if not (hours or minutes or seconds):
        raise argparse.ArgumentTypeError(
            f"expected a duration such as 2h, 90m or 30s, got {text!r}"
        )
    return 3600.0 * hours + 60 * minutes + seconds


def size(text: str) -> int:
    """A whole number of at least 1, or ``all``."""
    return ALL if text == "all" else positive(text)


def exposure(text: str) -> str:
    """The name of an exposure; one from a folder names the folder."""
    if text.startswith(PREFIX) and not text.removeprefix(PREFIX).strip():
        raise argparse.ArgumentTypeError(f"no folder behind {PREFIX}; write {PREFIX}PATH")
    return text


def share(text: str) -> float:
    """A number in [0, 1)."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a share in [0, 1), got {text!r}")
    return value


def natural(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)
