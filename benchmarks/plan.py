"""From names to trials: what a command asks for, what of it is there, and what is left to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from baselines.describe import describe
from benchmarks.datasets import EXPOSURES
from benchmarks.datasets.base import DataMissing
from benchmarks.suites import DATASETS, DETECTORS, SUITES, Entry, scenario_of
from benchmarks.task import Scenario
from benchmarks.trial import Planned, Trial


class LeftOut(Exception):
    """A detector or data set has no part in what was asked for; one line says why."""


class UsageError(Exception):
    """What was asked for cannot be run: one line with the choices or the remedy."""


@dataclass(frozen=True)
class Request:
    """What was asked for at the command line; None and empty mean the suite's own choice."""

    suite: str
    root: Path
    detectors: Sequence[str] = ()
    normals: Sequence[str] = ()
    seeds: Sequence[int] = (0,)
    recipe: str = "fast"
    exposure: str | None = None
    exposure_size: int | None = None
    scenario: Scenario = Scenario(labelled=0.05)


@dataclass(frozen=True)
class Plan:
    """Trials to have done, and one line for each thing that was asked for but cannot be run."""

    trials: tuple[Planned, ...]
    missing: tuple[str, ...]
    left_out: tuple[str, ...]


def make_plan(request: Request) -> Plan:
    """Resolve a request. Raises UsageError on an unknown name, ValueError on damaged data.

    Missing data are named in the plan; if nothing at all can run for it, UsageError says so.
    """
    names = SUITES[choice("suite", request.suite, SUITES)].datasets
    detectors = [choice("detector", n, DETECTORS) for n in request.detectors or DETECTORS]
    if request.exposure is not None:
        choice("exposure", request.exposure, EXPOSURES)
    known = {normal for name in names for normal in DATASETS[name].normals}
    wanted = {choice("normal", normal, known) for normal in request.normals}
    trials: list[Planned] = []
    missing: list[str] = []
    left_out: list[str] = []
    for name, detector in product(names, dict.fromkeys(detectors)):
        normals = [n for n in DATASETS[name].normals if not wanted or n in wanted]
        try:
            trials += _planned(request, name, detector, normals)
        except LeftOut as reason:
            left_out.append(str(reason))
        except DataMissing as reason:
            missing.append(str(reason))
    if not trials:
        raise UsageError((missing or left_out or ["nothing to run"])[0])
    return Plan(tuple(trials), tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(left_out)))


def choice(kind: str, name: str, known: Iterable[str]) -> str:
    """`name` if it is known; else UsageError with the choices."""
    if name in known:
        return name
    raise UsageError(f"unknown {kind} {name!r}; choose from: {', '.join(sorted(known))}")


def _planned(
    request: Request, dataset: str, detector: str, normals: Sequence[str]
) -> list[Planned]:
    """The trials of one detector on one data set; LeftOut or DataMissing where there are none."""
    entry = DETECTORS[detector]
    if not entry.has(request.recipe, dataset):
        raise LeftOut(f"{detector} on {dataset}: no {request.recipe} recipe")
    if request.scenario.pollution and DATASETS[dataset].masked:
        raise LeftOut(f"{dataset}: no anomalies to pollute the training rows with")
    setting = entry.setting(request.recipe, dataset)
    exposure = (request.exposure or setting.exposure) if entry.exposed else None
    if exposure == dataset:
        raise LeftOut(f"{detector} on {dataset}: the exposure would hold the normal class")
    revisions = {dataset: DATASETS[dataset].revision(request.root)}
    if exposure is not None:
        revisions[f"exposure {exposure}"] = EXPOSURES[exposure].revision(request.root)
    resolved = _resolved(entry, request.recipe, dataset)
    return [
        Planned(
            Trial(
                detector,
                dataset,
                normal,
                seed,
                request.recipe,
                exposure,
                request.exposure_size if exposure else None,
                scenario_of(entry, dataset, request.scenario),
            ),
            resolved,
            revisions,
        )
        for normal in normals
        for seed in request.seeds
    ]


def _resolved(entry: Entry, recipe: str, dataset: str) -> dict[str, Any]:
    """Every value of the detector that a trial would build, with its source and deviations."""
    setting = entry.setting(recipe, dataset)
    return {
        "detector": type(setting.detector).__name__,
        "parameters": describe(setting.detector.get_params(deep=False)),
        "source": setting.source,
        "deviations": list(setting.deviations),
    }


def chains(trials: Iterable[Planned]) -> list[list[Planned]]:
    """Trials in the order to run them: those that may share an autoencoder (same data, normal and
    seed, with pretraining) as one chain, its autoencoder first; every other trial by itself.
    The longest kinds come first, so that no device waits at the end."""
    shared: dict[tuple[str, str, int], list[Planned]] = {}
    single: list[list[Planned]] = []
    for one in trials:
        parameters = one.resolved["parameters"]
        if "pretraining" in parameters or one.resolved["detector"] == "Autoencoder":
            t = one.trial
            shared.setdefault((t.dataset, t.normal, t.seed), []).append(one)
        else:
            single.append([one])
    order = list(DETECTORS)
    for chain in shared.values():
        chain.sort(key=lambda one: order.index(one.trial.detector))
    return [*shared.values(), *single]
