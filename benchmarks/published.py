"""What the papers print: ``results/published.csv``, every number with its source.

Columns: dataset, detector, normal (a class, a category, or ``mean``), metric, mean, std, n (seeds
or experiments), setting, compare, paper, table, source, note; values lie in [0, 1]. ``compare``
marks the one number per (dataset, detector, normal, metric) that tables print beside ours.
"""

import logging
from functools import cache
from pathlib import Path

import pandas as pd

PATH = Path(__file__).resolve().parents[1] / "results" / "published.csv"
COLUMNS = ["dataset", "detector", "normal", "metric", "mean", "std", "n", "setting", "compare"]
COLUMNS += ["paper", "table", "source", "note"]
CLASSES = {"fmnist": 10, "mnist": 10, "cifar10": 10, "imagenet30": 30, "mvtec": 15}
# With a Gaussian kernel the one-class SVM and SVDD are one problem (Tax & Duin 2004); the
# papers print one row for both.
ALIASES = {"ocsvm": "svdd"}

log = logging.getLogger(__name__)


def read(path: Path = PATH) -> pd.DataFrame:
    """All published numbers; no line, and a warning, where the file did not travel along."""
    if not path.exists():
        log.warning("%s is missing: tables go without the published numbers", path)
        return pd.DataFrame(columns=COLUMNS)
    text = dict.fromkeys(["normal", "setting", "note"], str)
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values={"std": "", "n": ""})


@cache
def _compared() -> pd.DataFrame:
    numbers = read()
    return numbers[numbers["compare"].astype(bool)]


def compared(dataset: str, detector: str, metric: str) -> pd.DataFrame:
    """The numbers printed beside ours, one line per normal, indexed by ``normal``."""
    numbers = _compared()
    chosen = (
        (numbers["dataset"] == dataset)
        & (numbers["detector"] == ALIASES.get(detector, detector))
        & (numbers["metric"] == metric)
    )
    return numbers[chosen].set_index("normal")


@cache
def order(dataset: str) -> tuple[str, ...]:
    """Normals of a dataset in the papers' order; empty when no paper lists them."""
    numbers = _compared()
    normals = numbers.loc[numbers["dataset"] == dataset, "normal"].unique()
    return tuple(normal for normal in normals if normal != "mean")
