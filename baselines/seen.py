"""What the net sees: the first batch of a training that has not begun, as pictures."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from baselines.batches import batches
from baselines.checks import ANOMALY
from baselines.deep import DeepDetector
from baselines.detector import normal
from baselines.near import find_device, near
from baselines.normalise import UnitRange
from baselines.preview import contact_sheet, heading, stack
from baselines.recipe import Recipe, TrainingSet

Seen = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # images (b, c, h, w), labels, masks


def preview(
    detector: DeepDetector, X: Any, y: Any = None, masks: Any = None, title: str = ""
) -> Image.Image:
    """The first batch that `fit` with the same arguments would train on, twice on one sheet: as
    drawn and as the net sees it. Raises ValueError as `fit` does."""
    drawn, seen = first_batch(detector, X, y, masks)
    recipe, size = detector.recipe, max(96, min(160, drawn[0].shape[2]))
    steps = [_name(step) for step in (*recipe.augment, recipe.normalise)]
    before = np.rint(drawn[0] * 255).astype(np.uint8)
    sheets = [contact_sheet(before, *drawn[1:], size), contact_sheet(*seen, size)]
    least, greatest = float(seen[0].min()), float(seen[0].max())
    told = (
        f"As the net sees it, after {', '.join(steps)}; for display the least value of the batch "
        f"({least:.3g}) is black, the greatest ({greatest:.3g}) white"
    )
    width = sheets[0].width
    names = ("As drawn, anomalies in place", told)
    parts = [heading(title, width, bold=True)] if title else []
    for name, sheet in zip(names, sheets, strict=True):
        parts += [heading(name, width, bold=True), sheet]
    return stack(parts)


def first_batch(
    detector: DeepDetector, X: Any, y: Any = None, masks: Any = None
) -> tuple[Seen, Seen]:
    """The first batch of `fit`, before and after augmentation and normalisation.

    Both are made as the loop makes them, from the same seed: rows and anomalies are drawn
    before anything is augmented, so image i of the one is image i of the other.
    """
    device = find_device(detector.device)
    rows = detector._checked(X, y, masks, None)
    part = detector.training_set(near(rows, device))
    bare = replace(detector.recipe, augment=(), normalise=UnitRange())
    return _first(part, bare, device), _first(part, detector.recipe, device)


def _first(part: TrainingSet, recipe: Recipe, device: torch.device) -> Seen:
    measured = recipe.normalise.measure(normal(part.rows).images).to(device)
    generator = torch.Generator(device).manual_seed(part.seed)
    images, labels, masks = next(batches(part, measured, recipe, generator))
    marked = None if masks is None else masks.cpu().numpy()
    return images.cpu().float().numpy(), (labels == ANOMALY).cpu().numpy().astype(int), marked


def _name(step: Any) -> str:
    """An augmentation or normaliser with its values, as written in the recipe."""
    return getattr(step, "__name__", None) or repr(step)
