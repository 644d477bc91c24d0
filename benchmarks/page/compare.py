"""What our detectors trained with, and where our protocol and a published number's differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks import deviations
from benchmarks.published import known_classes, other_exposure

# What the notes of `published.csv` say, and what it means for a comparison.
CAVEATS = {
    "chosen on test data": "theirs tuned on test data",
    "quoted by": "theirs quoted from earlier work",
    "reproduction": "theirs reproduced by others",
}


@dataclass(frozen=True)
class Fact:
    """What a detector trained with besides normal images (empty: nothing), and how often."""

    exposure: str
    scenario: str
    seeds: int
    deviations: str | None = None  # of its recipe, as the frame holds them


def facts(lines: pd.DataFrame) -> dict[str, Fact]:
    """The facts of each ``column`` of rows of one data set and recipe."""
    return {
        str(column): Fact(
            _text(trials["exposure"].iloc[0]),
            _text(trials["scenario"].iloc[0]),
            trials["seed"].nunique(),
            deviations.common(trials["deviations"]),
        )
        for column, trials in lines.groupby("column")
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def differences(recipe: str, fact: Fact, known: Mapping[str, Any]) -> tuple[str, ...]:
    """What is known to differ between our protocol (empty: nothing does) and that of a published
    number, a line of ``published.csv``; its shares of anomalies in training are ours."""
    few = known_classes(known["dataset"], fact.scenario, fact.seeds)
    told = [deviations.told(recipe, fact.deviations)]
    told.append(f"ours: {few}" if few else "")
    told.append(other_exposure(fact.exposure, known["exposure"]))
    told += [caveat for sign, caveat in CAVEATS.items() if sign in known["note"]]
    return tuple(one for one in told if one)
