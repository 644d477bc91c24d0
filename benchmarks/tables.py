"""Tables from the long frame of rows (``store.frame``): numbers only; ``render`` writes them.

A new table is one function from a frame to named tables, and one line in ``TABLES``.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from baselines.several import several
from benchmarks import published, remarks
from benchmarks.render import FAILED, INCOMPLETE, Table, rank, title
from benchmarks.render import as_rich as as_rich  # the runner prints a table after a run
from benchmarks.store import DONE, newest
from benchmarks.theirs import RULE, theirs

BEST = "Bold: the best of a column, of detectors tested on the same images, every class of them."
SOURCES = (
    "In parentheses the papers' means and ours less theirs; their sources stand under each "
    "dataset's table."
)
MAIN = ("image_auroc", "pixel_auroc")  # the overview's metrics


def normals(frame: pd.DataFrame, dataset: str) -> list[str]:
    """Normals of a dataset that the frame holds, in the papers' order, then alphabetically."""
    known = published.order(dataset)
    found = frame.loc[frame["dataset"] == dataset, "normal"].unique()
    return sorted(found, key=lambda name: (known.index(name) if name in known else 99, name))


def with_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame and a field ``column``: the detector, with its exposure or scenario if it has two;
    by itself it stays what it is elsewhere.

    Only the newest row of each identity stays.
    """
    frame = newest(frame)
    exposure, scenario = (
        frame[name].astype(object).fillna("") for name in ("exposure", "scenario")
    )
    both = (exposure != "") & (scenario != "")
    variant = (exposure + both.map({True: ", ", False: ""}) + scenario).astype(str)
    several = variant.groupby([frame["dataset"], frame["recipe"], frame["detector"]])
    plain = (several.transform("nunique") == 1) | (variant == "")
    name = frame["detector"] + " (" + variant + ")"
    return frame.assign(variant=variant, column=name.where(~plain, frame["detector"]))


def class_table(frame: pd.DataFrame, dataset: str, metric: str, recipe: str) -> Table:
    """Class x detector: means over seeds, and a last line of the means over classes.

    The last line's standard deviation is that of the per-seed means.
    """
    part = frame[(frame["dataset"] == dataset) & (frame["recipe"] == recipe)]
    part = with_columns(part)
    scored = part[part["metric"] == metric]
    done = part["status"] == DONE
    failed = part[~done]
    hopeless = set(failed["column"]) - set(part.loc[done, "column"])
    columns = sorted(set(scored["column"]) | hopeless, key=rank)
    failed = failed[failed["column"].isin(columns)]
    lines = normals(part, dataset)
    cells = scored.pivot_table(index="normal", columns=["column", "seed"], values="value")
    stats = [spread(cells.get(name), lines) for name in columns]
    index = pd.Index([*lines, "mean"], name="normal")
    values, stds, counts = (
        pd.DataFrame({name: stat[i] for name, stat in zip(columns, stats, strict=True)}, index)
        for i in range(3)
    )
    marks = _marks(counts, failed)
    beside = theirs(values, marks, part, metric)
    of = published.CLASSES.get(dataset, len(lines))
    scenarios = part.drop_duplicates("column").set_index("column")["scenario"]
    tested = {str(name): remarks.tested_on(scenario) for name, scenario in scenarios.items()}
    winners = best(values.where(marks == ""), tested)
    winners.loc["mean"] &= len(lines) >= of  # a mean over some classes is not the data set's
    counted, *told = _notes(part, values, stds, dataset, metric)
    headline = (counted, *remarks.left_out(marks, counts), *remarks.cautions(part, columns))
    more = (*told, *remarks.recipes(scored), *beside.notes, *remarks.failures(failed))
    return Table(
        title=f"{dataset}: {metric}, recipe {recipe}",
        values=values,
        stds=stds,
        published=beside.numbers,
        marks=marks,
        best=winners,
        notes=(*headline, *more),
        headline=headline,
        also=beside.also,
        covered="" if len(lines) >= of else f"{len(lines)} of {of}",
    )


def spread(cells: pd.DataFrame | None, lines: list[str]) -> tuple[pd.Series, ...]:
    """Mean, std and number of trials per line of one detector; ``cells`` is normal x seed."""
    cells = pd.DataFrame(index=lines, dtype=float) if cells is None else cells.reindex(lines)
    means, counts = cells.mean(axis=1), cells.notna().sum(axis=1)
    stds = cells.std(axis=1, ddof=1)
    whole = cells.dropna(axis=1)  # seeds with every class
    means["mean"] = means.mean()
    stds["mean"] = whole.mean().std(ddof=1) if whole.shape[1] > 1 else np.nan
    counts["mean"] = counts.min() if len(counts) else 0
    return means, stds, counts


def _marks(counts: pd.DataFrame, failed: pd.DataFrame) -> pd.DataFrame:
    most = counts.max()  # of each detector: one that ran with fewer seeds is not incomplete
    marks = pd.DataFrame("", index=counts.index, columns=counts.columns, dtype=object)
    marks = marks.mask((counts > 0) & (counts < most), INCOMPLETE)
    for normal, column in zip(failed["normal"], failed["column"], strict=True):
        marks.loc[normal, column] = INCOMPLETE if counts.loc[normal, column] else FAILED
    for column, classes in counts.drop("mean").items():
        partly = (classes < most[str(column)]).any() and (classes > 0).any()
        hopeless = (marks[column].drop("mean") == FAILED).all()
        marks.loc["mean", column] = INCOMPLETE if partly else FAILED if hopeless else ""
    return marks


def best(values: pd.DataFrame, tested: Mapping[str, str]) -> pd.DataFrame:
    """True at the highest of each line, ties at the printed digit included, among the columns that
    were ``tested`` on the same images; a column that stands alone in that wins nothing."""
    shown = (values.astype(float) * 100).round(1)
    winners = pd.DataFrame(False, index=values.index, columns=values.columns)
    for images in set(tested.values()):
        alike = [str(name) for name in shown if tested.get(str(name)) == images]
        if len(alike) > 1:
            part = shown[alike]
            winners[alike] = part.eq(part.max(axis=1), axis=0) & part.notna()
    return winners


def _notes(
    part: pd.DataFrame, values: pd.DataFrame, stds: pd.DataFrame, dataset: str, metric: str
) -> Iterator[str]:
    lines = len(values) - 1
    of = published.CLASSES.get(dataset, lines)
    over = "; ± is the standard deviation over seeds" if stds.notna().any(axis=None) else ""
    seeds = _seeds(part[part["column"].isin(values.columns)])
    yield f"{metric} in per cent, {seeds}{over}; mean over {lines} of {of} classes."
    told = part[(part["variant"] != "") & part["column"].isin(values.columns)]
    pairs = told[["column", "variant"]].drop_duplicates().sort_values("column").to_numpy()
    if len(pairs):
        yield "Exposure, scenario: " + "; ".join(f"{title(c)}: {v}" for c, v in pairs) + "."
    yield from published.partly(part)
    if part["protocol"].nunique() > 1:
        yield f"Protocols {sorted(part['protocol'].unique())} are mixed: not comparable."


def _seeds(part: pd.DataFrame) -> str:
    """How many seeds the columns have, with their names where they differ."""
    counts = part.groupby("column")["seed"].nunique()
    found = {
        several(count, "seed"): [title(str(name)) for name in of.index]
        for count, of in counts.groupby(counts)
    }
    if len(found) < 2:
        return next(iter(found), "no seeds")
    return ", ".join(f"{seeds} ({', '.join(names)})" for seeds, names in found.items())


def class_tables(frame: pd.DataFrame) -> dict[str, Table]:
    """One table per dataset, metric and recipe, named ``<dataset>-<metric>-<recipe>``."""
    tables = {}
    for (dataset, recipe), part in frame.groupby(["dataset", "recipe"]):
        for metric in part["metric"].dropna().unique() if part["metric"].any() else MAIN[:1]:
            name = f"{dataset}-{metric}-{recipe}"
            tables[name] = class_table(frame, str(dataset), str(metric), str(recipe))
    return tables


def _head(name: str, table: Table) -> str:
    return name.replace("-", " ") + (f" ({table.covered})" if table.covered else "")


def overview(frame: pd.DataFrame) -> dict[str, Table]:
    """Detector x dataset: means over classes, the lineage at a glance."""
    found = class_tables(frame[frame["metric"].isin(MAIN) | frame["metric"].isna()])
    shown = {_head(name, table): table for name, table in found.items()}
    lines = sorted({name for table in shown.values() for name in table.columns}, key=rank)

    def gather(field: str) -> pd.DataFrame:
        means = {head: getattr(table, field).loc["mean"] for head, table in shown.items()}
        return pd.DataFrame(means, index=pd.Index(lines, name="detector"))

    heads: dict[str, list[str]] = {}
    for head, shown_table in shown.items():
        for note in shown_table.headline:
            heads.setdefault(note, []).append(head)
    notes = [f"{', '.join(of)}: {note}" for note, of in heads.items()]
    papers = [remarks.PAPER] if (frame["recipe"] == "paper").any() else []
    table = Table(
        title="Means over classes",
        values=gather("values"),
        stds=gather("stds"),
        published=gather("published"),
        marks=gather("marks").fillna(""),
        best=gather("best").eq(True),
        notes=(*notes, *papers, BEST, SOURCES, RULE),
        also=gather("also").fillna(""),
    )
    return {"overview": table}


TABLES: dict[str, Callable[[pd.DataFrame], dict[str, Table]]] = {
    "classes": class_tables,
    "overview": overview,
}
