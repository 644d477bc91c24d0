"""``python -m benchmarks.run``: sweep a suite, one row per trial, then every table and figure.

Exit codes: 0 all done, 1 kept for regressed scores, 2 some trials failed, 3 internal error, 4 usage
or data missing (what is there has run), 130 interrupted (finished rows are kept).
"""

import argparse
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.arguments import parser
from benchmarks.console import Console
from benchmarks.datasets.base import data_root
from benchmarks.plan import Plan, Request, UsageError, chains, make_plan
from benchmarks.record import append
from benchmarks.report import build
from benchmarks.store import Store
from benchmarks.task import Scenario
from benchmarks.trial import Planned

OK, FAILED, INTERNAL, USAGE, INTERRUPTED = 0, 2, 3, 4, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        arguments = parser().parse_args(argv)
    except SystemExit as stop:
        return USAGE if stop.code else OK
    console = Console(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        return run(arguments, console)
    except (UsageError, OSError) as error:
        console.error(str(error))
        return USAGE
    except KeyboardInterrupt:
        console.error("interrupted; finished rows are kept, the same command goes on from here")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the door: what is left is our own fault, with its trace
        console.error(traceback.format_exc())
        return INTERNAL


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Plan, run what is not done yet, build tables and figures; returns the exit code."""
    request = asked(arguments)
    store = Store(arguments.out)
    try:
        plan, finished = make_plan(request), store.finished()
    except ValueError as error:  # damaged data, or rows of another version
        raise UsageError(str(error)) from None
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


def sweep(
    left: Sequence[Planned], root: Path, store: Store, where: tuple[str, int], console: Console
) -> int:
    """Run trials and show each row, and record the run; returns how many trials failed."""
    from benchmarks.evaluate import provenance  # torch is not needed when all is done
    from benchmarks.schedule import run_chains

    device, jobs = where[0], min(where[1], len(left))
    started, began = datetime.now(UTC), time.perf_counter()
    done = failed = 0
    try:
        with console.progress(len(left)) as show:
            for row in run_chains(chains(left), root, store, device, jobs):
                done += 1
                failed += row["status"] == "failed"
                show(row)
    finally:
        run = {"command": console.command, "started": started.isoformat(), "trials": done}
        run |= {"seconds": time.perf_counter() - began, "jobs": jobs, "device": device}
        append(store.out, run | provenance())
    return failed


def verdict(plan: Plan, failed: int, console: Console) -> int:
    """The exit code, and a line for each thing that keeps it from 0."""
    for line in plan.missing:
        console.error(f"incomplete: {line}")
    if failed:
        console.error(f"{failed} trial(s) failed; the same command tries them again")
        return FAILED
    return USAGE if plan.missing else OK


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


def placed(device: str, jobs: int | None) -> tuple[str, int]:
    """Device and number of processes; UsageError for a device this machine does not have."""
    from baselines.deep import find_device
    from benchmarks.schedule import cores

    try:
        found = find_device(device)
        if found.type == "cuda":
            import torch

            torch.cuda.get_device_properties(found)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {device}: {reason}; choose auto, cpu or cuda:N") from None
    return str(found), jobs or (1 if found.type == "cuda" else cores())


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
