"""Fitted deep detectors as files: one safetensors file each, no pickle, nothing in it that runs.

Its tensors are the weights, the buffers and whatever else was learned; its header holds, as JSON,
every parameter by name (see `baselines.words`), so that the weights and what they mean can be
neither parted nor mixed up, and one mail carries both. A sha256 over all of it tells damage. The
images of an exposure are not kept, only its name: a loaded detector predicts at once, and asks for
anomalies when it is fitted again.
"""

import json
import re
import tempfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_bytes

from baselines import (
    anomalies,
    augment,
    autoencoder,
    large,
    nets,
    normalise,
    resnet,
    schedules,
    synthetic,
    trunks,
    variations,
    weights,
)
from baselines.autoencoder import Autoencoder
from baselines.deep import DeepDetector
from baselines.deep_sad import DeepSAD, ExposedSAD
from baselines.deep_svdd import DeepSVDD, SoftDeepSVDD
from baselines.hourglass import Hourglass
from baselines.hsc import BCE, HSC, Focal
from baselines.near import find_device
from baselines.rebuilt import rebuilt
from baselines.tensorfile import Tensors, alone, checksum
from baselines.trainer import Recipe
from baselines.words import Words

FORMAT = 1
PACKAGE = "fcdd-benchmark"
ELDERS = (Autoencoder, BCE, DeepSAD, DeepSVDD, ExposedSAD, Focal, HSC, SoftDeepSVDD)
SETTINGS = (
    *(Recipe, autoencoder.ErrorOf, autoencoder.Pretraining, nets.LeNet, nets.MirroredLeNet),
    Hourglass,
    *(nets.uniform_weights, nets.xavier_weights),
    *(schedules.adam, schedules.adamw, schedules.sgd),
    *(schedules.Constant, schedules.Exponential, schedules.Milestones, schedules.OneCycle),
    *(augment.Crop, augment.Flip, augment.Jitter, augment.Noise, large.Window, large.Centre),
    *(resnet.AttentionResNet, resnet.Logit),
    *(variations.OneOf, variations.OwnNoise, variations.Shrunk, variations.WindowOrWhole),
    *(normalise.GlobalContrast, normalise.ImageNetStandard, normalise.PerImageStandard),
    *(normalise.Standard, normalise.UnitRange),
    *(anomalies.Append, anomalies.Either, anomalies.Replace, synthetic.Confetti, synthetic.Scars),
    *(trunks.Trunk, trunks.Map, trunks.Code, trunks.squeezenet, trunks.vgg11_bn),
    *weights.PUBLISHED.values(),
)
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]*[a-z0-9]_")  # a fitted one, as scikit-learn spells them
APART = ("net_", "state_", "notes_")  # attributes with a place of their own in the file


class SavedError(ValueError):
    """A file that holds no detector for us; one line names it, the fault and the remedy."""


def save(detector: DeepDetector, path: str | Path, known: Iterable[Any] = ()) -> None:
    """Write a fitted detector to the file `path`, whole or not at all.

    What it has learned and its parameters are kept, `device` aside; `notes_`, a dict of plain
    JSON, travels along where it is set. `known` are words beside ours and its class's own. Raises
    ValueError where it is not fitted, or a parameter is not among the words; OSError.
    """
    if not hasattr(detector, "shape_in_"):
        raise ValueError(f"save: the {type(detector).__name__} is not fitted; call fit first")
    words, path = vocabulary((type(detector), *known)), Path(path)
    fitted = {k: v for k, v in vars(detector).items() if ATTRIBUTE.fullmatch(k) and k not in APART}
    arrays = {k: v for k, v in fitted.items() if isinstance(v, np.ndarray | torch.Tensor)}
    tensors = {f"net.{k}": v for k, v in detector.net_.state_dict().items()}
    tensors |= {f"state.{k}": v for k, v in detector.state_.items()}
    for name, value in arrays.items():
        kind = "tensor" if isinstance(value, torch.Tensor) else "array"
        tensors[f"{kind}.{name}"] = torch.as_tensor(value)
    tensors = {name: alone(value) for name, value in tensors.items()}
    small = {k: words.write(v, k) for k, v in fitted.items() if k not in arrays}
    said = {"detector": words.write(detector) | {"device": "auto"}, "fitted": small}
    text = json.dumps(said | {"notes": getattr(detector, "notes_", {})})
    head = {"format": str(FORMAT), "package": f"{PACKAGE} {package_version()}", "content": text}
    _write(path, tensors, head | {"sha256": checksum(tensors, text)})


def _write(path: Path, tensors: Tensors, head: dict[str, str]) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file to save the detector in")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder) / path.name
        draft.write_bytes(as_bytes(tensors, head))
        draft.replace(path)


def load(path: str | Path, device: str = "auto", known: Iterable[Any] = ()) -> DeepDetector:
    """The detector in the file `path`, fitted, on `device` wherever it was trained.

    `known` are the detectors beside the elders, and other words, that the file may name; those of
    a class come with it. Raises SavedError for a file that is missing, foreign, damaged, of a newer
    format, or names what is not known; ValueError for a device that is not there.
    """
    path, words = Path(path), vocabulary(known)
    where = available(device)
    head, tensors = _read(path)
    try:
        said = json.loads(head["content"])
        detector = rebuilt(said, tensors, words, where)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        line = " ".join(str(error).split())
        raise SavedError(
            f"{path}: cannot be rebuilt ({line}); was it saved by a class of your own or by "
            "another version? load it with that class's own load(), or that version"
        ) from error
    detector.device = device
    return detector


def _read(path: Path) -> tuple[dict[str, str], Tensors]:
    """The header and the tensors of a file that has passed every check."""
    if not path.is_file():
        raise SavedError(f"{path}: no such file; check the path")
    try:
        with safe_open(path, "pt") as file:
            head = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        line = " ".join(str(error).split())
        raise SavedError(
            f"{path}: not a saved detector, or cut short ({line}); save or copy it again"
        ) from error
    if not {"format", "content", "sha256"} <= set(head):
        raise SavedError(f"{path}: tensors, but no detector of ours; give a file made by save()")
    if head["format"] != str(FORMAT):
        raise SavedError(
            f"{path}: format {head['format']}, saved by {head.get('package')}; this is {PACKAGE} "
            f"{package_version()}, which reads format {FORMAT}: upgrade it"
        )
    if checksum(tensors, head["content"]) != head["sha256"]:
        raise SavedError(f"{path}: its sha256 is not that of its content; copy the file again")
    return head, tensors


def vocabulary(known: Iterable[Any]) -> Words:
    """Our words, those in `known`, and those of each detector's class in it."""
    things = dict.fromkeys((*ELDERS, *SETTINGS))
    for thing in known:
        things |= {thing: None} | dict.fromkeys(getattr(thing, "words", ()))
    return Words(things)


def available(device: str) -> torch.device:
    """The device of that name; ValueError where this machine does not have it."""
    choices = "choose auto, cpu or cuda:N"
    if device != "auto" and not is_device(device):
        raise ValueError(f"device {device}: torch knows none of that name; {choices}")
    try:
        found = find_device(device)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device}: {reason}; {choices}") from None
    return found


def is_device(name: str) -> bool:
    """Whether torch knows a device of that name, be it here or not."""
    try:
        torch.device(name)
    except RuntimeError:  # which lists every backend there ever was
        return False
    return True


def package_version() -> str:
    """Our version, or "unknown" where the package is not installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "unknown"
