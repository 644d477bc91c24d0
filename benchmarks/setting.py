"""A detector with the source of its values: what recipes are made of."""

from dataclasses import dataclass

from baselines.detector import Detector
from benchmarks.datasets.categories import Pictures


@dataclass(frozen=True)
class Setting:
    """An unfitted detector, where its values come from, and what differs from that source.

    `exposure` is the exposure the source trains with, for detectors that need one. `pictures` is
    how it reads picture files, where that differs from the data set's own rule."""

    detector: Detector
    source: str
    deviations: tuple[str, ...] = ()
    exposure: str | None = None
    pictures: Pictures | None = None


Settings = dict[str, Setting]  # by data set; ANY for every other one
ANY = "*"
