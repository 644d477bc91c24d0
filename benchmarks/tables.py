"""Tables from the long frame of rows (``store.frame``): numbers only; ``render`` writes them.

A new table is one function from a frame to named tables, and one line in ``TABLES``.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import published
from benchmarks.render import FAILED, INCOMPLETE, Table, rank, title
from benchmarks.render import as_rich as as_rich  # the runner prints a table after a run
from benchmarks.store import DONE, newest

SOURCES = (
    "In parentheses the papers' means and ours less theirs; their sources stand under each "
    "dataset's table."
)
RUN = ["dataset", "detector", "exposure", "scenario"]
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
    theirs, sources = _published(values, marks, part, metric)
    told = _notes(part, values, stds, dataset, metric)
    return Table(
        title=f"{dataset}: {metric}, recipe {recipe}",
        values=values,
        stds=stds,
        published=theirs,
        marks=marks,
        best=best(values.where(marks == "")),
        notes=(*told, *_legend(marks, counts), *sources, *_failures(failed)),
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
    most = counts.max(axis=None) if counts.size else 0
    marks = pd.DataFrame("", index=counts.index, columns=counts.columns, dtype=object)
    marks = marks.mask((counts > 0) & (counts < most), INCOMPLETE)
    for normal, column in zip(failed["normal"], failed["column"], strict=True):
        marks.loc[normal, column] = INCOMPLETE if counts.loc[normal, column] else FAILED
    for column, classes in counts.drop("mean").items():
        partly = (classes < most).any() and (classes > 0).any()
        hopeless = (marks[column].drop("mean") == FAILED).all()
        marks.loc["mean", column] = INCOMPLETE if partly else FAILED if hopeless else ""
    return marks


def _published(
    values: pd.DataFrame, marks: pd.DataFrame, part: pd.DataFrame, metric: str
) -> tuple[pd.DataFrame, list[str]]:
    """The papers' numbers in the shape of ``values``, and a note per source.

    A published mean covers every class, so it stands only beside a mean that does.
    """
    theirs = pd.DataFrame(np.nan, index=values.index, columns=values.columns)
    sources: dict[str, list[str]] = {}
    runs = part.drop_duplicates("column").set_index("column")
    for name in values.columns:
        run: list[Any] = [runs.at[name, field] for field in RUN]
        dataset, detector, exposure, scenario = run
        complete = len(values) - 1 == published.CLASSES.get(dataset)
        known = published.compared(dataset, detector, metric, scenario)
        beside = [line for line in values.index if line in known.index]
        if "mean" in beside and not (complete and marks.loc["mean", name] == ""):
            beside.remove("mean")
        theirs.loc[beside, name] = known.loc[beside, "mean"]
        for told in published.sources(known.loc[beside], exposure):
            sources.setdefault(told, []).append(title(name))
    return theirs, [f"Published ({', '.join(who)}): {text}." for text, who in sources.items()]


def _legend(marks: pd.DataFrame, counts: pd.DataFrame) -> Iterator[str]:
    """What the mark of an incomplete mean stands for, in numbers."""
    trials = counts.drop("mean")
    whole = len(trials) * int(trials.to_numpy().max(initial=0))
    partly = [name for name in marks if (marks[name] == INCOMPLETE).any()]
    told = ", ".join(f"{title(str(name))} has {trials[name].sum()} of {whole}" for name in partly)
    if partly:
        yield f"{INCOMPLETE} Failed or missing trials are left out: {told}."


def best(values: pd.DataFrame) -> pd.DataFrame:
    """True at the highest of each line, ties at the printed digit included."""
    shown = (values.astype(float) * 100).round(1)
    return shown.eq(shown.max(axis=1), axis=0) & shown.notna()


def _notes(
    part: pd.DataFrame, values: pd.DataFrame, stds: pd.DataFrame, dataset: str, metric: str
) -> Iterator[str]:
    seeds, lines = part["seed"].nunique(), len(values) - 1
    of = published.CLASSES.get(dataset, lines)
    plural = "" if seeds == 1 else "s"
    over = "; ± is the standard deviation over seeds" if stds.notna().any(axis=None) else ""
    yield f"{metric} in per cent, {seeds} seed{plural}{over}; mean over {lines} of {of} classes."
    told = part[(part["variant"] != "") & part["column"].isin(values.columns)]
    pairs = told[["column", "variant"]].drop_duplicates().sort_values("column").to_numpy()
    if len(pairs):
        yield "Exposure, scenario: " + "; ".join(f"{title(c)}: {v}" for c, v in pairs) + "."
    yield from published.partly(part)
    if part["protocol"].nunique() > 1:
        yield f"Protocols {sorted(part['protocol'].unique())} are mixed: not comparable."


def _failures(failed: pd.DataFrame) -> Iterator[str]:
    for column, group in failed.groupby("column"):
        first = group.iloc[0]
        told = f"{len(group)} trial(s), first {first['normal']}: {why(first)}"
        yield f"Failed, {title(str(column))}: {told}."


def why(trial: Any) -> str:
    """Why a trial gave no scores: its reason, behind its status where that says more."""
    status, reason = str(trial["status"]), trial["reason"]
    told = reason if isinstance(reason, str) else ""
    return told if status == FAILED else ": ".join(part for part in (status, told) if part)


def class_tables(frame: pd.DataFrame) -> dict[str, Table]:
    """One table per dataset, metric and recipe, named ``<dataset>-<metric>-<recipe>``."""
    tables = {}
    for (dataset, recipe), part in frame.groupby(["dataset", "recipe"]):
        for metric in part["metric"].dropna().unique() if part["metric"].any() else MAIN[:1]:
            name = f"{dataset}-{metric}-{recipe}"
            tables[name] = class_table(frame, str(dataset), str(metric), str(recipe))
    return tables


def overview(frame: pd.DataFrame) -> dict[str, Table]:
    """Detector x dataset: means over classes, the lineage at a glance."""
    found = class_tables(frame[frame["metric"].isin(MAIN) | frame["metric"].isna()])
    shown = {name.replace("-", " "): table for name, table in found.items()}
    lines = sorted({name for table in shown.values() for name in table.columns}, key=rank)

    def gather(field: str) -> pd.DataFrame:
        means = {head: getattr(table, field).loc["mean"] for head, table in shown.items()}
        return pd.DataFrame(means, index=pd.Index(lines, name="detector"))

    values, marks = gather("values"), gather("marks").fillna("")
    notes = [f"{head}: {table.notes[0]}" for head, table in shown.items()]
    for head, table in shown.items():
        notes += [f"{head}: {note}" for note in table.notes if note.startswith(INCOMPLETE)]
    table = Table(
        title="Means over classes",
        values=values,
        stds=gather("stds"),
        published=gather("published"),
        marks=marks,
        best=best(values.where(marks == "").T).T,
        notes=(*notes, SOURCES),
    )
    return {"overview": table}


TABLES: dict[str, Callable[[pd.DataFrame], dict[str, Table]]] = {
    "classes": class_tables,
    "overview": overview,
}
