"""A trial: one detector on one task with one seed; its digest decides whether it is done."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from baselines.describe import seed_of
from benchmarks.datasets.categories import Pictures
from benchmarks.scenario import Scenario
from benchmarks.store import slug

# Raised whenever the same trial would give other numbers: splits, metrics, drawing of anomalies.
PROTOCOL = 1
NO_EXPOSURE = "none"  # the exposure of a detector that trains against known anomalies alone


@dataclass(frozen=True)
class Trial:
    """Names as at the command line; `exposure` is None for a detector that uses none. How picture
    files are read (`pictures`) is part of the data's revision."""

    detector: str
    dataset: str
    normal: str
    seed: int
    recipe: str
    exposure: str | None = None
    exposure_size: int | None = None
    scenario: Scenario = Scenario()
    pictures: Pictures | None = None

    @property
    def random_seed(self) -> int:
        """Seed of the detector: the same for all detectors of a task, so that members which start
        from the same autoencoder share it. 31 bits: scikit-learn takes no more."""
        return seed_of("trial", self.dataset, self.normal, self.seed) % 2**31

    def identity(self) -> dict[str, Any]:
        """The fields of a row that name the trial."""
        return {
            "detector": self.detector,
            "dataset": self.dataset,
            "normal": self.normal,
            "seed": self.seed,
            "recipe": self.recipe,
            "exposure": self.exposure
            if self.exposure_size is None
            else f"{self.exposure}:{self.exposure_size}",
            "scenario": str(self.scenario) or None,
        }


@dataclass(frozen=True)
class Planned:
    """A trial with what it resolves to: what is stored beside its result, and its digest."""

    trial: Trial
    resolved: dict[str, Any]
    revisions: dict[str, str]

    @cached_property
    def digest(self) -> str:
        """12 digits over protocol, trial, resolved values and the content of the data; where the
        values come from may be reworded."""
        parts = {
            "protocol": PROTOCOL,
            "trial": self.trial.identity(),
            "detector": self.resolved["detector"],
            "parameters": self.resolved["parameters"],
            "revisions": self.revisions,
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def stem(self) -> str:
        """Name of the trial's files."""
        t = self.trial
        parts = (t.dataset, t.detector, slug(t.normal), t.recipe, str(t.seed), self.digest)
        return "-".join(parts)
