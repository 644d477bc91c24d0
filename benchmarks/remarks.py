"""What stands under a table: what is left out, what failed, and what sets its columns apart."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from benchmarks import deviations, published
from benchmarks.names import title
from benchmarks.render import FAILED, INCOMPLETE

HELD_OUT = re.compile(r"real \d+ of each kind held out")  # as `scenario.Scenario` writes it
PAPER = f"The paper recipes are the authors' but for the deviations that {deviations.LISTED} lists."


def tested_on(scenario: object) -> str:
    """Which images a row is tested on: all of the test set (empty), or those that are left of it.

    What was tested on other images is not ranked with the rest.
    """
    found = HELD_OUT.search(scenario) if isinstance(scenario, str) else None
    return found[0] if found else ""


def recipes(part: pd.DataFrame) -> Iterator[str]:
    """How the papers' recipes differ from the papers, for rows of one recipe with ``column``."""
    found: dict[str, list[str]] = {}
    for (name, recipe), rows in part.groupby(["column", "recipe"], sort=False):
        if recipe == "paper":
            told = deviations.told(str(recipe), deviations.common(rows["deviations"]))
            found.setdefault(told, []).append(title(str(name)))
    for told, names in found.items():
        if told:
            yield f"{', '.join(names)}: {told}."


def cautions(part: pd.DataFrame, columns: Sequence[str]) -> Iterator[str]:
    """What sets columns apart, for rows of one data set with ``column``: few known classes, no
    labels, another test set."""
    found: dict[str, list[str]] = {}
    for name in columns:
        for told in _cautions(part[part["column"] == name]):
            found.setdefault(told, []).append(title(name))
    for told, names in found.items():
        yield f"{', '.join(names)}: {told}."


def _cautions(rows: pd.DataFrame) -> Iterator[str]:
    dataset, detector, given = rows.iloc[0][["dataset", "detector", "scenario"]]
    scenario = given if isinstance(given, str) else ""
    known = published.known_classes(dataset, scenario, rows["seed"].nunique())
    if known:
        yield f"{known}, one further with each seed; the paper averages over all"
    if detector == "deep_sad" and not re.search("labelled|real", scenario):
        yield "no labelled anomalies here, without which it is Deep SVDD"
    if tested_on(scenario):
        yield "tested without the anomalies held out, so not ranked with the others"


def left_out(marks: pd.DataFrame, counts: pd.DataFrame) -> Iterator[str]:
    """What the mark of an incomplete mean stands for, in numbers."""
    trials = counts.drop("mean")
    whole = len(trials) * trials.max()
    partly = [name for name in marks if (marks[name] == INCOMPLETE).any()]
    told = ", ".join(
        f"{title(str(name))} has {trials[name].sum()} of {whole[str(name)]}" for name in partly
    )
    if partly:
        yield f"{INCOMPLETE} Failed or missing trials are left out: {told}."


def failures(failed: pd.DataFrame) -> Iterator[str]:
    """What failed of each column, and why the first did."""
    for column, group in failed.groupby("column"):
        first = group.iloc[0]
        told = f"{len(group)} trial(s), first {first['normal']}: {why(first)}"
        yield f"Failed, {title(str(column))}: {told}."


def why(trial: Any) -> str:
    """Why a trial gave no scores: its reason, behind its status where that says more."""
    status, reason = str(trial["status"]), trial["reason"]
    told = reason if isinstance(reason, str) else ""
    return told if status == FAILED else ": ".join(part for part in (status, told) if part)
