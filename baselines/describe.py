"""A stable, JSON-able description of a thing: what keys and records are made of."""

import dataclasses
import hashlib
import json
from functools import partial
from typing import Any

import numpy as np
import torch

from baselines.anomalies import Exposure

NAMELESS = "<instance>"  # as Python writes <lambda> and <locals>


def describe(thing: Any) -> Any:
    """Dataclasses as their name and fields, functions by module and name, tensors by a hash."""
    if isinstance(thing, Exposure):
        return {"Exposure": thing.name, "images": fingerprint(thing.images)}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        fields = {f.name: describe(getattr(thing, f.name)) for f in dataclasses.fields(thing)}
        return {type(thing).__name__: fields}
    if isinstance(thing, torch.Tensor | np.ndarray):
        return fingerprint(torch.as_tensor(thing))
    if isinstance(thing, dict):
        return {str(key): describe(value) for key, value in sorted(thing.items())}
    if isinstance(thing, list | tuple):
        return [describe(item) for item in thing]
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    return _named(thing)


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
    """sha256 over shape, type and bytes of a tensor; 16 digits."""
    array = np.ascontiguousarray(tensor.detach().cpu().numpy())
    head = f"{array.shape}{array.dtype}".encode()
    return hashlib.sha256(head + array.tobytes()).hexdigest()[:16]


def seed_of(*parts: Any) -> int:
    """A 63-bit seed from a hash of `parts`, the same on every machine and in every process."""
    text = "|".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
