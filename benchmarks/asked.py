"""Whether what a command asks for goes together, is possible, and has an effect."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.datasets.base import DataMissing
from benchmarks.engines import ENGINES
from benchmarks.options import ALL
from benchmarks.plan import Request, UsageError
from benchmarks.scenario import Impossible, Scenario
from benchmarks.suites import DATASETS, DETECTORS
from benchmarks.sweeps import SUITES
from benchmarks.trial import NO_EXPOSURE, Planned, Trial

LOCAL = "local"
USUAL = Scenario(labelled=0.05)  # unless another is asked for
LABELS = ("--labelled", "--known-classes", "--pollution")


def consistent(arguments: argparse.Namespace) -> None:
    """Raises UsageError for options of an engine without one."""
    given = {"--address": arguments.address, "--engine-option": arguments.engine_option}
    wrong = [name for name, value in given.items() if value]
    if arguments.engine == LOCAL and wrong:
        raise UsageError(f"{wrong[0]}: for --engine {', '.join(ENGINES)}; name one, or leave it")


def possible(request: Request, trials: Sequence[Trial]) -> None:
    """Raises UsageError where a scenario that was asked for wants more anomalies than there are.

    It reads labels and lists of files, so only what differs from the usual is looked at.
    """
    if request.scenario == USUAL or SUITES[request.suite].scenarios:
        return
    asked = {(t.dataset, t.normal, replace(t.scenario, shown=True)): t.seed for t in trials}
    for (dataset, normal, scenario), seed in asked.items():
        try:
            DATASETS[dataset].check(request.root, normal, scenario, seed)
        except Impossible as reason:
            raise UsageError(f"{dataset}, {normal} normal: {reason}; ask for less") from None
        except (DataMissing, ValueError):  # the run says so
            continue


def idle(request: Request, plan: Sequence[Planned]) -> Iterator[str]:
    """A line for each option that changes none of the trials planned, and why."""
    trials = [one.trial for one in plan]
    asked, swept = request.scenario, SUITES[request.suite].scenarios
    values = (asked.labelled, asked.known_classes, asked.pollution)
    usual = (USUAL.labelled, USUAL.known_classes, USUAL.pollution)
    given = [f"{n} {v:g}" for n, v, u in zip(LABELS, values, usual, strict=True) if v != u]
    if given and swept:
        yield f"no effect: {', '.join(given)} (suite {request.suite} has values of its own)"
    elif given and not any(_labelled(trial) for trial in trials):
        told = ", ".join(one for one in given if not one.startswith(LABELS[-1]))
        if told:
            yield f"no effect: {told} (none of these takes known anomalies)"
    if asked.real and not any(trial.scenario.real for trial in trials):
        yield f"no effect: --real {asked.real} (none of these trains against anomalies)"
    yield from _idle_exposure(request, plan)


def _labelled(trial: Trial) -> bool:
    return DETECTORS[trial.detector].labelled and not DATASETS[trial.dataset].masked


def _idle_exposure(request: Request, plan: Sequence[Planned]) -> Iterator[str]:
    exposed = [one for one in plan if one.trial.exposure is not None]
    held = {
        one.trial.exposure: one.resolved["exposure_images"]
        for one in exposed
        if one.trial.exposure != NO_EXPOSURE
    }
    name, size = request.exposure, request.exposure_size
    if name is not None and not exposed:
        yield f"no effect: --exposure {name} (none of these is exposed to anomalies)"
    if size is not None and not held:
        yield f"no effect: --exposure-size {_size(size)} (none of these is exposed to a data set)"
    for one, count in held.items():
        if size is not None and count < size < ALL:
            yield f"--exposure-size {size}: {one} holds {count}, all of which are taken"


def _size(size: int) -> str:
    return "all" if size == ALL else str(size)
