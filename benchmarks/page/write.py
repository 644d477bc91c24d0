"""Fills the page's template; style and script stand in it, so that the file needs no other."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.citations import bibtex, cited
from benchmarks.gallery import MAPS
from benchmarks.names import dataset_title, metric_title, rank, title
from benchmarks.page.examples import groups
from benchmarks.page.gather import Material, gather
from benchmarks.page.pictures import figures
from benchmarks.page.protocol import choices, counted, given, originals, warned
from benchmarks.page.tables import Part, comparisons, detectors, failures, parts
from benchmarks.published import EXPOSURES
from benchmarks.scale import SCALES
from benchmarks.store import DONE
from benchmarks.tables import MAIN
from benchmarks.theirs import RULE
from benchmarks.works import WORKS

HERE = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "index.html.j2", "style.css", "page.js"


def write(folders: Sequence[Path], out: Path, galleries: int = 2, scale: str = SCALES[0]) -> Path:
    """Write the page over `folders` to `out`, the same bytes for the same results.

    galleries: how many normals of each data set and recipe show their images; none of a folder
    that keeps no rows. scale: of their heatmaps, one of `scale.SCALES`. Raises FileNotFoundError
    for a folder without results, ValueError for one whose ``results.csv`` is none, OSError when
    `out` cannot be written.
    """
    text = page(gather(folders), galleries, scale)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OSError(f"page {out} is not writable: {error.strerror or error}") from error
    return out


def page(material: Material, galleries: int, scale: str) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"dataset": dataset_title, "metric": metric_title, "detector": title}
    environment.filters["counted"] = counted
    environment.globals["warned"] = warned
    script = (HERE / SCRIPT).read_text(encoding="utf-8")
    found = list(parts(material.frame))
    shown = list(groups(material, galleries, scale))
    return environment.get_template(TEMPLATE).render(
        style=Markup((HERE / STYLE).read_text(encoding="utf-8")),
        script=Markup(script),
        # Of all scripts only this one may run.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        summary=summary(material.frame),
        facets=facets(material.frame, found),
        parts=found,
        lines=detectors(found),
        comparisons=list(comparisons(found)),
        groups=shown,
        stored=bool(material.rows),
        figures=list(figures(material, drawn_here=bool(shown))),
        failures=failures(material.frame),
        runs=list(material.runs()),
        exposures=given(found),
        choices=choices(found),
        maps=MAPS,
        recipes=recipes(material),
        protocols=sorted(map(str, material.frame["protocol"].unique())),
        works=works(material.frame, found),
        rule=RULE,
    )


def summary(frame: pd.DataFrame) -> dict[str, Any]:
    """What was run, in numbers."""
    trials = frame.drop_duplicates("stem")
    of = originals(trials["dataset"])
    seeds = trials.groupby(["dataset", "recipe", "detector"])["seed"].nunique()
    few, most = seeds.min(), seeds.max()
    commits = trials["commit"].dropna().astype(str).unique()
    return {
        "detectors": trials["detector"].nunique(),
        "datasets": of.nunique(),
        "classes": len(pd.concat([of, trials["normal"]], axis=1).drop_duplicates()),
        "seeds": most if few == most else f"{few} to {most}",
        "trials": len(trials),
        "failed": int((trials["status"] != DONE).sum()),
        "finished": str(trials["finished"].max())[:10],
        "commits": sorted(commits),
    }


def facets(frame: pd.DataFrame, found: Sequence[Part]) -> dict[str, list[tuple[str, str, bool]]]:
    """What the page is filtered by: (value, text, chosen at first) of each facet."""
    metrics = list(dict.fromkeys(part.metric for part in found))
    first = next((name for name in (*MAIN, *metrics) if name in metrics), "")
    datasets = list(dict.fromkeys([part.dataset for part in found] + list(frame["dataset"])))
    names = sorted(frame["detector"].unique(), key=rank)
    return {
        "metric": [(name, metric_title(name), name == first) for name in metrics],
        "dataset": [(name, dataset_title(name), False) for name in datasets],
        "recipe": [(name, name, False) for name in sorted(frame["recipe"].unique())],
        "detector": [(name, title(name), False) for name in names],
    }


def recipes(material: Material) -> list[dict[str, Any]]:
    """Where each detector's values come from and what differs there, from the stored rows."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for stored in material.rows.values():
        row, resolved = stored.row, stored.row.get("resolved") or {}
        key = (str(row["dataset"]), str(row["recipe"]), str(row["detector"]))
        found[key] = {
            **dict(zip(("dataset", "recipe", "detector"), key, strict=True)),
            "source": resolved.get("source", ""),
            "deviations": resolved.get("deviations") or [],
            "notes": row.get("protocol_notes") or [],
        }
    return [found[key] for key in sorted(found, key=lambda key: (key[0], key[1], rank(key[2])))]


def works(frame: pd.DataFrame, found: Sequence[Part]) -> list[dict[str, Any]]:
    """The works that the page's results rest on, each with what rests on it."""
    papers = dict.fromkeys(one.paper for one in comparisons(found))
    exposures = frame["exposure"].dropna().astype(str).str.split(":").str[0].unique()
    methods = sorted(frame["detector"].unique(), key=rank)
    metrics = frame["metric"].dropna().unique()
    keys = cited(methods, frame["dataset"].unique(), exposures, metrics, papers)
    return [
        {"key": key, "work": WORKS[key], "bibtex": bibtex(key, WORKS[key]),
         "of": [EXPOSURES.get(name, dataset_title(title(name))) for name in names]}
        for key, names in keys.items()
    ]  # fmt: skip
