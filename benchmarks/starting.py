"""Detectors that start from ImageNet weights."""

from dataclasses import replace
from pathlib import Path

from baselines.detector import Detector
from baselines.trunks import Trunk
from baselines.weights import Published
from benchmarks.pretrained import find_weights


def needed(detector: Detector) -> Published | None:
    """The weights that a detector's net starts from, if it does."""
    net = detector.get_params(deep=False).get("net")
    return net.pretrained if isinstance(net, Trunk) else None


def with_weights(detector: Detector, root: Path) -> Detector:
    """The detector, its net told where its weights lie; raises DataMissing."""
    published = needed(detector)
    if published is None:
        return detector
    net = detector.get_params(deep=False)["net"]
    return detector.set_params(net=replace(net, file=str(find_weights(published, root))))
