"""The papers' tables in their own form, our number above each of theirs or a reason why not.

Built from the published numbers outward: every one of a table stands in it exactly once.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from benchmarks.latex import RAISED
from benchmarks.layouts import LAYOUTS, MEAN, STD, Layout
from benchmarks.names import title
from benchmarks.remarks import tested_on
from benchmarks.render import MISSING, Table
from benchmarks.tables import best

BLANK = " "  # where the paper prints nothing


def table(layout: Layout, both: pd.DataFrame) -> Table:
    """A paper's table from its lines of ``comparison.beside``."""
    lines = list(dict.fromkeys(both["line"]))
    columns = [name for name in layout.detectors if (both["detector"] == name).any()]

    def wide(name: str) -> pd.DataFrame:
        cells = both.pivot(index="line", columns="detector", values=name)
        return cells.reindex(index=lines, columns=columns).rename_axis(index=layout.corner)

    values, remarks = wide("ours").astype(float), wide("remark").fillna("")
    told = [text for text in dict.fromkeys(remarks.to_numpy().ravel()) if text]
    variants = both[both["ours"].notna()].drop_duplicates("detector").set_index("detector")
    tested = {name: tested_on(variants["ours_scenario"].get(name)) for name in columns}
    ranked = pd.Series([np.nan if line == STD else 1.0 for line in lines], lines)
    letters = list(RAISED.values())
    raised = {text: letters[i % 25] * (i // 25 + 1) for i, text in enumerate(told)} | {"": ""}
    marks = remarks.replace(raised)
    empty = values.isna()
    lacks = (MISSING + marks).where(wide("mean").notna(), BLANK)
    notes = [f"{raised[text]} {text[0].upper()}{text[1:]}." for text in told]
    return Table(
        title=f"{layout.paper}, {layout.table}: {layout.about}",
        values=values,
        stds=wide("ours_std").astype(float),
        published=wide("mean"),
        marks=marks.where(~empty, lacks),
        best=best(values.mul(ranked, axis=0), tested),
        notes=(*_reading(layout, both), *notes, *_quoted(both)),
        published_stds=wide("std"),
        breaks=_breaks(both),
    )


def _breaks(both: pd.DataFrame) -> frozenset[str]:
    """Rules stand above means, and where another data set begins if it has several lines."""
    lines = both.drop_duplicates("line")
    several = len(lines) > lines["dataset"].nunique()
    first: Iterable[str] = lines.drop_duplicates("dataset")["line"] if several else []
    means: Iterable[str] = (
        lines.loc[lines["normal"] == MEAN, "line"] if lines["normal"].nunique() > 1 else []
    )
    return frozenset([*first, *means])


def _reading(layout: Layout, both: pd.DataFrame) -> Iterator[str]:
    metric = both["metric"].iloc[0]
    yield (
        f"{metric} in per cent: ours, and in parentheses the published number and ours less that."
    )
    seeds = both.loc[both["seeds"].fillna(0) > 0, "seeds"]
    if len(seeds):
        least, most = int(seeds.min()), int(seeds.max())
        count = f"{least}" if least == most else f"{least} to {most}"
        over = "all pairs of class and seed" if layout.experiments else "seeds"
        told = (
            f"; ± is the standard deviation over {over}" if both["ours_std"].notna().any() else ""
        )
        yield f"Ours: {count} seed{'s' * (most > 1)}{told}."


def _quoted(both: pd.DataFrame) -> Iterator[str]:
    """What the source of the published numbers says about them."""
    for note, group in both[both["note"] != ""].groupby("note", sort=False):
        who = ", ".join(title(name) for name in dict.fromkeys(group["detector"]))
        yield f"Published ({who}): {note}."


def papers(both: pd.DataFrame) -> dict[str, Table]:
    """Every table of the papers, from the lines of ``comparison.beside``."""
    groups = both.groupby("name", sort=False)
    return {str(name): table(LAYOUTS[str(name)], part) for name, part in groups}
