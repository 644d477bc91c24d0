"""What exposures from folders take on the disk: the pictures that a sweep will decode."""

from collections.abc import Iterator, Sequence
from math import prod

from benchmarks.datasets import exposure_set
from benchmarks.datasets.imagenet30 import SHAPE
from benchmarks.datasets.mvtec import DEFAULT
from benchmarks.trial import NO_EXPOSURE, Planned

LARGE = 5e9  # bytes from where on it is told
SIZES = {"imagenet30": prod(SHAPE), "mvtec": 3 * DEFAULT.size**2}  # bytes of an image
SMALL = 3 * 32 * 32  # of one of the other data sets, at most


def needed(planned: Sequence[Planned]) -> Iterator[str]:
    """A line for each exposure whose decoded pictures take much room: the largest number of each
    seed and size of image is kept."""
    largest: dict[str, dict[tuple[int, int], int]] = {}
    for one in planned:
        trial = one.trial
        if trial.exposure in (None, NO_EXPOSURE):
            continue
        most = exposure_set(trial.exposure).most
        if most is None:
            continue
        count = trial.exposure_size or min(most, one.resolved["exposure_images"])
        # Without a size all seeds share what the first draws.
        entry = bytes_of(one), trial.seed if trial.exposure_size else 0
        own = largest.setdefault(trial.exposure, {})
        own[entry] = max(own.get(entry, 0), count)
    for exposure, own in largest.items():
        total = sum(size * count for (size, _), count in own.items())
        if total >= LARGE:
            yield (
                f"exposure {exposure}: up to {total / 1e9:.0f} GB of decoded pictures in the cache "
                "of the data root; --exposure-size and fewer seeds make it less"
            )


def bytes_of(planned: Planned) -> int:
    """Of one decoded picture, in the size of the trial's images."""
    pictures = planned.trial.pictures
    return 3 * pictures.size**2 if pictures else SIZES.get(planned.trial.dataset, SMALL)
