"""Several trainings at once on a GPU, each in a stream of its own.

A net of the lineage fills a GPU half at best; four at once take little longer than two. Each is
trained as it would be alone, in the same precision and to the same result.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import torch
from torch import nn

from baselines.checkpoint import Checkpoint
from baselines.recipe import Recipe, TrainingSet
from baselines.trainer import Objective, Trained, train


def at_once(nets: int, device: torch.device) -> bool:
    """Whether that many nets train in streams of their own, not stacked through one loop."""
    return nets > 1 and device.type == "cuda"


def side_by_side(
    nets: Sequence[nn.Module],
    objective: Objective,
    sets: Sequence[TrainingSet],
    recipe: Recipe,
    device: torch.device,
    checkpoints: Sequence[Checkpoint | None],
) -> list[Trained]:
    """`baselines.trainer.train` of each net, in a thread each; the first error comes out."""

    def one(k: int) -> Trained:
        return train([nets[k]], objective, [sets[k]], recipe, device, checkpoints[k])[0]

    with ThreadPoolExecutor(len(nets)) as pool:
        futures = [pool.submit(copy_context().run, one, k) for k in range(len(nets))]
        return [future.result() for future in futures]
