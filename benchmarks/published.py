"""What the papers print: ``results/published.csv``, every number with its source.

Columns: dataset, detector, normal (a class, a category, ``mean``, or ``std over classes``),
metric, mean, std, n (seeds or experiments), exposure, labelled, known_classes, pollution, setting,
compare, paper, table, source, note; values lie in [0, 1]. Detectors that use no labels have
``labelled`` 0, whatever the others of their table have.

``compare`` marks the one number per (dataset, detector, normal, metric, labelled, known_classes,
pollution) that tables print beside ours: of the detector's own paper if it has one, else of one
that ran it, else of one that quotes others (``quoted by`` in the note), a third party's
reproduction last; where even, of the one that prints every class, then of the newest paper. A test
holds the marks against this rule. ``focal_hendrycks`` is a method of Hendrycks et al. 2019 with a
net of its own, not our ``focal`` (a sibling of HSC, Ruff et al. 2020).

Not in it, for the data are no part of this benchmark: Deep SVDD's table 2 (adversarial stop signs
of GTSRB) and Deep SAD's table 6 (tabular data of ODDS).
"""

import logging
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd

from baselines.several import several
from benchmarks.names import IMAGES, title

PATH = Path(__file__).resolve().parents[1] / "results" / "published.csv"
CASE = ["labelled", "known_classes", "pollution"]
COLUMNS = ["dataset", "detector", "normal", "metric", "mean", "std", "n", "exposure", *CASE]
COLUMNS += ["setting", "compare", "paper", "table", "source", "note"]
ROUNDING = 0.0051  # papers print two or three digits
CLASSES = {"fmnist": 10, "mnist": 10, "cifar10": 10, "imagenet30": 30, "mvtec": 15}
# With a Gaussian kernel the one-class SVM and SVDD are one problem (Tax & Duin 2004); the
# papers print one row for both.
ALIASES = {"ocsvm": "svdd"}
SYNTHETIC = ("confetti",)  # drawn by whoever trains, so that no two make the same
# Exposures that papers name, as people write them.
EXPOSURES = {
    "80mti": "80 Million Tiny Images",
    "as cited": "that of the paper cited",
    "cifar100": "CIFAR-100",
    "emnist": "EMNIST",
    "imagenet22k": "ImageNet-22k",
    "mnist": "MNIST",
}
LABELLED = r"labelled (?P<labelled>\S+) of (?P<known>\d+) class\(es\)"
# FCDD with real anomalies and their masks (its section 4.4) is a detector of its own in the tables.
REAL = re.compile(r"real 1 of each kind (held out|in test)")
SCENARIO = re.compile(rf"(?:{LABELLED})?(?:, )?(?:pollution (?P<pollution>\S+))?")

log = logging.getLogger(__name__)

Case = tuple[float, int, float]  # share labelled, known classes, share of hidden anomalies
PLAIN: Case = (0.0, 0, 0.0)


def read(path: Path = PATH) -> pd.DataFrame:
    """All published numbers; no line, and a warning, where the file did not travel along."""
    if not path.exists():
        log.warning("%s is missing: tables go without the published numbers", path)
        return pd.DataFrame(columns=COLUMNS)
    text = dict.fromkeys(["normal", "exposure", "setting", "note"], str)
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values={"std": "", "n": ""})


def case(scenario: object) -> Case | None:
    """What a row's ``scenario`` says in numbers; None for one that no paper of ours has."""
    if not isinstance(scenario, str) or not scenario:
        return PLAIN
    found = SCENARIO.fullmatch(scenario)
    if found is None:
        return None
    labelled, known, pollution = (found[name] or 0 for name in ("labelled", "known", "pollution"))
    return float(labelled), int(known), float(pollution)


def known_as(detector: str, scenario: object) -> tuple[str, Case | None]:
    """Detector and scenario under which the papers print what a row measures."""
    if detector == "fcdd" and isinstance(scenario, str) and REAL.fullmatch(scenario):
        return "fcdd_semi", PLAIN
    return ALIASES.get(detector, detector), case(scenario)


