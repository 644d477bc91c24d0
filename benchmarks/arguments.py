"""The arguments of ``python -m benchmarks.run``."""

import argparse
import re
from pathlib import Path

from benchmarks.suites import DETECTORS, RECIPES, SUITES


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Sweep a suite of one-class anomaly detectors; a rerun does what is missing.",
    )
    p.add_argument("--suite", default="quick", metavar="NAME", help=f"{', '.join(SUITES)}")
    p.add_argument(
        "--detectors", nargs="+", default=[], metavar="NAME", help=f"of: {', '.join(DETECTORS)}"
    )
    p.add_argument(
        "--normal", nargs="+", default=[], metavar="NAME", help="classes or categories to be normal"
    )
    p.add_argument("--seeds", type=seeds, default=(0,), metavar="0-4", help="e.g. 0-4 or 0,3")
    p.add_argument("--recipe", choices=RECIPES, default="fast", help="ours, or the papers'")
    p.add_argument("--exposure", metavar="NAME", help="anomalies to train against")
    p.add_argument("--exposure-size", type=positive, metavar="K", help="how many of them")
    p.add_argument(
        "--labelled",
        type=share,
        default=0.05,
        metavar="SHARE",
        help="known anomalies for Deep SAD, as a share of its training rows",
    )
    p.add_argument(
        "--known-classes", type=positive, default=1, metavar="K", help="classes they come from"
    )
    p.add_argument(
        "--pollution",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="hidden anomalies among the unlabelled training rows",
    )
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
    p.add_argument(
        "--jobs", type=positive, metavar="N", help="processes (default: cores on a CPU, 1 on a GPU)"
    )
    p.add_argument("--data-root", type=Path, metavar="DIR", help="default: $FCDD_DATA or a cache")
    p.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="default: out")
    p.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    return p


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


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def share(text: str) -> float:
    """A number in [0, 1)."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a share in [0, 1), got {text!r}")
    return value
