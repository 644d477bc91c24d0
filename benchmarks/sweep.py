"""One run of the command line: plan, run what is not done, then every table and figure."""

import argparse
import logging
import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from baselines.door import FAILED, OK, USAGE, entered
from benchmarks.arguments import parser, request_of
from benchmarks.asked import LOCAL, consistent, possible
from benchmarks.console import Console
from benchmarks.costs import Costs, recorded
from benchmarks.devices import CPU, DeviceError, find_devices
from benchmarks.engines import Unavailable, connected
from benchmarks.fastest import Most, alone, fastest
from benchmarks.faults import Unwritable
from benchmarks.groups import Engine, grouped
from benchmarks.heartbeat import announced
from benchmarks.isolate import warm
from benchmarks.machine import cores, provenance, threads
from benchmarks.plan import Plan, UsageError, make_plan
from benchmarks.planned import planned
from benchmarks.record import append
from benchmarks.report import build
from benchmarks.schedule import Placement, local, run_groups
from benchmarks.schema import DONE, Row
from benchmarks.seal import Seal
from benchmarks.store import Store
from benchmarks.trial import Planned
from benchmarks.watch import watching
from benchmarks.whole import writable
from benchmarks.witnesses import witnesses

# What is wrong with the command line, or around us; any other error is a fault of ours.
REFUSED = (UsageError, Unwritable, Unavailable, PermissionError, BrokenPipeError)
log = logging.getLogger(__name__)


def main(argv: Sequence[str], seal: Seal) -> int:
    """Run the command line; returns the exit code, as `benchmarks.run` states."""
    console = Console(argv)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    return entered(
        parser(),
        argv,
        lambda arguments: run(arguments, console, seal),
        REFUSED,
        "interrupted; finished rows are kept, the same command goes on from here",
    )


def run(arguments: argparse.Namespace, console: Console, seal: Seal) -> int:
    """Plan, run what is not done yet, build tables and figures; returns the exit code."""
    consistent(arguments)
    request = request_of(arguments)
    store = Store(arguments.out)
    try:
        plan, known = make_plan(request), store.statuses()
        possible(request, [one.trial for one in plan.trials])
        again = {digest for digest, status in known.items() if status != DONE}
        left = [one for one in plan.trials if one.digest not in known or one.digest in again]
        rows = store.rows() if left else []
    except ValueError as error:  # damaged data, or rows of another version
        raise UsageError(str(error)) from None
    seal.saw(witnesses(request.root))
    if not arguments.retry_failed:
        left = [one for one in left if one.digest not in again]
    placement = placed(arguments, len(left))
    where = f"{placement.slots} x {placement.kinds}"
    console.say(*planned(arguments, request, plan, len(left), where))
    if arguments.preview is not None:
        look(plan.trials, request.root, placement.devices[0].name, arguments.preview, console)
    if arguments.dry_run:
        return USAGE if plan.missing else OK
    writable(arguments.out)
    if left:
        costs = Costs([*rows, *recorded()], placement.devices[0].kind)
        with engaged(arguments, placement) as (engine, there):
            groups = grouped(left, costs, there.slots, together(arguments, there))
            sweep(
                run_groups(groups, request.root, store, there, engine), left, store, there, console
            )
        store.statuses()  # so that the next run need not read these rows
    seal.settle()
    settled = planned(arguments, request, plan, 0, f"1 x {placement.kinds}")
    return show(arguments, plan, settled, console, seal, bool(left))


def show(
    arguments: argparse.Namespace,
    plan: Plan,
    settled: Sequence[str],
    console: Console,
    seal: Seal,
    ran: bool,
) -> int:
    """Build tables and figures and print what came out; returns the exit code. Where all is done,
    the next run knows it at once, and says the plan in `settled` words."""
    files, asked = build(arguments.out), {one.digest for one in plan.trials}
    rows = [row for row in Store(arguments.out).rows() if row["digest"] in asked]
    tables = console.tables(rows)
    console.results(arguments.out, rows, files, tables)
    console.summary(arguments.out, rows, len(plan.trials), ran)
    code = verdict(plan, rows, console)
    if code == OK and arguments.preview is None:
        seal.keep(console.idle(settled, arguments.out, rows, tables))
    return code


def look(
    trials: Sequence[Planned], root: Path, device: str, folder: Path, console: Console
) -> None:
    """Write what each net will see into `folder`; a line for each that cannot be drawn."""
    from benchmarks.preview import previews

    count = 0
    for told, path in previews(trials, root, device, folder):
        count += path is not None
        if path is None:
            console.error(told)
    console.say(f"{count} previews of first batches in {folder}")


def together(arguments: argparse.Namespace, placement: Placement) -> Most:
    """How many trials like a given one are trained together here; alone, where engines may bring
    them to other machines."""
    if arguments.engine != LOCAL or placement.deterministic:
        return alone
    return fastest(placement.devices[0].kind, threads(placement.slots))


@contextmanager
def engaged(
    arguments: argparse.Namespace, placement: Placement
) -> Iterator[tuple[Engine, Placement]]:
    """The engine that was asked for, and how much it runs at once."""
    if arguments.engine == LOCAL:
        yield local, placement
        return
    options = dict(arguments.engine_option)
    with connected(
        arguments.engine, arguments.address, options, arguments.out, arguments.jobs
    ) as found:
        yield found.engine, replace(placement, devices=placement.devices[:1], jobs=found.slots)


def sweep(
    rows: Generator[Row, None, None],
    left: Sequence[Planned],
    store: Store,
    placement: Placement,
    console: Console,
) -> None:
    """Run trials, show each row as it comes, and record the run."""
    started, began = datetime.now(UTC), time.perf_counter()
    done, busy = 0, 0.0
    try:
        with (
            announced(store.out, left, placement.slots, console.command),
            watching(store.out, len(left), console.out) as show,
            closing(rows),  # its workers end before anything else does
        ):
            for row in rows:
                done += 1
                busy += row.get("total_seconds", 0.0)
                show(row)
    finally:
        run = {"command": console.command, "started": started.isoformat(), "trials": done}
        run |= {"seconds": time.perf_counter() - began, "busy_seconds": busy}
        run |= {"jobs": placement.slots, "device": placement.kinds}
        try:
            append(store.out, run | provenance())
        except OSError as error:  # how the run ended counts for more
            log.warning("%s: this run is not recorded (%s)", store.out, error)


def verdict(plan: Plan, rows: Sequence[Row], console: Console) -> int:
    """The exit code, and a line for each thing that keeps it from 0."""
    for line in plan.missing:
        console.error(f"incomplete: {line}")
    again = "the same command tries them again (unless with --no-retry-failed)"
    failed = sum(row["status"] != DONE for row in rows)
    if failed:
        console.error(f"{failed} trial(s) failed; {again}")
    if lost := len(plan.trials) - len(rows):
        console.error(f"{lost} trial(s) have no row any more; the same command does them")
    if failed or lost:
        return FAILED
    return USAGE if plan.missing else OK


def placed(arguments: argparse.Namespace, trials: int) -> Placement:
    """Devices and jobs for so many trials; UsageError for a device this machine does not have."""
    if trials and arguments.engine == LOCAL and not arguments.dry_run:
        warm()  # workers' modules are imported while we go on
    try:
        devices = find_devices(arguments.devices)
    except DeviceError as error:
        raise UsageError(f"--device {error}") from None
    jobs = arguments.jobs or (cores() if devices[0].kind == CPU else 1)
    jobs = max(1, min(jobs, math.ceil(trials / len(devices))))
    return Placement(devices, jobs, arguments.timeout, arguments.deterministic)
