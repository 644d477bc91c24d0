"""Where our protocol and that of a published number differ, in words."""

from collections.abc import Mapping
from typing import Any

from benchmarks.published import other_exposure

# What the notes of `published.csv` say, and what it means for a comparison.
CAVEATS = {
    "chosen on test data": "theirs tuned on test data",
    "quoted by": "theirs quoted from earlier work",
    "reproduction": "theirs reproduced by others",
}


def differences(recipe: str, exposure: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    """What is known to differ between our recipe and exposure (empty: none) and a published number,
    a line of ``published.csv``; its shares of anomalies in training are ours."""
    told = [] if recipe == "paper" else [f"recipe: {recipe}, not the paper's"]
    told.append(other_exposure(exposure, known["exposure"]))
    told += [caveat for sign, caveat in CAVEATS.items() if sign in known["note"]]
    return tuple(one for one in told if one)
