"""How a step runs: K nets of one shape as one, in which precision, compiled or not.

K nets trained together equal K nets trained apart: every net has its own parameters, buffers,
generators and loss, the K losses are summed, so gradients never mix, and SGD and Adam work
elementwise. Three things would break it and are therefore not offered: clipping by the global
gradient norm, early stopping per net, and classes of different size in one stack.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]  # images, labels, masks
log = logging.getLogger(__name__)


class Stack(nn.Module):
    """``(k, b, c, h, w)`` in, ``(k, b, ...)`` out; one net runs as it is, without vmap's price."""

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        super().__init__()
        self.nets = list(nets)  # a plain list: the stacked tensors below are what is trained
        if len(nets) == 1:
            self.only = nets[0]
            return
        parameters, self.stacked_buffers = stack_module_state(self.nets)
        self.names = list(parameters)
        self.stacked = nn.ParameterList(parameters.values())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(self.nets) == 1:
            return self.only(images[0]).unsqueeze(0)
        parameters = dict(zip(self.names, self.stacked, strict=True))

        def one(own: dict, buffers: dict, batch: torch.Tensor) -> torch.Tensor:
            return functional_call(self.nets[0], (own, buffers), (batch,))

        return torch.vmap(one)(parameters, self.stacked_buffers, images)

    @torch.no_grad()
    def unstack(self) -> None:
        """Hand what was learned back to the K nets."""
        if len(self.nets) == 1:
            return
        stacked = dict(zip(self.names, self.stacked, strict=True)) | self.stacked_buffers
        for k, net in enumerate(self.nets):
            own = dict(net.named_parameters()) | dict(net.named_buffers())
            for name, value in stacked.items():
                own[name].copy_(value[k])


def across(function: Callable[..., Any], *args: Any) -> Any:
    """`function` of one net's tensors, applied over the leading K of every tensor in `args`."""
    leaves, spec = tree_flatten(args)
    given = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]

    def one(*own: torch.Tensor) -> Any:
        mine = iter(own)
        filled = [next(mine) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        return function(*tree_unflatten(filled, spec))

    if given[0].shape[0] == 1:
        return tree_map(lambda result: result.unsqueeze(0), one(*(leaf[0] for leaf in given)))
    return torch.vmap(one)(*given)


def collate(parts: Sequence[Batch]) -> Batch:
    """K batches as one, ``(k, b, ...)``."""
    images, labels, masks = zip(*parts, strict=True)
    stacked_masks = None if masks[0] is None else torch.stack(masks)
    return torch.stack(images), torch.stack(labels), stacked_masks


def stacked(states: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """K states as one, each tensor ``(k, ...)``."""
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}


def precision(
    wanted: torch.dtype | None, device: torch.device, nets: int
) -> AbstractContextManager:
    """The autocast context: bfloat16 by default, if the hardware multiplies in it and one net is
    trained; K at once compute in float32, for vmap and autocast do not agree on every layer."""
    if wanted is None:
        wanted = torch.bfloat16 if nets == 1 and has_bfloat16(device) else torch.float32
    if wanted in (torch.float32, torch.float64):
        return nullcontext()
    return torch.autocast(device.type, wanted)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 (elsewhere it is emulated, and slower)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def compiled(
    function: Callable[..., Any], wanted: bool | None, device: torch.device
) -> Callable[..., Any]:
    """`function`, compiled if asked for (by default on a GPU); eager, with one log line, if the
    compiler is missing or fails."""
    if not (device.type == "cuda" if wanted is None else wanted):
        return function
    current = torch.compile(function)

    def fast_or_eager(*args: Any) -> Any:
        nonlocal current
        if current is function:
            return function(*args)
        try:
            return current(*args)
        except Exception as error:  # noqa: BLE001 - if eager fails too, its own error is raised
            result = function(*args)
            log.warning("not compiled, running eagerly: %s", str(error).split("\n", 1)[0])
            current = function
            return result

    return fast_or_eager
