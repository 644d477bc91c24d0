"""``python -m benchmarks.list``: what there is to run, where its values come from, which data are
here and how to get the rest."""

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.datasets import EXPOSURES
from benchmarks.datasets.base import data_root
from benchmarks.metrics import METRICS
from benchmarks.render import title
from benchmarks.suites import DATASETS, DETECTORS, RECIPES, SUITES, Entry

WIDTH = 160  # where the output is no terminal: wide enough to search in


def main(argv: Sequence[str] | None = None) -> int:
    """Print the lists; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.list", description=__doc__)
    parser.add_argument("--data-root", type=Path, metavar="DIR")
    root = data_root(parser.parse_args(argv).data_root)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in (detectors(), recipes(), data(root), exposures(root), suites(), metrics()):
        console.print(table)
    console.print(f"data root: {root}", soft_wrap=True, highlight=False)
    return 0


def detectors() -> Table:
    """The detectors and what each is given to train with."""
    table = _table("Detectors", "name", "detector", "trains with")
    for name, entry in DETECTORS.items():
        table.add_row(name, title(name), _given(entry))
    return table


def _given(entry: Entry) -> str:
    more = ["outlier exposure"] * entry.exposed + ["known anomalies (--labelled)"] * entry.labelled
    return ", ".join(["normal images", *more])


def recipes() -> Table:
    """Where the values of each recipe come from, and what differs from that source."""
    users: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for recipe, (name, entry), dataset in product(RECIPES, DETECTORS.items(), DATASETS):
        if entry.has(recipe, dataset):
            setting = entry.setting(recipe, dataset)
            key = (recipe, setting.source, "; ".join(setting.deviations))
            users.setdefault(key, {}).setdefault(name, []).append(dataset)
    table = _table("Recipes", "recipe", "detectors", "data sets", "source", "differs")
    for (recipe, source, deviations), found in users.items():
        datasets = dict.fromkeys(d for own in found.values() for d in own)
        table.add_row(recipe, ", ".join(found), ", ".join(datasets), source, deviations)
    return table


def data(root: Path) -> Table:
    """The data sets, and where to get those that are not here."""
    table = _table("Data sets", "name", "title", "normals", "state", "source")
    for name, source in DATASETS.items():
        state = "present" if source.present(root) else f"missing; {source.remedy}"
        table.add_row(name, source.title, str(len(source.normals)), state, source.source)
    return table


def exposures(root: Path) -> Table:
    """The exposures, and where to get those that are not here."""
    table = _table("Exposures", "name", "title", "state", "source")
    for name, exposure in EXPOSURES.items():
        here = exposure.find(root) is not None
        state = "present" if here else f"missing; {exposure.remedy}"
        table.add_row(name, exposure.title, state, exposure.source)
    return table


def suites() -> Table:
    """The suites and the data sets each sweeps."""
    table = _table("Suites", "name", "about", "data sets")
    for name, suite in SUITES.items():
        table.add_row(name, suite.about, ", ".join(suite.datasets))
    return table


def metrics() -> Table:
    """The metrics of a row."""
    table = _table("Metrics", "name", "meaning")
    for name, meaning in METRICS.items():
        table.add_row(name, meaning)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_lines=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    return table


if __name__ == "__main__":
    sys.exit(main())
