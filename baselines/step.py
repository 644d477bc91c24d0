"""One step of K nets: what it does, and what follows it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import torch

from baselines.batches import batch_of
from baselines.moment import Moment
from baselines.recipe import Recipe, State, TrainingSet
from baselines.replay import Step
from baselines.stack import Stack, across, collate, compiled, precision

# Before, a generator's state was one for all recordings: one is lost where another is replayed
# meanwhile, as nets in streams of their own do.
RECORDS = "2.7"  # torch's version
Forward = Callable[..., tuple[torch.Tensor, torch.Tensor]]


class Objective(Protocol):
    """What the loop asks of a member of the lineage: pure functions of tensors."""

    def init(self, outputs: Callable[[], torch.Tensor]) -> State: ...
    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor: ...
    def update(self, out: torch.Tensor, y: torch.Tensor, state: State, epoch: int) -> State: ...


def step_of(
    moment: Moment,
    objective: Objective,
    sets: Sequence[TrainingSet],
    measured: Sequence[torch.Tensor],
    recipe: Recipe,
) -> Step:
    """One step of all nets, on the rows at the places given: a batch each, forward, back, and the
    optimiser. It gives what `follow` takes."""
    autocast = precision(recipe.precision, measured[0].device, len(sets))
    forward = compiled(loss_of(moment.stack, objective, autocast), recipe.compile)

    def step(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        each = zip(sets, measured, moment.generators, rows, strict=True)
        parts = [batch_of(part, m, recipe, g, index) for part, m, g, index in each]
        images, y, masks = collate(parts)
        moment.optimiser.zero_grad(set_to_none=True)
        out, loss = forward(images, y, masks, moment.state)
        loss.sum().backward()
        moment.optimiser.step()
        return out.detach(), y, loss.detach()

    return step


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
def follow(
    moment: Moment, objective: Objective, out: torch.Tensor, y: torch.Tensor, loss: torch.Tensor
) -> None:
    """What follows a step: the method's state learns from its outputs, in place."""
    state = across(lambda o, t, s: objective.update(o, t, s, moment.epoch), out, y, moment.state)
    for name, value in state.items():
        moment.state[name].copy_(value)
    moment.losses.append(loss.clone())
    moment.step += 1


def steady(sets: Sequence[TrainingSet], recipe: Recipe, device: torch.device) -> bool:
    """Whether a step is to be replayed: on a GPU, where the data are there and no draw looks at
    them from the host, by a torch that records beside a replay."""
    if device.type != "cuda" or not recipe.replay or torch.__version__ < RECORDS:
        return False
    return all(
        part.rows.images.device == device and (part.source is None or part.source.steady(device))
        for part in sets
    )
