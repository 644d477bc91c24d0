"""The one loop: it trains K nets of one shape at once and names no method.

Rows lie on the device as uint8 (on the host, where they would fill it: batches are carried over); a
batch is drawn, mixed with anomalies, augmented and normalised on the device.

Speed lives here and in `stack.py` only (with `spectral.py` behind it): precision, memory and its
layout, and compilation are named nowhere else.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from baselines.augment import Normaliser, unit
from baselines.batches import batches, shuffled, steps_per_epoch
from baselines.checkpoint import Checkpoint
from baselines.checks import ANOMALY
from baselines.detector import Rows
from baselines.large import in_parts
from baselines.moment import Moment
from baselines.recipe import Recipe, State, TrainingSet
from baselines.stack import Batch, Stack, across, collate, compiled, kept_memory, precision, stacked

Forward = Callable[..., tuple[torch.Tensor, torch.Tensor]]
log = logging.getLogger(__name__)


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
    nets: Sequence[nn.Module],
    objective: Objective,
    sets: Sequence[TrainingSet],
    recipe: Recipe,
    device: torch.device,
    checkpoint: Checkpoint | None = None,
) -> list[Trained]:
    """Train `nets` in place, each on its own set; sets must be of one size (see `stack.py`).

    With a `checkpoint` it goes on from there, and leaves its own now and then. Returns, for each
    net, its state, its normaliser's measure and its loss at each step.
    """
    for net in nets:
        place(net, recipe, device)
    measured = [recipe.normalise.measure(normal_images(part.rows)).to(device) for part in sets]

    def started(net: nn.Module, part: TrainingSet, measure: torch.Tensor) -> State:
        return objective.init(lambda: outputs(net, part.rows.images, recipe.normalise, measure))

    states = [started(*each) for each in zip(nets, sets, measured, strict=True)]
    for net in nets:
        net.train()
    stack = Stack(nets)
    optimiser = recipe.optimiser(stack.parameters(), recipe.lr, recipe.weight_decay)
    generators = [torch.Generator(device).manual_seed(part.seed) for part in sets]
    moment = Moment(stack, optimiser, generators, stacked(states))
    if checkpoint is not None:
        checkpoint.restore(moment)
    with kept_memory(device):
        descend(moment, objective, sets, measured, recipe, checkpoint)
    stack.unstack()
    losses = torch.stack(moment.losses)
    return [
        Trained({name: value[k] for name, value in moment.state.items()}, measured[k], losses[:, k])
        for k in range(len(nets))
    ]


def place(net: nn.Module, recipe: Recipe, device: torch.device) -> None:
    """Move a net to the device, in the recipe's type and laid out as it is trained."""
    net.to(device=device, dtype=recipe.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]


def descend(
    moment: Moment,
    objective: Objective,
    sets: Sequence[TrainingSet],
    measured: Sequence[torch.Tensor],
    recipe: Recipe,
    checkpoint: Checkpoint | None,
) -> None:
    """The loop itself: takes `moment` to the end of training, from wherever it stands."""
    device = measured[0].device
    autocast = precision(recipe.precision, device, len(sets))
    forward = compiled(loss_of(moment.stack, objective, autocast), recipe.compile, device)
    steps, epochs = steps_per_epoch(len(sets[0].rows), recipe), recipe.epochs
    while moment.epoch < epochs:
        if not moment.orders:
            moment.orders = [shuffled(*each) for each in zip(sets, moment.generators, strict=True)]
        each = zip(sets, measured, moment.generators, moment.orders, strict=True)
        streams = [batches(part, m, recipe, g, order, moment.step) for part, m, g, order in each]
        for parts in zip(*streams, strict=True):
            rate = recipe.lr * recipe.schedule(moment.epoch + moment.step / steps, epochs)
            take_step(moment, objective, forward, parts, rate)
            if checkpoint is not None:
                checkpoint.keep(moment)
        if log.isEnabledFor(logging.INFO):  # reading a loss waits for the device
            mean = float(torch.stack(moment.losses[-steps:]).mean())
            log.info("epoch %d of %d: loss %.4g", moment.epoch + 1, epochs, mean)
        moment.epoch, moment.step, moment.orders = moment.epoch + 1, 0, []
    if checkpoint is not None:
        checkpoint.end(moment)


def take_step(
    moment: Moment, objective: Objective, forward: Forward, parts: Sequence[Batch], rate: float
) -> None:
    """One step of all nets on a batch each."""
    optimiser, epoch = moment.optimiser, moment.epoch
    for group in optimiser.param_groups:
        group["lr"] = rate
    images, y, masks = collate(parts)
    optimiser.zero_grad(set_to_none=True)
    out, loss = forward(images, y, masks, moment.state)
    loss.sum().backward()
    optimiser.step()
    moment.state = across(
        lambda o, t, s: objective.update(o, t, s, epoch), out.detach(), y, moment.state
    )
    moment.losses.append(loss.detach())
    moment.step += 1


def loss_of(stack: Stack, objective: Objective, autocast: AbstractContextManager) -> Forward:
    """One step's forward: net outputs ``(k, b, ...)`` and the K mean losses ``(k,)``."""

    def forward(
        images: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with autocast:
            out = stack(images)
        out = out.to(torch.promote_types(out.dtype, torch.float32))
        return out, across(objective.loss, out, y, masks, state).mean(1)

    return forward


@torch.no_grad()
def outputs(
    net: nn.Module, images: torch.Tensor, normalise: Normaliser, measured: torch.Tensor
) -> torch.Tensor:
    """Net outputs of uint8 images, un-augmented, in evaluation mode and the net's own precision."""
    net.eval()
    dtype, device = next(net.parameters()).dtype, measured.device
    found = [net(normalise(unit(part.to(device), dtype), measured)) for part in in_parts(images)]
    return torch.cat(found)


def normal_images(rows: Rows) -> torch.Tensor:
    """Images of the rows that are not known anomalies; no copy where that is all of them."""
    normal = rows.labels != ANOMALY
    return rows.images if normal.all() else rows.images[normal]
