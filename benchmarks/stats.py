"""What differences between detectors mean: paired tests over blocks, intervals by bootstrap.

A block is one normal of one data set, seeds averaged; every detector is measured on it. Friedman
asks whether the detectors of a family differ at all, Wilcoxon with Holm's correction which do
(Demsar 2006; Benavoli et al. 2016 on why not by mean ranks). Tests are kept by scipy and
statsmodels; here is what goes into them and how it reads, and intervals that scipy has not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmarks.names import title
from benchmarks.shelf import each
from benchmarks.tables import with_columns

LEVEL = 0.05
FEW_BLOCKS, FEW_DETECTORS = 10, 6  # up to here Friedman's chi-squared is too rough (scipy's advice)
RESAMPLES = 9999
FEW = 8  # values; fewer are means of seeds as a rule, near normal, and resamples of them alike
FLAT = 0.01  # share of resamples whose values are all equal; more where most values are
HELD_BACK = "_held_back"  # ends the names of data sets made of training images alone
DIGITS = 9  # differences beyond this digit are rounding of equal numbers, and would be ranked
LEAST_SEEDS = 5  # fewer seeds' means give no interval worth printing
# The one variant of a detector that a comparison takes, where it ran in several.
USUAL = ("", "labelled 0.05 of 1 class(es)")


@dataclass(frozen=True)
class Family:
    """Detectors compared on the same blocks: ``scores`` is block x detector, complete.

    ``left_out`` says which detectors and blocks are not in it, and why.
    """

    scores: pd.DataFrame
    left_out: tuple[str, ...]

    @property
    def ranks(self) -> pd.Series:
        """Mean rank of each detector, 1 = highest score; ties share their ranks."""
        return self.scores.rank(axis=1, ascending=False).mean()


def usual(frame: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """Newest rows of a recipe, one variant for each detector and data set: all of an exposure,
    the usual scenario, else what covers most normals. Splits of training images, where recipes
    are chosen, drop out beside other data sets. Field ``column`` is the detector."""
    frame = with_columns(frame[frame["recipe"] == recipe])
    chosen_on = frame["dataset"].str.endswith(HELD_BACK)
    frame = frame if chosen_on.all() else frame[~chosen_on]
    kept = []
    for _, part in frame.groupby(["dataset", "detector"], sort=False):
        exposures, scenarios = (
            part[name].astype(object).where(part[name].notna(), "")
            for name in ("exposure", "scenario")
        )
        sizes = part.groupby([exposures, scenarios])["normal"].nunique()
        odd = [(":" in exposure, scenario not in USUAL) for exposure, scenario in sizes.index]
        places = list(zip(odd, -sizes, (-len(s) for _, s in sizes.index), sizes.index, strict=True))
        exposure, scenario = min(places)[-1]
        kept.append(part[(exposures == exposure) & (scenarios == scenario)])
    chosen = pd.concat(kept) if kept else frame
    return chosen.assign(column=chosen["detector"])


def family(rows: pd.DataFrame, metric: str, detectors: Sequence[str] = ()) -> Family:
    """The detectors of ``usual`` rows on all blocks of a metric; those named, where any are.

    A detector without half of the blocks is left out, then every block that lacks another.
    """
    rows = rows[(rows["metric"] == metric) & rows["value"].notna()]
    rows = rows[rows["detector"].isin(detectors)] if detectors else rows
    block = rows["dataset"] + ": " + rows["normal"].astype(str)
    cells = rows.pivot_table(index=block, columns="column", values="value").rename_axis("block")
    present = cells.notna().sum()
    rare = present.index[present * 2 < len(cells)]
    told = [f"{title(name)}: only {present[name]} of {len(cells)} blocks" for name in rare]
    cells = cells.drop(columns=rare)
    broken = cells.index[cells.isna().any(axis=1)]
    for name in broken:
        lacking = ", ".join(map(title, cells.columns[cells.loc[name].isna()]))
        told.append(f"{name}: without {lacking}")
    return Family(cells.drop(index=broken), tuple(told))


def friedman(scores: pd.DataFrame) -> tuple[float, float, str]:
    """Friedman's statistic, its p-value, and how that was found, for three detectors or more.

    By chi-squared where blocks and detectors are many, else by permutation within the blocks.
    """
    columns = [scores[name].round(DIGITS).to_numpy() for name in scores]
    if all(np.array_equal(columns[0], column) for column in columns):
        return 0.0, 1.0, "all equal"
    statistic, p = stats.friedmanchisquare(*columns)
    if len(scores) > FEW_BLOCKS and len(columns) > FEW_DETECTORS:
        return float(statistic), float(p), "chi-squared"
    ranks = np.asarray(stats.rankdata(np.stack(columns), axis=0))

    def spread(*samples: np.ndarray, axis: int) -> np.ndarray:
        means = np.stack([sample.mean(axis=axis) for sample in samples])
        return means.var(axis=0)

    # Of ranks, the spread of the means orders permutations as Friedman's statistic does.
    test = stats.permutation_test(
        tuple(ranks), spread, permutation_type="samples", vectorized=True,
        n_resamples=RESAMPLES, alternative="greater", rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(statistic), float(test.pvalue), "permutation"


def pairs(scores: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Every pair of detectors: the better by mean first, mean difference, blocks won and lost,
    two-sided Wilcoxon p, Holm's p, and whether that is significant.

    The p-value is exact where there are no ties and at most 50 blocks.
    """
    order = scores.mean().sort_values(ascending=False, kind="stable").index
    lines = []
    for better, other in combinations(order, 2):
        difference = differences(scores, better, other)
        some = difference[difference != 0]
        lines.append({
            "better": better, "other": other, "blocks": len(difference),
            "difference": difference.mean(),
            "won": int((difference > 0).sum()), "lost": int((difference < 0).sum()),
            "p": float(stats.wilcoxon(some).pvalue) if len(some) else 1.0,
        })  # fmt: skip
    table = pd.DataFrame(lines)
    adjusted = multipletests(table["p"], alpha=level, method="holm")[1]
    return table.assign(p_holm=adjusted, significant=adjusted < level)


