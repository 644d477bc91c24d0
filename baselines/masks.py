"""The masks of pictures, read when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from baselines.pictures import picture_size, read_mask


@dataclass(frozen=True)
class MaskFiles(Sequence[np.ndarray]):
    """Masks as large as their pictures, bool ``(H, W)``, read when asked for; an image without a
    mask file is normal everywhere. Raises PictureError where a mask is not of its picture's size.
    """

    images: Sequence[Path]
    masks: Sequence[Path | None]

    def __len__(self) -> int:
        return len(self.images)

    @overload
    def __getitem__(self, place: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, place: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        if isinstance(place, slice):
            return MaskFiles(self.images[place], self.masks[place])
        size, mask = picture_size(self.images[place]), self.masks[place]
        return np.zeros(size, bool) if mask is None else read_mask(mask, of=size)
