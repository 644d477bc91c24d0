"""``python -m benchmarks.list``: what there is to run, where its values come from, which data are
here and how to get the rest.

Exit codes: 0 shown, 3 internal error, 4 usage, 130 interrupted, 143 terminated.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.table import Table

from baselines.door import OK, Parser, entered
from baselines.metrics import METRICS
from benchmarks.datasets import EXPOSURES
from benchmarks.datasets.archives import ARCHIVES
from benchmarks.datasets.base import data_root
from benchmarks.render import title
from benchmarks.suites import DATASETS, DETECTORS, RECIPES, Entry
from benchmarks.sweeps import SUITES, Suite
from benchmarks.values import COLUMNS, lines, markdown

WIDTH = 160  # where the output is no terminal: wide enough to search in


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = Parser(prog="python -m benchmarks.list", description=__doc__)
    parser.add_argument("--data-root", type=Path, metavar="DIR")
    about = "only the recipes, one by one with their values; md: as Markdown"
    forms = ("table", "md")
    parser.add_argument("--recipes", nargs="?", const="table", choices=forms, help=about)
    return entered(parser, argv, show)


def show(arguments: argparse.Namespace) -> int:
    """Print the lists."""
    root = data_root(arguments.data_root)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if arguments.recipes == "md":
        print(markdown())
        return OK
    if arguments.recipes:
        values = _table("Recipes", *COLUMNS)
        for line in lines():
            values.add_row(*line)
        console.print(values)
        return OK
    for table in (detectors(), recipes(), data(root), exposures(root), suites(), metrics()):
        console.print(table)
    for archive in ARCHIVES.values():
        console.print(f"to fetch yourself: {archive}", soft_wrap=True, highlight=False)
    console.print(f"data root: {root}", soft_wrap=True, highlight=False)
    return OK


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
        state = _state(source.normals, source.here(root), source.remedy)
        table.add_row(name, source.title, str(len(source.normals)), state, source.source)
    return table


def _state(normals: Sequence[str], here: Sequence[str], remedy: str) -> str:
    if len(here) == len(normals):
        return "present"
    return f"{', '.join(here)} present; the rest: {remedy}" if here else f"missing; {remedy}"


def exposures(root: Path) -> Table:
    """The exposures, and where to get those that are not here."""
    table = _table("Exposures", "name", "title", "state", "source")
    for name, exposure in EXPOSURES.items():
        here = exposure.find(root) is not None
        state = "present" if here else f"missing; {exposure.remedy}"
        table.add_row(name, exposure.title, state, exposure.source)
    return table


def suites() -> Table:
    """The suites and what each sweeps."""
    table = _table("Suites", "name", "about", "data sets", "detectors", "sweeps over")
    for name, suite in SUITES.items():
        names = ", ".join(suite.detectors) or "all"
        table.add_row(name, suite.about, ", ".join(suite.datasets), names, _swept(suite))
    return table


def _swept(suite: Suite) -> str:
    sizes = f"exposure of {suite.sizes[0]} to {suite.sizes[-1]}" if suite.sizes else ""
    scenarios = "; ".join(str(scenario) or "unlabelled" for scenario in suite.scenarios)
    return sizes or scenarios


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
    raise SystemExit(main())
