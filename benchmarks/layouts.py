"""The papers' tables: which published numbers stand in each, and in what order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks import published
from benchmarks.names import dataset_title

MEAN, STD = "mean", "std over classes"
QUOTED = (
    "autoencoder", "deep_svdd", "geo", "geo_plus", "focal_hendrycks", "geo_plus_oe", "deep_sad_oe",
)  # fmt: skip
SCENARIOS = (
    "svdd", "ocsvm_hybrid", "iforest", "iforest_hybrid", "kde", "kde_hybrid", "autoencoder",
    "deep_svdd", "ssad", "ssad_hybrid", "ss_dgm", "deep_sad", "supervised_classifier",
)  # fmt: skip
SMALL = ("mnist", "fmnist", "cifar10")


@dataclass(frozen=True)
class Layout:
    """A table of a paper: its detectors in print order, and the line each number stands in.

    `experiments`: ± is over all pairs of class and seed, as in that paper, not over seeds' means.
    """

    paper: str
    table: str
    about: str
    datasets: tuple[str, ...]
    detectors: tuple[str, ...]
    corner: str
    line: Callable[[Any], str]
    experiments: bool = False

    def numbers(self) -> pd.DataFrame:
        """Its published numbers in print order, with ``line``."""
        known = published.numbers()
        where = known["table"].eq(self.table) | known["table"].str.startswith(f"{self.table} (")
        found = known[known["paper"].eq(self.paper) & where]
        if found.empty:
            return found.assign(line="")
        lines = [self.line(number) for number in found.itertuples()]
        keys = pd.Series([self._place(n) for n in found.itertuples()], found.index, dtype=object)
        return found.assign(line=lines, place=keys).sort_values("place").drop(columns="place")

    def _place(self, number: Any) -> tuple[int, ...]:
        normals = [*published.order(number.dataset), MEAN, STD]
        shares = (number.labelled, number.pollution, number.known_classes)
        place = (self.datasets.index(number.dataset), *(round(100 * share) for share in shares))
        return (*place, normals.index(number.normal), self.detectors.index(number.detector))


def _class(number: Any) -> str:
    return str(number.normal)


def _class_of_two(number: Any) -> str:
    of = dataset_title(number.dataset)
    return f"{of} mean" if number.normal == MEAN else str(number.normal)


def _dataset(number: Any) -> str:
    return dataset_title(number.dataset)


def _share(name: str, form: str) -> Callable[[Any], str]:
    """Line of Deep SAD's tables: the data set and what is varied."""
    return lambda number: f"{dataset_title(number.dataset)} {getattr(number, name):{form}}"


SVDD, SAD, FCDD = "Deep SVDD (ICML 2018)", "Deep SAD (ICLR 2020)", "FCDD (ICLR 2021)"
LAYOUTS: dict[str, Layout] = {
    "deep_svdd-table-1": Layout(
        SVDD, "Table 1", "MNIST and CIFAR-10", ("mnist", "cifar10"),
        ("svdd", "kde", "iforest", "autoencoder", "anogan", "deep_svdd_soft", "deep_svdd"),
        "normal", _class_of_two,
    ),
    "deep_sad-table-3": Layout(
        SAD, "Table 3", "share of known anomalies", SMALL, SCENARIOS, "labelled",
        _share("labelled", ".2f"), True,
    ),
    "deep_sad-table-4": Layout(
        SAD, "Table 4", "share of hidden anomalies, .05 known", SMALL, SCENARIOS, "pollution",
        _share("pollution", ".2f"), True,
    ),
    "deep_sad-table-5": Layout(
        SAD, "Table 5", "classes of known anomalies, .05 known, .10 hidden", SMALL, SCENARIOS,
        "known classes", _share("known_classes", "d"), True,
    ),
    "fcdd-table-1": Layout(
        FCDD, "Table 1", "means over classes", ("fmnist", "cifar10", "imagenet30"),
        (*QUOTED, "hsc", "fcdd"), "dataset", _dataset,
    ),
    "fcdd-table-2": Layout(
        FCDD, "Table 2", "MVTec-AD, pixels", ("mvtec",),
        ("autoencoder_ssim", "autoencoder", "anogan", "cnnfd", "vevae", "smai", "gdr", "p_net",
         "fcdd", "fcdd_semi"), "normal", _class,
    ),
    "fcdd-table-6": Layout(
        FCDD, "Table 6", "Fashion-MNIST", ("fmnist",),
        ("autoencoder", "deep_svdd", "geo", "fcdd"), "normal", _class,
    ),
    "fcdd-table-7": Layout(
        FCDD, "Table 7", "CIFAR-10", ("cifar10",), (*QUOTED, "hsc", "fcdd"), "normal", _class,
    ),
}  # fmt: skip
