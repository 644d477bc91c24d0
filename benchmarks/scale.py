"""How score maps become colours: a detector's maps on one scale, or each on its own."""

from dataclasses import dataclass

import numpy as np

SCALES = ("shared", "local")  # the first is what figures and page take unless asked
SCALE_HELP = (
    "colours of heatmaps: one scale for a detector and normal (the default), or each map by itself"
)
# Maps are coloured from their minimum to this quantile of their pixels (the FCDD code's choice per
# data set, and its default for textures; what is not listed is 32 pixels or smaller and takes
# DEFAULT_QUANTILE).
QUANTILE = {"mvtec": 0.99, "imagenet30": 0.97, "textures": 0.97}
DEFAULT_QUANTILE = 0.85


@dataclass(frozen=True)
class Scale:
    """How a map becomes colours: `name` is one of SCALES, `quantile` is shown brightest."""

    name: str
    quantile: float

    @property
    def suffix(self) -> str:
        """What the names of files end in: nothing where the scale is the usual one."""
        return "" if self.name == SCALES[0] else f"-{self.name}"

    def heat(self, maps: np.ndarray) -> np.ndarray:
        """Maps of one detector and one normal ``(k, h, w)`` as float32 ``(k, h, w)`` in [0, 1].

        The range is taken from these maps and no other ones: from all k together (shared), as by
        the FCDD code's global normalisation, or from each by itself (local).
        """
        shown = maps.astype(np.float32)
        axes = (1, 2) if self.name == "local" else (0, 1, 2)
        low = shown.min(axis=axes, keepdims=True)
        high = np.quantile(shown, self.quantile, axis=axes, keepdims=True)
        return np.clip((shown - low) / np.maximum(high - low, 1e-12), 0, 1, dtype=np.float32)

    def told(self, where: str) -> str:
        """The scale in a sentence; `where` says which maps are those of a detector."""
        of = {
            "local": "each map from its own minimum (dark) to its own {q} quantile (bright).",
            "shared": "each detector from the minimum (dark) to the {q} quantile (bright) of all "
            "its maps {where}.",
        }
        told = of[self.name].format(q=f"{self.quantile:.2f}", where=where)
        return f"Colour scale: {self.name}; {told}"


def scale_of(name: str, dataset: str) -> Scale:
    """The scale `name`, one of SCALES, for maps of a data set."""
    return Scale(name, QUANTILE.get(dataset, DEFAULT_QUANTILE))
