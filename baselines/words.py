"""Parameters as JSON and back, by name.

Reading imports nothing and calls nothing that a file names, but the constructors of the frozen
dataclasses that its reader lists beforehand (the words): settings, that is, names and numbers.
"""

import dataclasses
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from baselines.anomalies import Exposure, Source
from baselines.describe import PLACE, fingerprint
from baselines.detector import Rows

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
DTYPES |= {"float16": torch.float16}


@dataclass(frozen=True)
class Forgotten(Source):
    """An exposure of which a file keeps the name and the fingerprint, not the images.

    Raises ValueError where they are needed."""

    name: str
    images: str

    def draw(self, normal: Rows, generator: torch.Generator) -> Rows:
        raise self._lost()

    def to(self, device: torch.device) -> "Forgotten":
        raise self._lost()

    def steady(self, device: torch.device) -> bool:
        raise self._lost()

    def _lost(self) -> ValueError:
        return ValueError(
            f"anomalies: the exposure {self.name or 'without a name'!r} ({self.images}) is not "
            "kept in the file that this detector was loaded from; to fit it again, hand it one: "
            "set_params(anomalies=...)"
        )


class Words:
    """What a file may name: dataclasses, functions, and constants that have a `name`."""

    def __init__(self, things: Iterable[Any]) -> None:
        self.things: dict[str, dict[str, Any]] = {"class": {}, "function": {}, "constant": {}}
        for thing in things:
            kind, name = _kind(thing)
            if self.things[kind].setdefault(name, thing) is not thing:
                raise ValueError(f"words: two {kind} words are called {name}")

    def write(self, thing: Any, where: str = "") -> Any:
        """`thing` as JSON; ValueError, naming the parameter, if a file cannot hold it."""
        if thing is None or isinstance(thing, bool | int | float | str):
            return thing
        if isinstance(thing, list | tuple):
            return [self.write(item, where) for item in thing]
        if isinstance(thing, torch.dtype) and str(thing).split(".")[-1] in DTYPES:
            return {"dtype": str(thing).split(".")[-1]}
        if isinstance(thing, Exposure):
            return {"exposure": thing.name, "images": fingerprint(thing.images)}
        if isinstance(thing, Forgotten):
            return {"exposure": thing.name, "images": thing.images}
        return self._named(thing, where)

    def _named(self, thing: Any, where: str) -> Any:
        kind, name = _kind(thing)
        own = self.things[kind].get(name)
        if own is not None and own == thing:
            return {kind: name}
        cls = type(thing)
        if self.things["class"].get(cls.__name__) is cls:
            return {
                "class": cls.__name__,
                **{f.name: self._field(thing, f, where) for f in kept(thing)},
            }
        called = getattr(thing, "__qualname__", cls.__qualname__)
        raise ValueError(
            f"save: {where or 'a parameter'} is {called}, which a file cannot name; name it in "
            "the `words` of the detector's class, or use one of ours"
        )

    def _field(self, thing: Any, field: dataclasses.Field, where: str) -> Any:
        return self.write(getattr(thing, field.name), f"{where}.{field.name}".lstrip("."))

    def read(self, said: Any) -> Any:
        """The thing that `write` wrote; ValueError for what is not among the words."""
        if isinstance(said, list):
            return tuple(self.read(item) for item in said)
        if not isinstance(said, dict):
            return said
        if "exposure" in said:
            return Forgotten(str(said["exposure"]), str(said.get("images")))
        if "dtype" in said:
            return _found(DTYPES, said["dtype"])
        for kind in ("function", "constant"):
            if kind in said:
                return _found(self.things[kind], said[kind])
        return self._built(said)

    def _built(self, said: dict[str, Any]) -> Any:
        cls = _found(self.things["class"], said.get("class"))
        names = {f.name for f in kept(cls)}
        if unknown := sorted(set(said) - names - {"class"}):
            raise ValueError(f"{cls.__name__} has no {unknown[0]!r}")
        return cls(**{name: self.read(value) for name, value in said.items() if name in names})


def kept(thing: Any) -> list[dataclasses.Field]:
    """The fields that a file holds: all but those that say where something lies on a machine."""
    return [f for f in dataclasses.fields(thing) if f.init and f.metadata != PLACE]


def _kind(thing: Any) -> tuple[str, str]:
    """What sort of word a thing is or would be, and its name."""
    if isinstance(thing, type):
        return "class", thing.__name__
    if inspect.isfunction(thing):
        return "function", thing.__name__
    return "constant", str(getattr(thing, "name", ""))


def _found(things: dict[str, Any], name: Any) -> Any:
    if not isinstance(name, str) or name not in things:
        raise ValueError(f"{name!r} is not known here")
    return things[name]
