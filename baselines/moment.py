"""A training at a moment: all that changes while it runs, as named tensors and back."""

from dataclasses import dataclass, field
from typing import Any

import torch

from baselines.recipe import State
from baselines.stack import Stack
from baselines.tensorfile import Tensors


@dataclass
class Moment:
    """Nets, optimiser, generators, the method's state, the losses so far, and how far it is.

    `step` counts the steps done of `epoch`, whose rows come in `orders`, one for each net.
    """

    stack: Stack
    optimiser: torch.optim.Optimizer
    generators: list[torch.Generator]
    state: State
    losses: list[torch.Tensor] = field(default_factory=list)
    orders: list[torch.Tensor] = field(default_factory=list)
    epoch: int = 0
    step: int = 0


def packed(moment: Moment) -> tuple[Tensors, dict[str, Any]]:
    """The moment as tensors and as what JSON holds."""
    tensors = {f"net.{name}": value for name, value in moment.stack.tensors().items()}
    tensors |= {f"state.{name}": value for name, value in moment.state.items()}
    tensors |= {f"generator.{k}": each.get_state() for k, each in enumerate(moment.generators)}
    tensors |= {f"order.{k}": order for k, order in enumerate(moment.orders)}
    numbers: dict[str, Any] = {}
    for k, own in moment.optimiser.state_dict()["state"].items():
        for name, value in own.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimiser.{k}.{name}"] = value
            elif value is not None:
                numbers[f"{k}.{name}"] = value
    tensors["losses"] = torch.stack(moment.losses)
    return tensors, {"epoch": moment.epoch, "step": moment.step, "optimiser": numbers}


@torch.no_grad()
def unpack(tensors: Tensors, said: dict[str, Any], moment: Moment) -> None:
    """Take a training that has not begun to the moment packed; bit for bit, layouts too. Raises
    KeyError where a tensor or number is not there, RuntimeError where one has another shape: of
    another net, which `baselines.checkpoint` has told apart before."""
    for name, value in moment.stack.tensors().items():
        value.copy_(tensors[f"net.{name}"])
    device = moment.generators[0].device
    moment.state = {name: tensors[f"state.{name}"].to(device) for name in moment.state}
    for k, generator in enumerate(moment.generators):
        generator.set_state(tensors[f"generator.{k}"])
    orders = [name for name in tensors if name.startswith("order.")]
    moment.orders = [tensors[f"order.{k}"].to(device) for k in range(len(orders))]
    moment.losses = list(tensors["losses"].to(device).unbind())
    moment.epoch, moment.step = said["epoch"], said["step"]
    _unpack_optimiser(tensors, said["optimiser"], moment.optimiser)


def _unpack_optimiser(
    tensors: Tensors, numbers: dict[str, Any], optimiser: torch.optim.Optimizer
) -> None:
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        if kind != "optimiser":
            continue
        index, _, key = rest.partition(".")
        owner = parameters[int(index)]
        # Momenta lie in memory as their parameters do: other strides, other rounding.
        near = torch.empty_like(owner).copy_(value) if value.shape == owner.shape else value
        state.setdefault(int(index), {})[key] = near
    for name, number in numbers.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = number
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
