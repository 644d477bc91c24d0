"""Every recipe as a line: detector and data set, its values, where they come from, what differs."""

import dataclasses
from collections.abc import Iterator
from itertools import product
from typing import Any

import torch

from benchmarks.recipes import ANY
from benchmarks.suites import DETECTORS, RECIPES

COLUMNS = ("recipe", "detector", "data set", "values", "exposure", "source", "differs")
_HIDDEN = ("seed", "device", "contamination", "smoothing", "anomalies")  # of no recipe


def lines() -> Iterator[tuple[str, ...]]:
    """One line for each setting, in the order of COLUMNS."""
    for recipe, (name, entry) in product(RECIPES, DETECTORS.items()):
        for dataset, setting in entry.settings[recipe].items():
            yield (
                recipe,
                name,
                "every other" if dataset == ANY and len(entry.settings[recipe]) > 1 else dataset,
                brief(setting.detector),
                setting.exposure or "",
                setting.source,
                "; ".join(setting.deviations),
            )


def markdown() -> str:
    """The lines as a Markdown table."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *lines()]
    return "\n".join("| " + " | ".join(c.replace("|", r"\|") for c in row) + " |" for row in rows)


def brief(thing: Any) -> str:
    """A thing as it could be written, without what is as usual."""
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        told = [
            f"{field.name}={brief(getattr(thing, field.name))}"
            for field in dataclasses.fields(thing)
            if field.name not in _HIDDEN and getattr(thing, field.name) != field.default
        ]
        return f"{type(thing).__name__}({', '.join(told)})"
    if isinstance(thing, tuple):
        return f"({', '.join(map(brief, thing))})"
    if isinstance(thing, float):
        return f"{thing:g}"
    if isinstance(thing, torch.dtype) or not callable(thing):
        return str(thing)
    return getattr(thing, "__name__", type(thing).__name__)
