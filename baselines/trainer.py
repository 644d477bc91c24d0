"""The one loop: it trains K nets of one shape at once and names no method.

Rows lie on the device as uint8 (on the host, where they would fill it: batches are carried over); a
batch is drawn, mixed with anomalies, augmented and normalised on the device.

Speed lives here and in `step.py`, `stack.py`, `replay.py`, `streams.py` only (with `biases.py` and
`spectral.py` behind them): precision, memory and its layout, compilation and recording are named
nowhere else.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from baselines.batches import shuffled, split
from baselines.biases import unbiased
from baselines.checkpoint import Checkpoint
from baselines.detector import normal
from baselines.drawing import refuse_drawing
from baselines.large import in_parts
from baselines.moment import Moment
from baselines.normalise import Normaliser, unit
from baselines.recipe import Recipe, State, TrainingSet
from baselines.replay import Pace, Replayed, own_stream, recordable
from baselines.stack import Stack, kept_memory, stacked
from baselines.step import Objective, follow, steady, step_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What training left beside the net: state, normaliser's measure, loss of each step."""

    state: State
    measured: torch.Tensor
    losses: torch.Tensor


class Stopped(Exception):
    """A training that was not wanted any more."""


def train(
    nets: Sequence[nn.Module],
    objective: Objective,
    sets: Sequence[TrainingSet],
    recipe: Recipe,
    device: torch.device,
    checkpoint: Checkpoint | None = None,
    stop: threading.Event | None = None,
) -> list[Trained]:
    """Train `nets` in place, each on its own set; sets must be of one size (see `stack.py`).

    With a `checkpoint` it goes on from there, and leaves its own now and then. Returns, for each
    net, its state, its normaliser's measure and its loss at each step. Raises Stopped at the next
    step, once `stop` is set; ValueError for a net with a layer that draws (`baselines.drawing`).
    """
    go_on(stop)
    for net in nets:
        refuse_drawing(net)
        place(net, recipe, device)
    measured = [recipe.normalise.measure(normal(part.rows).images).to(device) for part in sets]

    def started(net: nn.Module, part: TrainingSet, measure: torch.Tensor) -> State:
        return objective.init(lambda: outputs(net, part.rows.images, recipe.normalise, measure))

    states = [started(*each) for each in zip(nets, sets, measured, strict=True)]
    for net in nets:
        net.train()
    with unbiased(nets), kept_memory(device), own_stream(device):
        stack = Stack(nets)
        optimiser = recipe.optimiser(stack.parameters(), recipe.lr, recipe.weight_decay)
        generators = [torch.Generator(device).manual_seed(part.seed) for part in sets]
        moment = Moment(stack, recordable(optimiser, device), generators, stacked(states))
        if checkpoint is not None:
            checkpoint.restore(moment)
        descend(moment, objective, sets, measured, recipe, checkpoint, stop)
        stack.unstack()
        optimiser.zero_grad(set_to_none=True)  # of a recording they hold its memory
        losses = torch.stack(moment.losses).cpu()  # which waits for the device
    return [
        Trained({name: value[k] for name, value in moment.state.items()}, measured[k], losses[:, k])
        for k in range(len(nets))
    ]


def go_on(stop: threading.Event | None) -> None:
    """Raises Stopped once `stop` is set."""
    if stop is not None and stop.is_set():
        raise Stopped


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
    stop: threading.Event | None = None,
) -> None:
    """The loop itself: takes `moment` to the end of training, from wherever it stands."""
    device = measured[0].device
    step = step_of(moment, objective, sets, measured, recipe)
    if steady(sets, recipe, device):
        step = Replayed(step, moment.generators)
    pace, epochs = Pace(moment.optimiser, device), recipe.epochs
    while moment.epoch < epochs:
        if not moment.orders:
            moment.orders = [shuffled(*each) for each in zip(sets, moment.generators, strict=True)]
        parts = list(zip(*(split(order, recipe) for order in moment.orders), strict=True))
        for rows in parts[moment.step :]:
            go_on(stop)
            pace(recipe.lr * recipe.schedule(moment.epoch + moment.step / len(parts), epochs))
            follow(moment, objective, *step(rows))
            if checkpoint is not None:
                checkpoint.keep(moment)
        tell(moment, len(parts), epochs)
        moment.epoch, moment.step, moment.orders = moment.epoch + 1, 0, []
    if checkpoint is not None:
        checkpoint.end(moment)


def tell(moment: Moment, steps: int, epochs: int) -> None:
    """Log the mean loss of an epoch of so many steps."""
    if log.isEnabledFor(logging.INFO):  # reading a loss waits for the device
        mean = float(torch.stack(moment.losses[-steps:]).mean())
        log.info("epoch %d of %d: loss %.4g", moment.epoch + 1, epochs, mean)


@torch.no_grad()
def outputs(
    net: nn.Module, images: torch.Tensor, normalise: Normaliser, measured: torch.Tensor
) -> torch.Tensor:
    """Net outputs of uint8 images, un-augmented, in evaluation mode and the net's own precision."""
    net.eval()
    dtype, device = next(net.parameters()).dtype, measured.device
    found = [net(normalise(unit(part.to(device), dtype), measured)) for part in in_parts(images)]
    return torch.cat(found)
