"""How the rows of an output folder came about: one line for each run, and a page that says so.

``OUT/runs.jsonl`` grows by a line with every run that had something to do; ``OUT/README.md`` shows
command, commit, machine and time above the tables.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.render import to_markdown
from benchmarks.schema import RUNS
from benchmarks.tables import overview
from benchmarks.whole import extend

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def append(out: Path, run: dict[str, Any]) -> None:
    """Add one run: command, commit, machine, versions, started, seconds, jobs, device, trials."""
    extend(out / RUNS, [json.dumps(run)])


def runs(out: Path) -> list[dict[str, Any]]:
    """The runs of a folder, oldest first; torn lines are passed over."""
    path = out / RUNS
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def page(out: Path, frame: pd.DataFrame, folders: Sequence[Path] = ()) -> str:
    """The folder's README: the overview, every run of the folders that the rows come from, and
    where the other files lie. Without ``folders`` the rows are its own."""
    tables = [to_markdown(table) for table in overview(frame).values()]
    lines = [f"# Results in `{out.name}`", "", *tables, "", "## How they came about", ""]
    for run in (run for folder in folders or [out] for run in runs(folder)):
        host = run["host"]
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
        lines += [
            f"- `{run['command']}`  ",
            f"  {run['started'][:16].replace('T', ' ')} UTC, commit {run['commit']}, "
            f"{run['trials']} trials in {run['seconds']:.0f} s, {run['jobs']} x {run['device']} "
            f"({host['processor']}, {host['cores']} cores, {host['system']}); {versions}",
        ]
    lines += ["", "Every row: `results.csv`. Tables: `tables/`. Figures: `figures/`.", ""]
    return "\n".join(lines)


def write_page(out: Path, frame: pd.DataFrame, folders: Sequence[Path] = ()) -> Path:
    """Write ``OUT/README.md``; as `page`."""
    path = out / "README.md"
    path.write_text(page(out, frame, folders), encoding="utf-8")
    return path


def insert(target: Path, frame: pd.DataFrame) -> None:
    """Put the overview of `frame` between the marks of `target`; ValueError if it has none."""
    text = target.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{target}: no line {BEGIN} and {END} to put the table between")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    table = "\n".join(to_markdown(table) for table in overview(frame).values())
    target.write_text(f"{head}{BEGIN}\n{table}{END}{tail}", encoding="utf-8")
