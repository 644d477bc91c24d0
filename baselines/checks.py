"""What a detector checks at its door: images, labels and masks; one line names what is wrong."""

from typing import Any

import numpy as np
import torch

UNLABELLED, ANOMALY, KNOWN_NORMAL = 0, 1, 2


def check_images(X: Any, vectors: bool = False) -> torch.Tensor:
    """Images as uint8 ``(n, c, h, w)`` (or float64 ``(n, d)`` where vectors are welcome).

    Raises ValueError naming what is wrong and the remedy.
    """
    images = X if isinstance(X, torch.Tensor) else torch.from_numpy(np.require(X, None, ["C", "W"]))
    if vectors and images.ndim == 2 and len(images):
        if not torch.isfinite(images).all():
            raise ValueError("vectors: NaN or infinite values; clean the rows first")
        return images.double()
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"images: expected shape (n, c, h, w), got {tuple(images.shape)}")
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise ValueError(f"images: expected uint8, or float in [0, 1], got {images.dtype}")
    if not torch.isfinite(images).all():
        raise ValueError("images: NaN or infinite values; clean the images first")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"images: float values must lie in [0, 1], got [{low:.4g}, {high:.4g}]; "
            "scale them or pass uint8"
        )
    return (images * 255).round().to(torch.uint8)


def check_labels(y: Any, known_normal: Any, n: int) -> torch.Tensor:
    """Labels int64 ``(n,)`` of UNLABELLED, ANOMALY, KNOWN_NORMAL; ValueError on other values."""
    labels = torch.full((n,), UNLABELLED)
    if y is not None:
        given = on_host(y)
        if given.shape != (n,) or not np.isin(given, [0, 1]).all():
            raise ValueError(
                f"y: expected {n} labels in {{0, 1}} (1 = known anomaly), got shape "
                f"{given.shape} with values {np.unique(given)[:5].tolist()}"
            )
        labels[torch.from_numpy(given == 1)] = ANOMALY
    if known_normal is not None:
        known = torch.from_numpy(on_host(known_normal).copy())
        if known.shape != (n,) or known.dtype != torch.bool:
            raise ValueError(f"known_normal: expected {n} booleans, got {tuple(known.shape)}")
        if (labels[known] == ANOMALY).any():
            raise ValueError("known_normal: a row cannot be known normal and a known anomaly")
        labels[known] = KNOWN_NORMAL
    return labels


def on_host(values: Any) -> np.ndarray:
    """An array of what may be a tensor on any device, an array or a list."""
    return np.asarray(values.cpu() if isinstance(values, torch.Tensor) else values)


def check_masks(masks: Any, images: torch.Tensor) -> torch.Tensor | None:
    """Masks as bool ``(n, h, w)`` on the images' device, or None; ValueError on another shape."""
    if masks is None:
        return None
    given = torch.from_numpy(on_host(masks) != 0)
    expected = (len(images), *images.shape[2:])
    if tuple(given.shape) != expected:
        raise ValueError(f"masks: expected shape {expected}, got {tuple(given.shape)}")
    return given.to(images.device)
