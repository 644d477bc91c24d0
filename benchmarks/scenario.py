"""What of the anomalies a detector is given to train with."""

from dataclasses import dataclass


class Impossible(ValueError):
    """A scenario asks for more anomalies than there are; one line says how many there are."""


@dataclass(frozen=True)
class Scenario:
    """What is mixed into the normal training rows.

    Of a labelled data set (Deep SAD, Ruff et al. 2020, section 4.2):
    `labelled`: known anomalies as a share of all training rows, from `known_classes` classes.
    `pollution`: hidden anomalies as a share of the unlabelled rows, from every anomalous class.

    Of categories with masks (FCDD, Liznerski et al. 2021, section 4.4):
    `real`: test images of each kind of defect that become known anomalies, with their masks.
    `held_out`: they leave the test set (ours), or stay in it, as in FCDD's code.
    `shown`: the detector trains with them; if not, they leave the test set all the same, so that
    it is compared on the same images.
    """

    labelled: float = 0.0
    known_classes: int = 1
    pollution: float = 0.0
    real: int = 0
    held_out: bool = True
    shown: bool = True

    def __str__(self) -> str:
        parts = []
        if self.labelled:
            parts.append(f"labelled {self.labelled:g} of {self.known_classes} class(es)")
        if self.pollution:
            parts.append(f"pollution {self.pollution:g}")
        if self.real:
            where = "held out" if self.held_out else "in test"
            parts.append(f"real {self.real} of each kind {where}")
            parts += [] if self.shown else ["not trained with"]
        return ", ".join(parts)
