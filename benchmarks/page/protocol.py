"""What a reader must know of how the numbers on the page came about, and of nothing else."""

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from benchmarks.names import rank
from benchmarks.page.tables import Part
from benchmarks.published import EXPOSURES

HELD_BACK = "_held_back"  # what the names of splits of training images end in
# How our `fast` recipes were chosen, by data set.
FAST: Mapping[str, str] = {
    "fmnist": "chosen on a split of its training images (suite validate), not on test images.",
    "mnist": "those of Fashion-MNIST.",
    "cifar10": "chosen on a split of its training images (suite cifar10-validation). The test "
    "AUROC of a first choice had been seen; epochs and learning rates were then chosen anew, on "
    "the split.",
    "imagenet30": "not tuned.",
    "mvtec": "one for all fifteen categories, found on bottle and screw, whose test AUROC was seen "
    "meanwhile, for no training image is an anomaly to choose by: the numbers of these two are "
    "FCDD's at its best.",
    "digits": "those of Fashion-MNIST, in small batches, for few rows.",
    "textures": "those of Fashion-MNIST, in small batches, for few rows; against confetti, as on "
    "MVTec AD.",
    "fmnist_held_back": "chosen on this very split: its numbers are the best of several, no test.",
    "cifar10_held_back": "chosen on this very split: its numbers are the best of several, no test.",
}
SEEN = ("mvtec", "fmnist_held_back", "cifar10_held_back")  # chosen on what is shown
# The anomalies that recipes make themselves where no exposure is named, and who trains on them.
MADE = {
    ("mvtec", "fast"): "synthetic: confetti and scars",
    ("mvtec", "paper"): "synthetic: confetti",
    ("textures", "fast"): "synthetic: confetti",
}
AGAINST = ("deep_sad_oe", "hsc", "bce", "focal", "fcdd")
COUNT = re.compile(r"(\d+) (\w+)\((\w+)\)")


def chosen(dataset: str, recipe: str) -> str:
    """How a recipe of ours was chosen, in a sentence; empty where the papers chose."""
    return FAST.get(dataset, "") if recipe == "fast" else ""


def warned(dataset: str, recipe: str) -> str:
    """The same where it was chosen by numbers that the page shows."""
    return chosen(dataset, recipe) if dataset in SEEN else ""


def choices(found: Iterable[Part]) -> dict[str, str]:
    """How the recipes on the page were chosen, by data set."""
    told = {part.dataset: chosen(part.dataset, part.recipe) for part in found
            if part.recipe == "fast"}  # fmt: skip
    return {dataset: text for dataset, text in told.items() if text}


def given(found: Sequence[Part]) -> list[dict[str, str]]:
    """What detectors trained with besides normal images; each data set and recipe once."""
    told = {
        (part.dataset, part.recipe, column): {
            "dataset": part.dataset, "recipe": part.recipe, "detector": column.split(" ")[0],
            "exposure": exposure(part.dataset, part.recipe, column.split(" ")[0], fact.exposure),
            "scenario": counted(fact.scenario),
        }
        for part in found
        for column, fact in sorted(part.facts.items(), key=lambda one: rank(one[0]))
    }  # fmt: skip
    return [one for one in told.values() if one["exposure"] or one["scenario"]]


def exposure(dataset: str, recipe: str, detector: str, named: str) -> str:
    """What a detector trained against, as people write it; `named` as in its rows."""
    if not named:
        return MADE.get((dataset, recipe), "") if detector in AGAINST else ""
    name, _, size = named.partition(":")
    return EXPOSURES.get(name, name) + (f", {size} images" if size else "")


def counted(text: str) -> str:
    """``3 trial(s)`` as ``3 trials``, ``1 class(es)`` as ``1 class``."""
    return COUNT.sub(lambda at: f"{at[1]} {at[2]}{at[3] if at[1] != '1' else ''}", text)


def originals(datasets: pd.Series) -> pd.Series:
    """Data sets, a split of training images as the one that it is of."""
    return datasets.str.removesuffix(HELD_BACK)
