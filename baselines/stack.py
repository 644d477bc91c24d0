"""How a step runs: K nets of one shape as one, in which precision, compiled or not.

K nets trained together equal K nets trained apart: every net has its own parameters, buffers,
generators and loss, the K losses are summed, so gradients never mix, and SGD and Adam work
elementwise. Three things would break it and are therefore not offered: clipping by the global
gradient norm, early stopping per net, and classes of different size in one stack.
"""

import ctypes
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from baselines.spectral import Spectral

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
            direct = images.device.type != "cpu" or torch.compiler.is_compiling()
            with nullcontext() if direct else Spectral():
                return self.only(images[0]).unsqueeze(0)
        parameters = dict(zip(self.names, self.stacked, strict=True))

        def one(own: dict, buffers: dict, batch: torch.Tensor) -> torch.Tensor:
            return functional_call(self.nets[0], (own, buffers), (batch,))

        return torch.vmap(one)(parameters, self.stacked_buffers, images)

    def tensors(self) -> dict[str, torch.Tensor]:
        """What is trained and what is tracked, by name; of K nets stacked."""
        if len(self.nets) == 1:
            return self.only.state_dict()
        return dict(zip(self.names, self.stacked, strict=True)) | self.stacked_buffers

    @torch.no_grad()
    def unstack(self) -> None:
        """Hand what was learned back to the K nets."""
        if len(self.nets) == 1:
            return
        stacked = self.tensors()
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


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


@contextmanager
def kept_memory(device: torch.device) -> Iterator[None]:
    """Within it, glibc keeps what a step on a CPU frees for the next one; then it goes back.

    By default large blocks go back to the system at once, which clears the pages of every step's
    tensors anew: half of the time of a wide net. The setting stays with the process: what is
    freed later is kept until the next training ends. Other C libraries are left as they are."""
    library = _glibc() if device.type == "cpu" else None
    if library is None:
        yield
        return
    try:
        yield
    finally:
        library.malloc_trim(0)


@lru_cache(maxsize=1)
def _glibc() -> ctypes.CDLL | None:
    """glibc, told to keep memory; None where the C library is another."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.malloc_trim  # noqa: B018 - an AttributeError, where it is not glibc
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, -1)
        return library
    return None


def deterministic(wanted: bool = True) -> None:
    """For this process: equal runs on one machine give equal bits, at equal numbers of threads.

    An operation that a GPU has in no such form raises RuntimeError. To be called before the GPU is
    first used: its matrix products read their workspace from the environment once.
    """
    if wanted:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.deterministic = wanted
    torch.backends.cudnn.benchmark = False
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 (elsewhere it is emulated, and slower)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def compiled(function: Callable[..., Any], wanted: bool | None) -> Callable[..., Any]:
    """`function`, compiled if asked for; eager, with one log line, if the compiler is missing or
    fails."""
    if not wanted:
        return function
    current = torch.compile(function, dynamic=False)

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
