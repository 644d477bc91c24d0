"""The gate's verdict for people: a table for the terminal, Markdown for the page of a CI job."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
import rich.table
from rich.text import Text

from benchmarks.names import title
from benchmarks.reference import CELL
from benchmarks.render import MISSING
from benchmarks.verdict import IMPROVED, Comparison, Verdict

HEAD = ("dataset", "detector", "recipe", "metric", "pairs", "before", "now", "change", "p", "worst")
NUMBERS = ("pairs", "before", "now", "change", "p")
NAMED = 6  # cells of a group that are named; the others are counted
UNTESTED = (
    f"p {MISSING}: not tested, for another metric or too few pairs beside so many comparisons; "
    "means alone decide"
)
POOLED = "'all': the mean over the detectors, what they lost together"


def as_rich(verdict: Verdict) -> rich.table.Table:
    """One line for each comparison, values in per cent, changes in points."""
    shown = rich.table.Table(caption=caption(verdict), caption_justify="left")
    for name in (*HEAD, "verdict"):
        side: Literal["left", "right"] = "right" if name in NUMBERS else "left"
        shown.add_column(name, justify=side, overflow="fold")  # nothing is cut off
    for one in verdict.every:
        style = "bold red" if one.broken else "green" if one.word == IMPROVED else ""
        shown.add_row(*(Text(cell, style) for cell in (*_cells(one), _word(one))))
    return shown


def caption(verdict: Verdict) -> str:
    """How the table is to be read."""
    said = ["values in per cent, changes in points; p after Holm"]
    said += [UNTESTED] if any(np.isnan(one.p) for one in verdict.every) else []
    said += [POOLED] if verdict.pooled else []
    return "; ".join(said)


def _cells(one: Comparison) -> tuple[str, ...]:
    variant = ", ".join(each for each in (one.name["exposure"], one.name["scenario"]) if each)
    worst, change = one.worst
    return (
        one.name["dataset"],
        title(one.name["detector"]) + (f" ({variant})" if variant else ""),
        one.name["recipe"],
        one.name["metric"],
        str(one.pairs),
        f"{100 * one.before:.2f}",
        f"{100 * one.now:.2f}",
        f"{100 * one.change:+.2f}",
        MISSING if np.isnan(one.p) else f"{one.p:.2g}",
        f"{worst} {100 * change:+.2f}" if change < 0 else MISSING,
    )


def _word(one: Comparison) -> str:
    return f"{one.word}: {'; '.join(one.rules)}" if one.rules else one.word


def lines(verdict: Verdict) -> Iterator[str]:
    """What cannot be compared, kind by kind, and what else differs; one line each."""
    kinds = {
        "MISSING, in the baseline only": verdict.missing,
        "FAILED, in the baseline as a number": verdict.failed,
        "failed, not in the baseline": verdict.new_failed,
        "new, not in the baseline": verdict.new,
    }
    for kind, cells in kinds.items():
        for group, count, names in _grouped(cells):
            yield f"{kind}: {group}: {count} ({names})"
    yield from (f"note: {note}" for note in verdict.notes)


def _grouped(cells: pd.DataFrame) -> Iterator[tuple[str, int, str]]:
    """Cells by detector, as (dataset detector recipe ..., count of trials, their names)."""
    keys = [name for name in CELL if name not in ("normal", "seed", "metric")]
    for key, group in cells.groupby(keys, sort=True):
        trials = (group["normal"] + " " + group["seed"]).drop_duplicates().tolist()
        more = [f"and {len(trials) - NAMED} more"] if len(trials) > NAMED else []
        reasons = group["reason"].unique().tolist() if "reason" in group else []
        why = [f"reason: {reason}" for reason in reasons[:1] if reason]
        metrics = [name for name in group["metric"].unique() if name]
        name = " ".join(part for part in (*map(str, key), "/".join(metrics)) if part)
        yield name, len(trials), "; ".join([", ".join(trials[:NAMED] + more), *why])


def sentence(verdict: Verdict) -> str:
    """The whole verdict in one line."""
    words = [one.word for one in verdict.every]
    parts = [f"{words.count(word)} {word}" for word in dict.fromkeys(sorted(words)) if word != "ok"]
    lost = {
        "missing": verdict.missing,
        "failed": pd.concat([verdict.failed, verdict.new_failed]),
        "new": verdict.new,
    }
    parts += [f"{len(cells)} {kind}" for kind, cells in lost.items() if len(cells)]
    pairs = sum(one.pairs for one in verdict.comparisons)
    size = f"{len(verdict.comparisons)} comparisons of {pairs} pairs"
    size += f", {len(verdict.pooled)} pooled" if verdict.pooled else ""
    head = "gate red" if verdict.broken else "gate green"
    return f"{head}: {size}; {', '.join(parts) or 'all ok'}"


def markdown(verdict: Verdict) -> str:
    """For the summary page of a CI job: what is broken first, the rest folded away."""
    broken = [one for one in verdict.every if one.broken]
    rest = [one for one in verdict.every if not one.broken]
    parts = [f"### {'❌' if verdict.broken else '✅'} {sentence(verdict)}"]
    if broken:
        parts.append(_table(broken))
    if found := list(lines(verdict)):
        parts.append("\n".join(f"- {_safe(line)}" for line in found))
    if rest:
        folded = f"<details><summary>{len(rest)} within the rules</summary>"
        parts.append(f"{folded}\n\n{_table(rest)}\n\n</details>")
    return "\n\n".join([*parts, f"<sub>{caption(verdict)}</sub>", ""])


def _table(comparisons: list[Comparison]) -> str:
    rule = "|".join("---:" if name in NUMBERS else "---" for name in (*HEAD, "verdict"))
    rows = [[_safe(cell) for cell in (*_cells(one), _word(one))] for one in comparisons]
    head = " | ".join((*HEAD, "verdict"))
    return "\n".join([f"| {head} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)])


def _safe(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", r"\|")
    return " ".join(escaped.replace("_", r"\_").split())
