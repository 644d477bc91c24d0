"""How pictures are brought to a detector, and what its file says of them beside the detector."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from baselines.deep import DeepDetector
from baselines.pictures import PictureError, each, picture_channels, read_image
from fcdd.once import passing_once

BATCH = 16  # pictures scored at once: at 224 pixels some 0.5 GB of activations
KINDS = {1: "grey", 3: "in colour"}


@dataclass(frozen=True)
class Preparation:
    """The reading of pictures: `size` ``(h, w)`` and `channels` they are brought to; `source` are
    the channels they must have on disk, None for any.

    `scale` are the ends of the colour scale of heatmaps, in the units of score maps; `rate` is the
    false-positive rate that the threshold promises and `held_back` the number of normal pictures it
    was set on; `trained_on` are fingerprints of the files that the detector has learned from.
    """

    size: tuple[int, int]
    channels: int
    source: int | None = None
    scale: tuple[float, float] | None = None
    rate: float | None = None
    held_back: int = 0
    trained_on: tuple[str, ...] = ()

    @staticmethod
    def of(detector: DeepDetector) -> "Preparation":
        """That of a loaded detector; where its file tells nothing, pictures are converted."""
        notes: dict[str, Any] = getattr(detector, "notes_", {})
        if "preparation" not in notes:
            c, h, w = detector.shape_in_
            return Preparation((h, w), c)
        told: dict[str, Any] = dict(notes["preparation"])
        told |= {k: tuple(v) for k, v in told.items() if isinstance(v, list)}
        return Preparation(**told)

    def note(self, detector: DeepDetector) -> None:
        """Put this among the notes of the detector, with which it is saved."""
        detector.notes_ = {"preparation": asdict(self)}

    def read(self, path: Path) -> np.ndarray:
        """A picture as uint8 ``(c, h, w)``; PictureError where it is broken or of another kind."""
        if self.source is not None and self.source != (own := picture_channels(path)):
            raise PictureError(
                f"{path}: {KINDS[own]}, but the detector was fitted on pictures that "
                f"are {KINDS[self.source]}; convert it, or fit with --channels {self.channels}"
            )
        return read_image(path, self.size, self.channels)


@dataclass(frozen=True)
class Scored:
    """A picture's score and, if asked for, score map ``(h, w)``; or why there is none."""

    path: Path
    score: float = np.nan
    map: np.ndarray | None = None
    error: str = ""


def scored(
    detector: DeepDetector, preparation: Preparation, paths: Sequence[Path], maps: bool = True
) -> Iterator[list[Scored]]:
    """Scores of pictures, and their `maps`, in order and in batches, so that any number passes
    through the memory."""
    pairs = zip(paths, each(preparation.read, paths), strict=True)
    while batch := list(islice(pairs, BATCH)):
        read = [image for _, image in batch if isinstance(image, np.ndarray)]
        found = _looked_at(detector, np.stack(read), maps) if read else iter(())
        yield [
            Scored(path, error=str(image))
            if isinstance(image, PictureError)
            else Scored(path, *next(found))
            for path, image in batch
        ]


def all_scored(
    detector: DeepDetector, preparation: Preparation, paths: Sequence[Path], maps: bool = True
) -> list[Scored]:
    """As `scored`, all at once. Raises PictureError on the first picture that cannot be read."""
    found = list(chain.from_iterable(scored(detector, preparation, paths, maps)))
    for one in found:
        if one.error:
            raise PictureError(one.error)
    return found


def _looked_at(
    detector: DeepDetector, images: np.ndarray, maps: bool
) -> Iterator[tuple[float, np.ndarray | None]]:
    once = passing_once(detector)
    scores = once.decision_function(images)
    return zip(scores, once.score_map(images) if maps else (None,) * len(scores), strict=True)


def prints(paths: Sequence[Path]) -> tuple[str, ...]:
    """16 digits of the sha256 of each file."""
    return tuple(hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in paths)
