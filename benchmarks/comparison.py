"""Ours beside each number that the papers print, or why there is none, and how they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import deviations, published
from benchmarks.layouts import LAYOUTS, MEAN, STD, Layout
from benchmarks.names import title
from benchmarks.remarks import why
from benchmarks.shelf import each
from benchmarks.store import DONE, newest
from benchmarks.tables import spread

# Published methods that are not part of this benchmark.
ELSEWHERE = {
    "anogan", "autoencoder_ssim", "cnnfd", "focal_hendrycks", "gdr", "geo", "geo_plus",
    "geo_plus_oe", "iforest_hybrid", "kde_hybrid", "ocsvm_hybrid", "p_net", "smai", "ss_dgm",
    "ssad", "ssad_hybrid", "supervised_classifier", "vevae",
}  # fmt: skip
HELD_OUT = "held out"  # in a scenario: real anomalies that train are not tested
NOT_RUN = {"imagenet30": "not run: ImageNet's images must be asked for"}
VARIANT = ["detector", "recipe", "exposure", "scenario"]
OWN = [
    "ours",
    "ours_std",
    "seeds",
    "ours_detector",
    "ours_recipe",
    "ours_exposure",
    "ours_scenario",
]

Trials = Mapping[tuple[str, str, str], pd.DataFrame]  # by dataset, detector and case


@dataclass(frozen=True)
class Run:
    """What we have for one detector in one case: by normal (mean, std, seeds), and what failed."""

    variant: tuple[str, ...] = ()
    measured: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    tried: bool = False
    failed: Mapping[str, str] = field(default_factory=dict)
    deviations: str | None = None  # of the recipe, as in the frame

    def beside(self, number: Any) -> tuple[Any, ...]:
        """``OWN`` and the remark on one published number."""
        if number.normal in self.measured:
            found = (*self.measured[number.normal], *self.variant)
            return (*found, self._difference(number))
        return (np.nan, np.nan, 0, *[""] * len(VARIANT), self._lack(number))

    def _lack(self, number: Any) -> str:
        if number.detector in ELSEWHERE:
            return "method not part of this benchmark"
        several = number.normal in (MEAN, STD)
        if number.normal in self.failed or (several and self.failed):
            reason = self.failed.get(number.normal) or next(iter(self.failed.values()))
            return f"failed: {reason}"
        if self.tried:
            return "not run on every class" if several else "not run on this class"
        return NOT_RUN.get(number.dataset, "not run")

    def _difference(self, number: Any) -> str:
        detector, recipe, exposure, scenario = self.variant
        told = [deviations.told(recipe, self.deviations)]
        if detector not in (number.detector, "fcdd"):
            told.append(f"ours is {title(detector)}")
        if HELD_OUT in scenario:
            told.append("ours tests without the anomalies trained with, FCDD's code with them")
        seeds = int(self.measured[number.normal][2])
        known = published.known_classes(number.dataset, scenario, seeds)
        told.append(f"ours: {known}" if known else "")
        told.append(published.other_exposure(exposure, number.exposure))
        if "chosen on test data" in number.note:
            told.append("theirs has parameters chosen on test data")
        return "; ".join(text for text in told if text)


def beside(frame: pd.DataFrame) -> pd.DataFrame:
    """One line for each published number of the papers' tables, in print order.

    Columns: ``name`` of the table, ``line``, the published columns, ``ours``, ``ours_std``,
    ``seeds``, ``ours_detector``, ``ours_recipe``, ``ours_exposure``, ``ours_scenario``,
    ``difference``, and ``remark``: why there is no number of ours, or how its protocol differs
    from theirs.
    """
    trials, found = _by_case(newest(frame)), []
    for name, layout in LAYOUTS.items():
        theirs = layout.numbers()
        runs: dict[tuple[str, ...], Run] = {}
        lines = []
        for number in each(theirs):
            case = _key((number.labelled, number.known_classes, number.pollution))
            key = (number.dataset, number.detector, number.metric, case)
            if key not in runs:
                runs[key] = _run(layout, trials, number, case)
            lines.append(runs[key].beside(number))
        own = pd.DataFrame(lines, columns=[*OWN, "remark"], index=theirs.index)
        found.append(theirs.join(own).assign(name=name))
    both = pd.concat(found, ignore_index=True)
    first = ["name", "line"]
    both = both[[*first, *(column for column in both if column not in first)]]
    return both.assign(difference=both["ours"].astype(float) - both["mean"])


def _by_case(trials: pd.DataFrame) -> Trials:
    """Trials by data set, the papers' detector and case; other scenarios than theirs drop out."""
    named = trials["scenario"].astype(object).where(trials["scenario"].notna(), "")
    groups = trials.assign(scenario=named).groupby(["dataset", "detector", "scenario"])
    found: dict[tuple[str, str, str], pd.DataFrame] = {}
    for (dataset, detector, scenario), group in groups:
        name, case = published.known_as(str(detector), str(scenario))
        if case is not None:
            key = (str(dataset), name, _key(case))
            found[key] = pd.concat([found[key], group]) if key in found else group
    return found


def _key(case: Sequence[float]) -> str:
    return " ".join(f"{share:g}" for share in case)


def _run(layout: Layout, trials: Trials, number: Any, case: str) -> Run:
    tried = trials.get((number.dataset, number.detector, case))
    if tried is None and number.detector == "deep_sad":  # without labels it is Deep SVDD
        tried = trials.get((number.dataset, "deep_svdd", case))
    if tried is None:
        return Run()
    broken = tried[tried["status"] != DONE]
    failed = {str(trial["normal"]): why(trial) for _, trial in broken.iterrows()}
    scored = tried[tried["metric"] == number.metric]
    if scored.empty:
        return Run(tried=True, failed=failed)
    variant, scored = _preferred(scored, number)
    differing = deviations.common(scored["deviations"])
    return Run(variant, _measured(layout, scored), True, failed, differing)


def _preferred(scored: pd.DataFrame, number: Any) -> tuple[tuple[str, ...], pd.DataFrame]:
    """The variant that covers most normals; if even, the one that is closest to the paper's."""

    def key(item: tuple[Any, pd.DataFrame]) -> tuple[Any, ...]:
        (detector, recipe, exposure, scenario), part = item
        exact = (recipe != "paper", exposure != number.exposure, HELD_OUT in scenario)
        plain = (":" in exposure, detector != number.detector)
        return (-part["normal"].nunique(), *exact, *plain, *item[0])

    filled = scored.assign(exposure=scored["exposure"].astype(object).fillna(""))
    variant, part = min(filled.groupby(VARIANT), key=key)
    return tuple(map(str, variant)), part


def _measured(layout: Layout, scored: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    """Mean, std and number of seeds by normal; what covers all classes only if we have them."""
    cells = scored.pivot_table(index="normal", columns="seed", values="value")
    means, stds, counts = spread(cells, list(cells.index))
    if layout.experiments:
        stds[MEAN] = scored["value"].std(ddof=1)
    means[STD], stds[STD], counts[STD] = means.drop(MEAN).std(ddof=1), np.nan, counts[MEAN]
    found: dict[str, tuple[float, ...]] = {
        str(name): (means[name], stds[name], counts[name]) for name in means.index
    }
    if len(cells) != published.CLASSES[scored["dataset"].iloc[0]]:
        del found[MEAN], found[STD]
    return found
