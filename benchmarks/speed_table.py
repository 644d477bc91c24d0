"""Measurements of speed as a table of each machine, and what is read from tables and runs."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from baselines.near import find_device
from benchmarks.machine import commit, processor
from benchmarks.store import Store


def machine(device: str, command: str) -> dict[str, Any]:
    """The columns that say where, when and how something was measured."""
    where = find_device(device)
    gpu = where.type == "cuda"
    return {
        "machine": torch.cuda.get_device_name(where) if gpu else processor(),
        "device": where.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
    }


def write(out: Path, about: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Path:
    """Write ``OUT/MACHINE.csv`` and return its path; replaces an earlier one."""
    name = re.sub(
        r"[^a-z0-9]+", "-", f"{about['machine']} {about['threads']} threads".lower()
    ).strip("-")
    path = out / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([row | about for row in rows]).to_csv(path, index=False, float_format="%.5g")
    return path


def efficiency(folder: Path, slots: int) -> str:
    """The time inside trials over the time of all slots, from the first start to the last finish,
    and the median seconds of a trial of each kind; trials together have their shares of it. Raises
    ValueError where no trial is done."""
    rows = [row for row in Store(folder).rows() if row["status"] == "done"]
    if not rows:
        raise ValueError(f"{folder}: no finished trials; name the output folder of a run")
    names = ["dataset", "detector", "recipe", "seconds", "total_seconds", "started", "finished"]
    table = pd.DataFrame(rows).reindex(columns=names)
    began, ended = (pd.to_datetime(table[name], utc=True) for name in ("started", "finished"))
    wall = (ended.max() - began.min()).total_seconds()
    inside = table["total_seconds"].fillna((ended - began).dt.total_seconds()).sum()
    kinds = table.groupby(["dataset", "detector", "recipe"])["seconds"].median().reset_index()
    lines = [f"{k.dataset} {k.detector} {k.recipe}: {k.seconds:.1f} s" for k in kinds.itertuples()]
    share = inside / (slots * wall)
    head = (
        f"{len(rows)} trials, {inside:.0f} s inside them; {slots} slots x {wall:.0f} s: {share:.2f}"
    )
    return "\n".join([head, *lines])
