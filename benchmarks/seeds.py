"""Seeds as they are written at the command line."""

import argparse
import re


def seeds(text: str) -> tuple[int, ...]:
    """``0-4``, ``0,3`` or ``0-1,7`` as numbers."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not match:
            raise argparse.ArgumentTypeError(f"expected seeds such as 0-4 or 0,3, got {text!r}")
        first = int(match[1])
        last = int(match[2] or first)
        if last < first:
            raise argparse.ArgumentTypeError(f"the range {part} is empty; write {last}-{first}")
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))
