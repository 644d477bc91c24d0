"""A fitted detector from what its file says and holds (see `baselines.saved`)."""

import dataclasses
from typing import Any

import torch
from torch import nn

from baselines.deep import DeepDetector
from baselines.trainer import Recipe, place
from baselines.weights import Published
from baselines.words import Words


def rebuilt(
    said: dict[str, Any], tensors: dict[str, torch.Tensor], words: Words, device: torch.device
) -> DeepDetector:
    """The detector on `device`; ValueError, KeyError, TypeError or RuntimeError where the parts do
    not fit together."""
    detector = words.read(said["detector"])
    if not isinstance(detector, DeepDetector) or not isinstance(detector.recipe, Recipe):
        raise ValueError("it holds no deep detector")
    parts: dict[str, dict[str, torch.Tensor]] = {k: {} for k in ("net", "state", "array", "tensor")}
    for name, value in tensors.items():
        kind, _, own = name.partition(".")
        parts[kind][own] = value
    small = {name: words.read(value) for name, value in said["fitted"].items()}
    arrays = {name: value.numpy() for name, value in parts["array"].items()}
    learned = {name: value.to(device) for name, value in parts["tensor"].items()}
    for name, value in (small | arrays | learned).items():
        if not name.endswith("_") or name.startswith("_"):
            raise ValueError(f"{name} is no fitted attribute")
        setattr(detector, name, value)
    detector.state_ = {name: value.to(device) for name, value in parts["state"].items()}
    detector.notes_ = said["notes"]
    detector.net_ = _net(detector, parts["net"], device)
    return detector


def _net(
    detector: DeepDetector, weights: dict[str, torch.Tensor], device: torch.device
) -> nn.Module:
    """The net with its weights, laid out as after training, so that it computes the same bits."""
    c, h, w = detector.shape_in_
    with torch.random.fork_rng(devices=[]):  # the first weights are drawn only to be replaced
        net = bare(detector.net)((c, h, w))
    place(net, detector.recipe, device)
    net.load_state_dict(weights)
    return net.eval()


def bare(builder: Any) -> Any:
    """The builder without weights to read elsewhere: the file has its own."""
    if not dataclasses.is_dataclass(builder) or isinstance(builder, type):
        return builder
    if isinstance(builder, Published):
        return None
    own = {f.name: bare(getattr(builder, f.name)) for f in dataclasses.fields(builder)}
    return dataclasses.replace(builder, **own)
