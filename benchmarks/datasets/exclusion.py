"""Pictures that are never exposed, whichever folder they lie in: those of the thirty classes of
ImageNet-30, as in the code of HSC and FCDD, and those that are tested on.

The papers say that all of ImageNet-1k was left out. A path that names no class (a flat ``val/``)
says nothing of what it shows; there the very files of the test sets are known by name and size.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from baselines.pictures import EXTENSIONS
from benchmarks.datasets import mvtec
from benchmarks.datasets.imagenet30 import CLASSES, WNIDS, tested_places
from benchmarks.witnesses import stamps

Mark = tuple[str, int]  # a file's last name and its size in bytes


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text.lower())


_NAMES = {_letters(name) for name in (*CLASSES, "rotary dial telephone")}
_WNIDS = re.compile("|".join(WNIDS.values()), re.IGNORECASE)


def excluded(parts: Sequence[str]) -> bool:
    """Whether the path of a picture, in parts, speaks of one of the thirty classes: by a part that
    holds its wnid (the authors' rule), or that is its name, whatever the extension, case, spaces,
    signs and digits (``hot_dog``, ``barn-0012.jpg``)."""
    stems = (
        part.rsplit(".", 1)[0] if part.lower().endswith(EXTENSIONS) else part for part in parts
    )
    return any(_WNIDS.search(stem) or _letters(stem) in _NAMES for stem in stems)


@lru_cache(maxsize=4)
def tested(root: Path) -> frozenset[Mark]:
    """The files of ImageNet-30's test images, and all of MVTec AD's, that are under a data root."""
    files = ((path.name, size) for path, size, _ in stamps(mvtec.find(root) or ()))
    return frozenset((*(place.mark for place in tested_places(root)), *files))
