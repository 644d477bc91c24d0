"""One epoch of a training set, batch by batch, on the device."""

from collections.abc import Iterator

import torch

from baselines.augment import augmented
from baselines.normalise import unit
from baselines.recipe import Recipe, TrainingSet
from baselines.stack import Batch


def shuffled(part: TrainingSet, generator: torch.Generator) -> torch.Tensor:
    """The order of an epoch: int64 ``(n,)``, each row's place once, on the generator's device."""
    return torch.randperm(len(part.rows), generator=generator, device=generator.device)


def split(order: torch.Tensor, recipe: Recipe) -> tuple[torch.Tensor, ...]:
    """The order of an epoch ``(n,)`` as `steps_per_epoch` batches, int64 ``(b,)`` each, where it
    lies; views, no copies."""
    return order.split(recipe.batch)[: steps_per_epoch(len(order), recipe)]


def batch_of(
    part: TrainingSet,
    measured: torch.Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    index: torch.Tensor,
) -> Batch:
    """The rows at `index`, int64 ``(b,)`` on any device, anomalies in place, augmented and
    normalised: images ``(b', c, h, w)`` of the recipe's type, labels int64 ``(b',)``, masks bool
    ``(b', h, w)`` or None, all on the generator's device, as `measured` is. b' is b, or with
    `Append` 2 b."""
    drawn = part.rows[index].to(generator.device)
    if recipe.placement is not None and part.source is not None:
        drawn = recipe.placement(drawn, part.source, generator)
    images, masks = unit(drawn.images, recipe.dtype), drawn.masks
    for augment in recipe.augment:
        images, masks = augmented(augment, images, masks, generator)
    return recipe.normalise(images, measured), drawn.labels, masks


def batches(
    part: TrainingSet, measured: torch.Tensor, recipe: Recipe, generator: torch.Generator
) -> Iterator[Batch]:
    """The batches of one epoch, each row drawn once."""
    for index in split(shuffled(part, generator), recipe):
        yield batch_of(part, measured, recipe, generator, index)


def steps_per_epoch(n: int, recipe: Recipe) -> int:
    """Batches of an epoch over `n` rows; a last batch of one is dropped: batch norm needs two."""
    whole, rest = divmod(n, recipe.batch)
    return max(1, whole + (rest > 1 and not recipe.drop_last))
