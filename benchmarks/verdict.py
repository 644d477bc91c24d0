"""The gate's verdict: results against a baseline, paired over (class, seed).

A comparison is one detector on one dataset, with its recipe, exposure, scenario and metric; a
pooled one is the mean over the detectors that share dataset, recipe and metric, for what they lost
together. `rules` says when one has *regressed*. Values are shares in [0, 1].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks.paired import DIGITS
from benchmarks.reference import CELL, among, done
from benchmarks.rules import ANY, TESTED, TOLERANCE, faults, tested
from benchmarks.store import IDENTITY

GROUP = [name for name in CELL if name not in ("normal", "seed")]  # what a comparison is of
POOL = ["dataset", "recipe", "metric"]  # what pooled detectors share
SAME = 1e-6  # --exact: differences up to this are rounding

OK, IMPROVED, REGRESSED, CHANGED = "ok", "improved", "REGRESSED", "CHANGED"


@dataclass(frozen=True)
class Comparison:
    """One line of the verdict. `change` is the mean over pairs of now less before, `p` that of the
    one-sided test after Holm (NaN: not tested), `worst` the pair that lost most."""

    name: dict[str, str]
    pairs: int
    before: float
    now: float
    p: float
    worst: tuple[str, float]
    word: str
    rules: tuple[str, ...]

    @property
    def change(self) -> float:
        return self.now - self.before

    @property
    def broken(self) -> bool:
        return self.word in (REGRESSED, CHANGED)


@dataclass(frozen=True)
class Verdict:
    """Comparisons, and apart from them what cannot be compared, by kind (frames of ``CELL``)."""

    comparisons: tuple[Comparison, ...]
    pooled: tuple[Comparison, ...]  # of the detectors together, where there are several
    missing: pd.DataFrame  # in the baseline, not in the results
    failed: pd.DataFrame  # in the baseline; the trial failed now, column `reason` if there is one
    new: pd.DataFrame  # not in the baseline; fails nothing
    new_failed: pd.DataFrame  # failed, and not in the baseline: fails nothing here
    notes: tuple[str, ...]
    protocol: str  # how that differs, '' where it does not: then the numbers do not compare

    @property
    def every(self) -> tuple[Comparison, ...]:
        """All comparisons, the pooled ones last."""
        return self.comparisons + self.pooled

    @property
    def broken(self) -> bool:
        """Whether the gate is shut."""
        lost = len(self.missing) + len(self.failed)
        return bool(lost) or any(one.broken for one in self.every)


def judge(baseline: pd.DataFrame, results: pd.DataFrame, exact: bool = False) -> Verdict:
    """Compare two tables of `reference.read`.

    exact: any difference beyond ``SAME``, up or down, fails too (CPU, same versions and machine).
    """
    before, now = done(baseline), done(results)
    broke = results[results["status"] != "done"]
    both = before.merge(now, on=CELL, suffixes=("_before", "_now"), validate="one_to_one")
    values = {name: both[name].astype(float) for name in ("value_before", "value_now")}
    lost = before[~among(before, now, CELL)]
    has_failed = among(lost, broke, IDENTITY)
    reasons = broke[[*IDENTITY, "reason"]] if "reason" in broke else broke[IDENTITY]
    return Verdict(
        comparisons=_comparisons(both.assign(**values), exact),
        pooled=_comparisons(_pools(both.assign(**values)), pooled=True),
        missing=lost.loc[~has_failed, CELL],
        failed=lost.loc[has_failed, CELL].merge(reasons, on=IDENTITY),
        new=now.loc[~among(now, before, CELL), CELL],
        new_failed=broke.loc[~among(broke, before, IDENTITY), CELL],
        notes=tuple(_notes(both)),
        protocol=_differs(both, "protocol"),
    )


def _pools(both: pd.DataFrame) -> pd.DataFrame:
    """The pairs of each pool of two comparisons or more, as those of one detector: means over
    the detectors, by class and seed."""
    part = both[both["metric"].isin(TESTED)]
    counts = part[GROUP].drop_duplicates().groupby(POOL).size().rename("count").reset_index()
    several = part.merge(counts[counts["count"] > 1], on=POOL)
    means = several.groupby([*POOL, "count", "normal", "seed"])[["value_before", "value_now"]]
    pools = means.mean().reset_index()
    return pools.assign(detector="all " + pools["count"].astype(str), exposure="", scenario="")


def _comparisons(
    both: pd.DataFrame, exact: bool = False, pooled: bool = False
) -> tuple[Comparison, ...]:
    groups = [group for _, group in both.groupby(GROUP, sort=True)]
    drops = [(group["value_before"] - group["value_now"]).to_numpy() for group in groups]
    able = [group["metric"].iloc[0] in TESTED for group in groups]
    family = [each if own else each[:0] for each, own in zip(drops, able, strict=True)]
    p, levels = tested(family, pooled)
    return tuple(_compared(*each, exact) for each in zip(groups, p, levels, strict=True))


def _compared(group: pd.DataFrame, p: float, level: float, exact: bool) -> Comparison:
    name = {column: str(group[column].iloc[0]) for column in GROUP}
    before, now = group["value_before"], group["value_now"]
    change = now - before
    lowest: Any = change.idxmin()
    worst_pair = group.loc[lowest]
    tolerance = TOLERANCE.get(name["dataset"], TOLERANCE[ANY])
    classes = group["normal"].to_numpy()
    rules = faults(-change.to_numpy(), classes, tolerance, p, level)
    improved = round(float(change.mean()), DIGITS) > tolerance
    word = REGRESSED if rules else IMPROVED if improved else OK
    if exact and not rules and (change.abs() > SAME).any():
        word, rules = CHANGED, (f"{(change.abs() > SAME).sum()} pairs differ",)
    worst = (f"{worst_pair['normal']} {worst_pair['seed']}", float(change.min()))
    return Comparison(
        name, len(group), float(before.mean()), float(now.mean()), float(p), worst, word, rules
    )


def _notes(both: pd.DataFrame) -> Iterator[str]:
    """What differs between the two besides the numbers; it helps to read them."""
    digests = [both[f"stem_{when}"].str.rsplit("-", n=1).str[-1] for when in ("before", "now")]
    if other := int((digests[0] != digests[1]).sum()):
        yield f"settings or data differ from the baseline's in {other} of {len(both)} pairs"
    for column in ("protocol", "version", "device"):
        if said := _differs(both, column):
            yield f"{column} differs: {said}"


def _differs(both: pd.DataFrame, column: str) -> str:
    """What the baseline has in a column and the results have not, and the other way round."""
    before, now = both[f"{column}_before"], both[f"{column}_now"]
    if not (differ := before != now).any():
        return ""
    theirs, ours = (set(" ".join(each[differ]).split()) for each in (before, now))
    was, has = (" ".join(sorted(words)) for words in (theirs - ours, ours - theirs))
    return f"{was or 'none'} -> {has or 'none'}"
