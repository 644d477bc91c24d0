"""A stable, JSON-able description of a thing: what keys and records are made of."""

import dataclasses
import hashlib
import json
from functools import partial
from typing import Any

import numpy as np
import torch

from baselines.anomalies import Exposure
from baselines.later import LATER, PLACE

NAMELESS = "<instance>"  # as Python writes <lambda> and <locals>


def describe(thing: Any) -> Any:
    """Dataclasses as their name and fields, functions by module and name, tensors by a hash.

    A field marked LATER shows only where it differs from its default, one marked PLACE never."""
    if isinstance(thing, Exposure):
        return {"Exposure": thing.name, "images": fingerprint(thing.images)}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return {type(thing).__name__: fields(thing)}
    if isinstance(thing, torch.Tensor | np.ndarray):
        return fingerprint(torch.as_tensor(thing))
    if isinstance(thing, dict):
        return {str(key): describe(value) for key, value in sorted(thing.items())}
    if isinstance(thing, list | tuple):
        return [describe(item) for item in thing]
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    return _named(thing)


def fields(thing: Any) -> dict[str, Any]:
    """The fields of a dataclass, described, by name, but for those that only say a place."""
    found = {}
    for field in dataclasses.fields(thing):
        if field.metadata == PLACE:
            continue
        value = describe(getattr(thing, field.name))
        if field.metadata != LATER or value != describe(field.default):
            found[field.name] = value
    return found


def _named(thing: Any) -> Any:
    if isinstance(thing, partial):
        return {"partial": describe([thing.func, thing.args, thing.keywords])}
    if callable(thing):
        name = getattr(thing, "__qualname__", f"{type(thing).__qualname__}{NAMELESS}")
        return f"{getattr(thing, '__module__', '')}.{name}"
    return str(thing)


def nameless(description: str) -> bool:
    """Whether a description holds a lambda or local function, which its name does not decide."""
    return "<" in description


def written(thing: Any) -> str:
    """The description as canonical JSON."""
    return json.dumps(describe(thing), sort_keys=True, separators=(",", ":"))


def digest(thing: Any) -> str:
    """sha256 of the description, as hexadecimal digits."""
    return hashlib.sha256(written(thing).encode()).hexdigest()


def fingerprint(tensor: torch.Tensor) -> str:
    """sha256 over shape, type and bytes of a tensor; 16 digits. Bytes are read where they lie: no
    copy of a tensor in memory or mapped from a file, unless it has gaps."""
    array = np.ascontiguousarray(tensor.detach().cpu().numpy())
    found = hashlib.sha256(f"{array.shape}{array.dtype}".encode())
    found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:16]


def seed_of(*parts: Any) -> int:
    """A 63-bit seed from a hash of `parts`, the same on every machine and in every process."""
    text = "|".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
