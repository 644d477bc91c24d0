"""From names to trials: what a command asks for, what of it is there, and what is left to do."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from baselines.describe import fields
from baselines.detector import Detector
from benchmarks.datasets import EXPOSURES, PREFIX, exposure_set
from benchmarks.datasets.base import DataMissing
from benchmarks.datasets.categories import Pictures
from benchmarks.datasets.held_back import SUFFIX
from benchmarks.disk import needed as needed_on_disk
from benchmarks.pretrained import weights_revision
from benchmarks.recipes import Setting
from benchmarks.scenario import Scenario
from benchmarks.starting import needed
from benchmarks.suites import DATASETS, DETECTORS, scenario_of
from benchmarks.sweeps import SUITES
from benchmarks.task import TaskSource
from benchmarks.trial import NO_EXPOSURE, Planned, Trial


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
    """Trials to have done, one line for each thing that was asked for but cannot be run, and what
    is to be known before they are (`notes`)."""

    trials: tuple[Planned, ...]
    missing: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()


def make_plan(request: Request) -> Plan:
    """Resolve a request. Raises UsageError on an unknown name.

    Missing and damaged data are named in the plan; if nothing at all can run, UsageError says so.
    """
    names, detectors, wanted = _chosen(request)
    trials: list[Planned] = []
    missing: list[str] = []
    left_out: list[str] = []
    revision = lru_cache(maxsize=None)(_data_revision)  # looks at files: once for all detectors
    for name in names:
        normals, absent = _normals(DATASETS[name], request.root, wanted)
        if absent:
            remedy = DATASETS[name].remedy
            left_out.append(f"{name}: {', '.join(absent)} missing; get them with: {remedy}")
        for detector, normal, varied in product(detectors, normals, _variations(request)):
            try:
                trials += _planned(varied, name, detector, normal, revision)
            except LeftOut as reason:
                left_out.append(str(reason))
            except (DataMissing, ValueError) as reason:  # missing or damaged; the rest can run
                missing.append(str(reason))
    if not trials:
        raise UsageError((missing or left_out or ["nothing to run"])[0])
    once = tuple({one.digest: one for one in trials}.values())  # variations may come to the same
    told = (tuple(dict.fromkeys(lines)) for lines in (missing, left_out, needed_on_disk(once)))
    return Plan(once, *told)


def _chosen(request: Request) -> tuple[Sequence[str], Sequence[str], set[str]]:
    """Data sets, detectors and normals that the request names; UsageError where it makes no
    sense."""
    suite = SUITES[choice("suite", request.suite, SUITES)]
    names, asked_for = suite.datasets, request.detectors or suite.detectors or DETECTORS
    detectors = [choice("detector", n, DETECTORS) for n in asked_for]
    asked = request.exposure
    if asked is not None and not asked.startswith(PREFIX):
        choice("exposure", asked, (*EXPOSURES, NO_EXPOSURE, f"{PREFIX}PATH"))
    if not (request.scenario.held_out or request.scenario.real):
        raise UsageError("--real-in-test: say how many of each kind are to train, with --real")
    known = {normal for name in names for normal in DATASETS[name].normals}
    return (
        names,
        [*dict.fromkeys(detectors)],
        {choice("class or category", n, known) for n in request.normals},
    )


def _variations(request: Request) -> list[Request]:
    """The request in each scenario and with each size of exposure that its suite sweeps over; a
    size that was asked for stands for the suite's."""
    suite = SUITES[request.suite]
    sizes = (request.exposure_size,) if request.exposure_size else suite.sizes or (None,)
    return [
        replace(request, scenario=scenario, exposure_size=size)
        for scenario, size in product(suite.scenarios or (request.scenario,), sizes)
    ]


def _normals(source: TaskSource, root: Path, wanted: set[str]) -> tuple[list[str], list[str]]:
    """Normals to plan for, and those that are left out since part of the data is not there; what
    is asked for by name is planned for, so that its absence counts."""
    asked = [normal for normal in source.normals if not wanted or normal in wanted]
    here = source.here(root)
    if wanted or not here:
        return asked, []
    return [n for n in asked if n in here], [n for n in asked if n not in here]


