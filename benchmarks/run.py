"""``python -m benchmarks.run``: sweep a suite, one row per trial, then every table and figure.

Exit codes: 0 all done, 1 scores regressed, 2 some trials failed, 3 internal error, 4 usage or data
missing (what is there has run), 130 interrupted (finished rows are kept).
"""

import argparse
import logging
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.console import Console
from benchmarks.datasets.base import DataMissing, data_root
from benchmarks.plan import Plan, Request, UsageError, chains, make_plan
from benchmarks.report import build
from benchmarks.store import Store
from benchmarks.suites import DETECTORS, RECIPES, SUITES
from benchmarks.task import Scenario

OK, FAILED, INTERNAL, USAGE, INTERRUPTED = 0, 2, 3, 4, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        arguments = parser().parse_args(argv)
    except SystemExit as stop:
        return USAGE if stop.code else OK
    console = Console()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        return run(arguments, console)
    except (UsageError, DataMissing, ValueError, OSError) as error:
        console.error(str(error))
        return USAGE
    except KeyboardInterrupt:
        console.error("interrupted; finished rows are kept, the same command goes on from here")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the door: what is left is our own fault, with its trace
        console.error(traceback.format_exc())
        return INTERNAL


def run(arguments: argparse.Namespace, console: "Console") -> int:
    """Plan, run what is not done yet, build tables and figures; returns the exit code."""
    request = asked(arguments)
    plan = make_plan(request)
    store = Store(arguments.out)
    finished = {} if arguments.dry_run and not arguments.out.exists() else store.finished()
    left = [one for one in plan.trials if one.digest not in finished]
    device, jobs = placed(arguments.device, arguments.jobs)
    console.plan(arguments, plan, len(left), device, jobs)
    if arguments.dry_run:
        return USAGE if plan.missing else OK
    writable(arguments.out)
    failed = sweep(left, request.root, store, (device, jobs), console) if left else 0
    files = build(arguments.out)
    console.results(arguments.out, {one.digest for one in plan.trials}, files)
    return verdict(plan, failed, console)


def sweep(left: list, root: Path, store: Store, where: tuple[str, int], console: "Console") -> int:
    """Run trials and show each row; returns how many failed."""
    from benchmarks.schedule import run_chains  # imports torch: not needed when all is done

    device, jobs = where
    failed = 0
    with console.progress(len(left)) as show:
        for row in run_chains(chains(left), root, store, device, min(jobs, len(left))):
            failed += row["status"] == "failed"
            show(row)
    return failed


def verdict(plan: Plan, failed: int, console: "Console") -> int:
    """The exit code, and a line for each thing that keeps it from 0."""
    for line in plan.missing:
        console.error(f"incomplete: {line}")
    if failed:
        console.error(f"{failed} trial(s) failed; the same command tries them again")
        return FAILED
    return USAGE if plan.missing else OK


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


def asked(arguments: argparse.Namespace) -> Request:
    """The request that the arguments make."""
    return Request(
        suite=arguments.suite,
        root=data_root(arguments.data_root),
        detectors=arguments.detectors,
        normals=arguments.normal,
        seeds=arguments.seeds,
        recipe=arguments.recipe,
        exposure=arguments.exposure,
        exposure_size=arguments.exposure_size,
        scenario=Scenario(arguments.labelled, arguments.known_classes, arguments.pollution),
    )


def seeds(text: str) -> tuple[int, ...]:
    """``0-4``, ``0,3`` or ``0-1,7`` as numbers."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not match:
            raise argparse.ArgumentTypeError(f"expected seeds such as 0-4 or 0,3, got {text!r}")
        first = int(match[1])
        found += range(first, int(match[2] or first) + 1)
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


def placed(device: str, jobs: int | None) -> tuple[str, int]:
    """Device and number of processes; UsageError for a device this machine does not have."""
    from baselines.deep import find_device

    try:
        found = find_device(device)
        if found.type == "cuda":
            import torch

            torch.cuda.get_device_properties(found)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {device}: {reason}; choose auto, cpu or cuda:N") from None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return str(found), jobs or (1 if found.type == "cuda" else cores or 1)


def writable(out: Path) -> None:
    """Raises OSError, in one line, where `out` cannot be made or written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise OSError(f"output folder {out} is not writable: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
