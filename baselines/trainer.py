"""The one loop: it trains K nets of one shape at once and names no method.

Rows lie on the device as uint8; a batch is drawn, mixed with anomalies, augmented and normalised
there. Speed lives here and in `stack.py` only: precision, memory layout and compilation are named
nowhere else.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from baselines.anomalies import Placement, Source
from baselines.augment import Augmentation, Normaliser, UnitRange, unit
from baselines.detector import ANOMALY, Rows
from baselines.schedules import Constant, Optimiser, Schedule, adam
from baselines.stack import Batch, Stack, across, collate, compiled, precision, stacked

State = dict[str, torch.Tensor]
EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Recipe:
    """How to train: everything but the net and the loss.

    `weight_decay` is coupled L2. `placement` says how anomalies enter a batch of normal rows.
    `precision` None takes bfloat16 where the device computes in it, else float32. `compile` None
    compiles on a GPU only: on a CPU the nets of the lineage gained nothing from it.
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

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or not self.lr > 0:
            raise ValueError(
                "recipe: at least 1 epoch, batches of 2 and a positive learning rate, got "
                f"{self.epochs}, {self.batch}, {self.lr}"
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


@dataclass(frozen=True)
class Trained:
    """What training left beside the net: state, normaliser's measure, loss of each step."""

    state: State
    measured: torch.Tensor
    losses: torch.Tensor


class Objective(Protocol):
    """What the loop asks of a member of the lineage: pure functions of tensors."""

    def init(self, outputs: Callable[[], torch.Tensor]) -> State: ...
    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor: ...
    def update(self, out: torch.Tensor, y: torch.Tensor, state: State, epoch: int) -> State: ...


def train(
    nets: Sequence[nn.Module], objective: Objective, sets: Sequence[TrainingSet], recipe: Recipe
) -> list[Trained]:
    """Train `nets` in place, each on its own set; sets must be of one size (see `stack.py`).

    Returns, for each net, its state, its normaliser's measure and its loss at each step.
    """
    device = sets[0].rows.images.device
    for net in nets:
        net.to(device=device, dtype=recipe.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    measured = [
        recipe.normalise.measure(part.rows.images[part.rows.labels != ANOMALY]) for part in sets
    ]

    def started(net: nn.Module, part: TrainingSet, measure: torch.Tensor) -> State:
        return objective.init(lambda: outputs(net, part.rows.images, recipe.normalise, measure))

    states = [started(*each) for each in zip(nets, sets, measured, strict=True)]
    for net in nets:
        net.train()
    stack = Stack(nets)
    state, losses = descend(stack, objective, stacked(states), sets, measured, recipe)
    stack.unstack()
    return [
        Trained({name: value[k] for name, value in state.items()}, measured[k], losses[:, k])
        for k in range(len(nets))
    ]


def descend(
    stack: Stack,
    objective: Objective,
    state: State,
    sets: Sequence[TrainingSet],
    measured: Sequence[torch.Tensor],
    recipe: Recipe,
) -> tuple[State, torch.Tensor]:
    """The loop itself; returns the last states, stacked, and the losses ``(steps, k)``."""
    device = sets[0].rows.images.device
    generators = [torch.Generator(device).manual_seed(part.seed) for part in sets]
    optimiser = recipe.optimiser(stack.parameters(), recipe.lr, recipe.weight_decay)
    autocast = precision(recipe.precision, device, len(sets))
    forward = compiled(loss_of(stack, objective, autocast), recipe.compile, device)
    steps, losses = steps_per_epoch(len(sets[0].rows), recipe), []
    for epoch in range(recipe.epochs):
        streams = [
            batches(part, measure, recipe, generator)
            for part, measure, generator in zip(sets, measured, generators, strict=True)
        ]
        for step, parts in enumerate(zip(*streams, strict=True)):
            rate = recipe.lr * recipe.schedule(epoch + step / steps, recipe.epochs)
            for group in optimiser.param_groups:
                group["lr"] = rate
            images, y, masks = collate(parts)
            optimiser.zero_grad(set_to_none=True)
            out, loss = forward(images, y, masks, state)
            loss.sum().backward()
            optimiser.step()
            state = across(lambda o, t, s: objective.update(o, t, s, epoch), out.detach(), y, state)  # noqa: B023
            losses.append(loss.detach())
    return state, torch.stack(losses)


def loss_of(
    stack: Stack, objective: Objective, autocast: AbstractContextManager
) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """One step's forward: net outputs ``(k, b, ...)`` and the K mean losses ``(k,)``."""

    def forward(
        images: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with autocast:
            out = stack(images)
        out = out.to(torch.promote_types(out.dtype, torch.float32))
        return out, across(objective.loss, out, y, masks, state).mean(1)

    return forward


def batches(
    part: TrainingSet, measured: torch.Tensor, recipe: Recipe, generator: torch.Generator
) -> Iterator[Batch]:
    """One epoch of normalised batches, each row drawn once."""
    rows = part.rows
    order = torch.randperm(len(rows), generator=generator, device=rows.images.device)
    for index in order.split(recipe.batch)[: steps_per_epoch(len(rows), recipe)]:
        drawn = rows[index]
        if recipe.placement is not None and part.source is not None:
            drawn = recipe.placement(drawn, part.source, generator)
        images = unit(drawn.images, recipe.dtype)
        for augment in recipe.augment:
            images = augment(images, generator)
        yield recipe.normalise(images, measured), drawn.labels, drawn.masks


def steps_per_epoch(n: int, recipe: Recipe) -> int:
    """Batches of an epoch over `n` rows; a last batch of one is dropped: batch norm needs two."""
    whole, rest = divmod(n, recipe.batch)
    return max(1, whole + (rest > 1 and not recipe.drop_last))


@torch.no_grad()
def outputs(
    net: nn.Module, images: torch.Tensor, normalise: Normaliser, measured: torch.Tensor
) -> torch.Tensor:
    """Net outputs of uint8 images, un-augmented, in evaluation mode and the net's own precision."""
    net.eval()
    dtype = next(net.parameters()).dtype
    parts = [net(normalise(unit(part, dtype), measured)) for part in images.split(EVALUATION_BATCH)]
    return torch.cat(parts)