def choice(kind: str, name: str, known: Iterable[str]) -> str:
    """`name` if it is known; else UsageError with the choices."""
    if name in known:
        return name
    raise UsageError(f"unknown {kind} {name!r}; choose from: {', '.join(sorted(known))}")


def _data_revision(dataset: str, root: Path, normal: str, pictures: Pictures | None) -> str:
    return DATASETS[dataset].revision(root, normal, pictures)


def _planned(
    request: Request, dataset: str, detector: str, normal: str, revision: Callable[..., str]
) -> list[Planned]:
    """The trials of one detector on one normal; LeftOut, DataMissing or ValueError where there are
    none."""
    entry = DETECTORS[detector]
    if not entry.has(request.recipe, dataset):
        raise LeftOut(f"{detector} on {dataset}: no {request.recipe} recipe")
    setting = entry.setting(request.recipe, dataset)
    exposure = (request.exposure or setting.exposure) if entry.exposed else None
    scenario = scenario_of(entry, dataset, request.scenario)
    _refuse(request, dataset, detector, exposure)
    size = held = None
    revisions = {dataset: revision(dataset, request.root, normal, setting.pictures)}
    if exposure is not None and exposure != NO_EXPOSURE:
        revisions[f"exposure {exposure}"] = _revision(exposure, request.root)
        held = _held(exposure, request.root)
        size = _size(request.exposure_size, held, exposure_set(exposure).most)
    if (weights := needed(setting.detector)) is not None:
        revisions[f"weights {weights.name}"] = weights_revision(
            weights, request.root, f"{detector} on {dataset}"
        )
    rest = request.recipe, exposure, size, scenario, setting.pictures
    resolved = _resolved(setting, entry.make(request.recipe, dataset, scenario), held)
    return [
        Planned(Trial(detector, dataset, normal, seed, *rest), resolved, revisions)
        for seed in request.seeds
    ]


@lru_cache(maxsize=64)
def _held(exposure: str, root: Path) -> int:
    """How many images an exposure holds."""
    return exposure_set(exposure).count(root)


def _size(asked: int | None, held: int, most: int | None) -> int | None:
    """How many images of an exposure: None where that is as many as it gives unasked."""
    if asked is None or min(asked, held) == min(held, most or held):
        return None
    return min(asked, held)


def _revision(exposure: str, root: Path) -> str:
    """Of an exposure; DataMissing also names the one that is always there."""
    try:
        return exposure_set(exposure).revision(root)
    except DataMissing as lack:
        remedy = f"{lack.remedy} (or train with --exposure photos)"
        raise DataMissing(lack.title, lack.places, remedy) from None


def _refuse(request: Request, dataset: str, detector: str, exposure: str | None) -> None:
    """LeftOut where the data set has not the anomalies that the request trains with."""
    masked, asked = DATASETS[dataset].masked, request.scenario
    if asked.pollution and masked:
        raise LeftOut(f"{dataset}: no anomalies to pollute the training rows with")
    if asked.real and not masked:
        raise LeftOut(f"{dataset}: no kinds of defects to take real anomalies of")
    shown = () if exposure in (None, NO_EXPOSURE) else exposure_set(exposure).shows
    if dataset.removesuffix(SUFFIX) in shown:
        what = f"the exposure {exposure} would hold the normal class; choose another --exposure"
        raise LeftOut(f"{detector} on {dataset}: {what}")
    if exposure == NO_EXPOSURE and not asked.real:
        raise LeftOut(f"{detector} on {dataset}: no anomalies to train against without --real")


def _resolved(setting: Setting, detector: Detector, held: int | None) -> dict[str, Any]:
    """Every value of the detector that a trial would build, with its source and deviations; and how
    many images its exposure held, if it has one."""
    return {
        "detector": type(detector).__name__,
        "parameters": fields(detector),
        "source": setting.source,
        "deviations": list(setting.deviations),
    } | ({} if held is None else {"exposure_images": held})
