"""A plan in words: what is asked for, how much of it is left to run, and what will not be."""

import argparse
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.asked import idle
from benchmarks.datasets import exposure_set
from benchmarks.plan import Plan, Request
from benchmarks.suites import DETECTORS
from benchmarks.trial import NO_EXPOSURE, Trial


def planned(
    arguments: argparse.Namespace, request: Request, plan: Plan, left: int, where: str
) -> list[str]:
    """The lines of a plan, `left` of whose trials are to run on so many devices (`where`)."""
    trials = [one.trial for one in plan.trials]
    lines = [f"suite {request.suite}, recipe {request.recipe}, output {arguments.out}"]
    lines.append(_counted("detectors", (t.detector for t in trials)))
    for dataset in dict.fromkeys(t.dataset for t in trials):
        lines.append(_counted(dataset, (t.normal for t in trials if t.dataset == dataset)))
    lines.append(f"seeds: {_names(str(t.seed) for t in trials)}; exposure: {exposures(trials)}")
    lines.append(f"anomalies mixed in: {scenarios(trials)}")
    done = len(trials) - left
    lines.append(f"trials: {len(trials)}, done {done}, to run {left}; {where}")
    lines += idle(request, plan.trials)
    lines += [f"not run: {line}" for line in (*plan.left_out, *plan.missing)]
    return lines + [f"note: {line}" for line in plan.notes]


def exposures(trials: Sequence[Trial]) -> str:
    """What detectors are exposed to, and how many images of it."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        if trial.exposure is not None:
            found.setdefault(trial.exposure, []).append(_size(trial))
        elif DETECTORS[trial.detector].exposed:
            found["synthetic anomalies of the recipe"] = []
    told = [f"{name} ({_names(sizes)})" if any(sizes) else name for name, sizes in found.items()]
    return "; ".join(told) or "none"


def _size(trial: Trial) -> str:
    if trial.exposure in (None, NO_EXPOSURE):
        return ""
    most = exposure_set(str(trial.exposure)).most
    return str(trial.exposure_size or (f"up to {most}" if most else "all"))


def scenarios(trials: Sequence[Trial]) -> str:
    """What is mixed into the training rows, and of which detectors where not of all."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        found.setdefault(str(trial.scenario) or "none", []).append(trial.detector)
    everyone = {trial.detector for trial in trials}
    return "; ".join(
        name if {*detectors} == everyone else f"{name} ({_names(detectors)})"
        for name, detectors in found.items()
    )


def _counted(what: str, names: Iterator[str]) -> str:
    every = [*names]
    return f"{what} ({len({*every})}): {_names(every)}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
