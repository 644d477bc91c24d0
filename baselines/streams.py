"""Several trainings at once on a GPU, each in a stream of its own.

A net of the lineage fills a GPU half at best; four at once take little longer than two. Each is
trained as it would be alone, in the same precision and to the same result.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

import torch
from torch import nn

from baselines.checkpoint import Checkpoint
from baselines.recipe import Recipe, TrainingSet
from baselines.trainer import Objective, Stopped, Trained, train

MOST = 16  # of torch's 32 streams of a device, which it hands out in turn


def side_by_side(nets: int, device: torch.device) -> bool:
    """Whether that many nets train in streams of their own, not stacked through one loop."""
    return nets > 1 and device.type == "cuda"


def train_all(
    nets: Sequence[nn.Module],
    objective: Objective,
    sets: Sequence[TrainingSet],
    recipe: Recipe,
    device: torch.device,
    checkpoints: Sequence[Checkpoint | None],
) -> list[Trained]:
    """`baselines.trainer.train` of nets on sets of one size: on a GPU each in a thread, with a
    checkpoint each; elsewhere all through one loop, with one.

    Returns what `train` does, in the order of `nets`. The first error ends the others, at their
    next steps or before they begin, and comes out; raises as `train`.
    """
    if not side_by_side(len(nets), device):
        return train(nets, objective, sets, recipe, device, checkpoints[0])
    stop = threading.Event()

    def one(k: int) -> Trained:
        with torch.cuda.device(device):
            own = [nets[k]], objective, [sets[k]], recipe, device, checkpoints[k], stop
            return train(*own)[0]

    with ThreadPoolExecutor(min(len(nets), MOST)) as pool:
        futures = [pool.submit(one, k) for k in range(len(nets))]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
    return results(futures)


def results(futures: Sequence[Future[Trained]]) -> list[Trained]:
    """All results, or the error that ended the others."""
    for future in futures:
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, Stopped):
            raise error
    return [future.result() for future in futures]
