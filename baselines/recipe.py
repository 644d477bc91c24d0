"""What a training is made of: how, from which rows, against which anomalies."""

from dataclasses import dataclass, field

import torch

from baselines.anomalies import Placement, Source
from baselines.augment import Augmentation
from baselines.detector import Rows
from baselines.later import LATER
from baselines.normalise import Normaliser, UnitRange
from baselines.schedules import Constant, Optimiser, Schedule, adam

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Recipe:
    """How to train: everything but the net and the loss.

    `weight_decay` is coupled L2. `placement` says how anomalies enter a batch of normal rows.
    `precision` None takes bfloat16 where the device computes in it, else float32. `compile` True
    compiles the step: it takes 20 s, and pays in long trainings on a GPU alone. `replay`
    records the step on a GPU and replays it (`baselines.replay`).
    """

    epochs: int
    batch: int = 128
    lr: float = 1e-3
    optimiser: Optimiser = adam
    schedule: Schedule = Constant()
    weight_decay: float = 0.0
    augment: tuple[Augmentation, ...] = ()
    normalise: Normaliser = UnitRange()
    placement: Placement | None = None
    drop_last: bool = False
    precision: torch.dtype | None = None
    compile: bool | None = None
    replay: bool = field(default=True, metadata=LATER)

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or not self.lr > 0:
            raise ValueError(
                "recipe: at least 1 epoch, batches of 2 and a positive learning rate, got "
                f"{self.epochs}, {self.batch}, {self.lr}"
            )
        for augment in self.augment:
            if not hasattr(augment, "moves"):
                raise ValueError(
                    f"recipe: augmentation {augment!r} must say whether it moves pixels; give it "
                    "`moves`, True or False (baselines.augment.Augmentation)"
                )

    @property
    def dtype(self) -> torch.dtype:
        """Type of weights and images: float32, or float64 where that is the precision."""
        return torch.float64 if self.precision is torch.float64 else torch.float32


@dataclass(frozen=True)
class TrainingSet:
    """What one net learns from: rows on the device, a source of anomalies, and a seed."""

    rows: Rows
    source: Source | None
    seed: int
