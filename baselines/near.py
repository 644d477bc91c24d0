"""The device that nets learn on, and images brought there: what several share is there once."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from baselines.detector import Rows

# By address, shape, strides and device: images, which keep the address theirs, and those there.
Shared = dict[tuple[Any, ...], tuple[torch.Tensor, torch.Tensor]]
_SHARED: ContextVar[Shared | None] = ContextVar("shared", default=None)


def find_device(device: str) -> torch.device:
    """The named device; "auto" is a GPU if there is one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    found = torch.device(device)
    return torch.device("cuda", torch.cuda.current_device()) if str(found) == "cuda" else found


def fits(images: torch.Tensor, device: torch.device) -> bool:
    """Whether `images` take at most half of what is free on `device`; always true of a CPU, whose
    rows stay where they are, in memory or mapped from a file."""
    if device.type != "cuda" or images.device == device:
        return True
    return images.nbytes <= torch.cuda.mem_get_info(device)[0] // 2


@contextmanager
def sharing() -> Iterator[None]:
    """Within it, the same images are brought to a device once, however many learn from them."""
    token = _SHARED.set({})
    try:
        yield
    finally:
        _SHARED.reset(token)


def brought(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The images on `device`, or as they are where they would fill that: then draws are carried."""
    shared = _SHARED.get()
    key = images.data_ptr(), images.shape, images.stride(), device
    if shared is not None and key in shared:
        return shared[key][1]
    there = images.to(device) if fits(images, device) else images
    if shared is not None:
        shared[key] = images, there
    return there


def near(rows: Rows, device: torch.device) -> Rows:
    """The rows on `device`, or as they are where their images would fill that."""
    images = brought(rows.images, device)
    labels = rows.labels.to(images.device)
    return Rows(images, labels, None if rows.masks is None else rows.masks.to(images.device))