def with_intervals(found: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """``pairs`` and the interval of each mean difference, by resampling blocks."""
    spans = [interval(differences(scores, pair.better, pair.other)) for pair in each(found)]
    return found.assign(low=[low for low, _ in spans], high=[high for _, high in spans])


def differences(scores: pd.DataFrame, better: str, other: str) -> np.ndarray:
    """Of two detectors, block by block; what differs by rounding alone is equal."""
    return (scores[better] - scores[other]).round(DIGITS).to_numpy()


def least_p(blocks: int, count: int) -> float:
    """The smallest Holm-corrected p-value that one of ``count`` pairs can have on ``blocks``."""
    return min(1.0, 2.0 ** (1 - blocks) * count)


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean of ``values`` ``(n,)``: studentised bootstrap (Hall 1988).

    Of fewer than ``FEW`` values, or where resamples too often have no spread to divide by, it is
    Student's. Of fewer than three values there is none; of equal ones it is a point. BCa's holds
    the mean of ten normal values in 90 %, of five in 83 %; these do in 95 %.
    """
    if len(values) < 3:
        return np.nan, np.nan
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    mean, error = values.mean(), values.std(ddof=1) / len(values) ** 0.5
    drawn = np.random.default_rng(0).choice(values, (RESAMPLES, len(values)))
    spread = np.ptp(drawn, axis=1) > 0
    if len(values) < FEW or np.mean(~spread) > FLAT:
        low, high = stats.t.ppf((0.025, 0.975), len(values) - 1)
    else:
        some = drawn[spread]
        errors = some.std(axis=1, ddof=1) / len(values) ** 0.5
        low, high = np.quantile((some.mean(axis=1) - mean) / errors, (0.025, 0.975))
    return float(mean - high * error), float(mean - low * error)


def summary(frame: pd.DataFrame, dataset: str, metric: str, recipe: str) -> pd.DataFrame:
    """One line per detector: classes, seeds, mean over classes, std of the per-seed means (ddof
    1), and intervals of the mean: over classes (seeds averaged), over seeds (classes averaged)."""
    rows = with_columns(frame[(frame["dataset"] == dataset) & (frame["recipe"] == recipe)])
    rows = rows[(rows["metric"] == metric) & rows["value"].notna()]
    lines = []
    for name, part in rows.groupby("column"):
        cells = part.pivot_table(index="normal", columns="seed", values="value")
        seeds = cells.dropna(axis=1).mean().to_numpy()  # of the seeds that have every class
        over_classes = interval(cells.mean(axis=1).to_numpy())
        over_seeds = interval(seeds) if len(seeds) >= LEAST_SEEDS else (np.nan, np.nan)
        lines.append({
            "detector": name, "classes": len(cells), "seeds": cells.shape[1],
            "mean": cells.mean(axis=1).mean(),
            "std": seeds.std(ddof=1) if len(seeds) > 1 else np.nan,
            "classes_low": over_classes[0], "classes_high": over_classes[1],
            "seeds_low": over_seeds[0], "seeds_high": over_seeds[1],
        })  # fmt: skip
    return pd.DataFrame(lines).sort_values("mean", ascending=False, kind="stable")
