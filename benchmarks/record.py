"""How the rows of an output folder came about: one line for each run, and a page that says so.

``OUT/runs.jsonl`` grows by a line with every run that had something to do; ``OUT/README.md`` shows
command, commit, machine and time above the tables.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.render import to_markdown
from benchmarks.store import Store
from benchmarks.store import frame as long_form
from benchmarks.tables import overview

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def append(out: Path, run: dict[str, Any]) -> None:
    """Add one run: command, commit, machine, versions, started, seconds, jobs, device, trials."""
    with (out / "runs.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(run) + "\n")


def runs(out: Path) -> list[dict[str, Any]]:
    """The runs of a folder, oldest first; torn lines are passed over."""
    path = out / "runs.jsonl"
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def page(out: Path, frame: pd.DataFrame) -> str:
    """The folder's README: the overview, every run, and where the other files lie."""
    tables = [to_markdown(table) for table in overview(frame).values()]
    lines = [f"# Results in `{out.name}`", "", *tables, "", "## How they came about", ""]
    for run in runs(out):
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


def write_page(out: Path, frame: pd.DataFrame) -> Path:
    """Write ``OUT/README.md``."""
    path = out / "README.md"
    path.write_text(page(out, frame), encoding="utf-8")
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


def rows_or_csv(out: Path) -> pd.DataFrame:
    """The long frame of a folder: of its rows, or of its ``results.csv`` where the rows are not
    kept (a committed result)."""
    if (out / "rows").is_dir():
        return long_form(Store(out).rows())
    return pd.read_csv(out / "results.csv", dtype={"normal": str, "reason": str, "scenario": str})