@cache
def numbers() -> pd.DataFrame:
    """All published numbers, read once; a view to read from."""
    return read()


def compared(dataset: str, detector: str, metric: str, scenario: object = None) -> pd.DataFrame:
    """The numbers printed beside ours, one line per normal, indexed by ``normal``; those of the
    same ``scenario``, as a row writes it (shares of anomalies in training), and of no other."""
    known = numbers()
    name, wanted = known_as(detector, scenario)
    chosen = (
        known["compare"].astype(bool)
        & (known["dataset"] == dataset)
        & (known["detector"] == name)
        & (known["metric"] == metric)
    )
    for field, value in zip(CASE, wanted or PLAIN, strict=True):
        chosen &= known[field] == value
    return known[chosen & (wanted is not None)].set_index("normal")


def elsewhere(chosen: pd.DataFrame) -> pd.DataFrame:
    """What other papers print for the same as ``chosen``, lines of `compared`, trained with the
    same exposure, where it differs by more than rounding; third parties' reproductions aside.
    Indexed from 0."""
    known, same = numbers(), ["dataset", "detector", "normal", "metric", "exposure", *CASE]
    both = known.merge(chosen.reset_index(), on=same, suffixes=("", " chosen"))
    differs = (both["mean"] - both["mean chosen"]).abs() > ROUNDING
    again = both["note"].str.contains("reproduction")
    found = both[differs & ~again & (both["paper"] != both["paper chosen"])]
    return found.drop_duplicates([*same, "paper", "mean"])[COLUMNS].reset_index(drop=True)


def known_classes(dataset: str, scenario: object, seeds: int) -> str:
    """From which classes a mean of ours had known anomalies, one further with each seed; empty
    where it had none, or from all, as the papers' means do."""
    found, others = case(scenario), CLASSES.get(dataset, 0) - 1
    known = found[1] if found else 0
    if not known or seeds >= others:
        return ""
    if known == 1:
        return f"{seeds} of {others} known classes"
    return f"{several(seeds, 'choice')} of {known} known classes"


def sources(known: pd.DataFrame, exposure: object) -> Iterator[str]:
    """Where numbers come from and, if another exposure than ours was trained with, which."""
    fields = known[["paper", "table", "setting", "note", "exposure"]].drop_duplicates()
    for paper, table, setting, note, theirs in fields.itertuples(index=False):
        told = (f"{paper}, {table}", setting, note, other_exposure(exposure, theirs))
        yield "; ".join(text for text in told if text)


def other_exposure(ours: object, theirs: str) -> str:
    """Says that the exposures differ; empty where they do not, or where the paper has none."""
    if not theirs or ours == theirs:
        return ""
    other = EXPOSURES.get(theirs, theirs)
    if isinstance(ours, str) and ours:
        return f"exposure: ours {EXPOSURES.get(ours, ours)}, theirs {other}"
    if theirs in SYNTHETIC:
        return f"anomalies: theirs {other}, ours as the recipe makes them"
    return f"exposure: ours none, theirs {other}"


def partly(part: pd.DataFrame) -> Iterator[str]:
    """A note on each exposure that held fewer images than were published. Rows from before they
    said how many say nothing."""
    columns: dict[str, list[str]] = {}
    told = part[["column", "exposure", "exposure_images"]].dropna().drop_duplicates()
    for column, exposure, held in told.sort_values("column").itertuples(index=False):
        name = exposure.split(":")[0]
        if held < (whole := IMAGES.get(name, 0)):
            text = f"{held:,.0f} of {EXPOSURES[name]}'s {whole:,} images"
            columns.setdefault(text, []).append(title(column))
    for text, who in columns.items():
        yield f"Exposure ({', '.join(who)}): {text}."


@cache
def order(dataset: str) -> tuple[str, ...]:
    """Normals of a dataset in the papers' order; empty when no paper lists them."""
    known = numbers()
    normals = known.loc[known["compare"].astype(bool) & (known["dataset"] == dataset), "normal"]
    return tuple(normal for normal in normals.unique() if normal != "mean")
