"""The gate's verdict: results against a baseline, paired over (class, seed).

A comparison is one detector on one dataset, with its recipe, exposure, scenario and metric; it has
*regressed* where its mean over the pairs dropped by more than the dataset's tolerance, or where the
drop is significant and not too small to matter. Values are shares in [0, 1].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks.paired import DIGITS, wilcoxon_holm
from benchmarks.reference import CELL, among, done
from benchmarks.store import IDENTITY

GROUP = [name for name in CELL if name not in ("normal", "seed")]  # what a comparison is of

# Mean drop that fails, by dataset; ANY for the others. One point is eight times the largest
# difference seen between float32 and bfloat16 trainings on two processors (Fashion-MNIST, fast).
ANY = "*"
TOLERANCE: dict[str, float] = {ANY: 0.01}
# One false alarm in 200 runs where nothing changed: at most two in a hundred runs, in 98 % of such
# hundreds (at .01 in 92 %).
LEVEL = 0.005
LEAST = 0.003  # a significant drop below this does not fail
SAME = 1e-6  # --exact: differences up to this are rounding

OK, IMPROVED, REGRESSED, CHANGED = "ok", "improved", "REGRESSED", "CHANGED"


@dataclass(frozen=True)
class Comparison:
    """One line of the verdict. `change` is the mean over pairs of now less before, `p` that of the
    one-sided test after Holm (NaN: too few pairs that differ), `worst` the pair that lost most."""

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
    missing: pd.DataFrame  # in the baseline, not in the results
    failed: pd.DataFrame  # in the baseline; the trial failed now, column `reason` if there is one
    new: pd.DataFrame  # not in the baseline; fails nothing
    new_failed: pd.DataFrame  # failed, and not in the baseline: fails nothing here
    notes: tuple[str, ...]

    @property
    def broken(self) -> bool:
        """Whether the gate is shut."""
        lost = len(self.missing) + len(self.failed)
        return bool(lost) or any(one.broken for one in self.comparisons)


def judge(baseline: pd.DataFrame, results: pd.DataFrame, exact: bool = False) -> Verdict:
    """Compare two tables of `reference.read`.

    exact: any difference beyond ``SAME``, up or down, fails too (CPU, same versions and machine).
    """
    before, now = done(baseline), done(results)
    broke = results[results["status"] != "done"]
    both = before.merge(now, on=CELL, suffixes=("_before", "_now"))
    lost = before[~among(before, now, CELL)]
    has_failed = among(lost, broke, IDENTITY)
    reasons = broke[[*IDENTITY, "reason"]] if "reason" in broke else broke[IDENTITY]
    return Verdict(
        comparisons=_comparisons(both, exact),
        missing=lost.loc[~has_failed, CELL],
        failed=lost.loc[has_failed, CELL].merge(reasons, on=IDENTITY),
        new=now.loc[~among(now, before, CELL), CELL],
        new_failed=broke.loc[~among(broke, before, IDENTITY), CELL],
        notes=tuple(_notes(both)),
    )


def _comparisons(both: pd.DataFrame, exact: bool) -> tuple[Comparison, ...]:
    columns = [f"value_{when}" for when in ("before", "now")]
    both = both.assign(**{name: both[name].astype(float) for name in columns})
    groups = [group for _, group in both.groupby(GROUP, sort=True)]
    drops = [(g["value_before"] - g["value_now"]).to_numpy() for g in groups]
    p = wilcoxon_holm(drops, LEVEL)
    return tuple(_compared(g, own, exact) for g, own in zip(groups, p, strict=True))


def _compared(group: pd.DataFrame, p: float, exact: bool) -> Comparison:
    name = {column: str(group[column].iloc[0]) for column in GROUP}
    before, now = group["value_before"], group["value_now"]
    change = now - before
    lowest: Any = change.idxmin()
    worst_pair = group.loc[lowest]
    tolerance = TOLERANCE.get(name["dataset"], TOLERANCE[ANY])
    mean = round(float(change.mean()), DIGITS)  # a drop of the tolerance itself is not beyond it
    broken = {
        f"mean drop > {100 * tolerance:g}": mean < -tolerance,
        f"p < {LEVEL:g}": p < LEVEL and mean < -LEAST,
    }
    rules = tuple(rule for rule, holds in broken.items() if holds)
    word = REGRESSED if rules else IMPROVED if mean > tolerance else OK
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
        before, now = both[f"{column}_before"], both[f"{column}_now"]
        if (differ := before != now).any():
            theirs, ours = (set(" ".join(each[differ]).split()) for each in (before, now))
            was, has = (" ".join(sorted(words)) for words in (theirs - ours, ours - theirs))
            yield f"{column} differs: {was or 'none'} -> {has or 'none'}"
