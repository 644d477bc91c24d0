"""One epoch of a training set, batch by batch, on the device."""

from collections.abc import Iterator

import torch

from baselines.augment import augmented, unit
from baselines.recipe import Recipe, TrainingSet
from baselines.stack import Batch


def shuffled(part: TrainingSet, generator: torch.Generator) -> torch.Tensor:
    """The order of an epoch: every row once."""
    return torch.randperm(len(part.rows), generator=generator, device=generator.device)


def batches(
    part: TrainingSet,
    measured: torch.Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    order: torch.Tensor | None = None,
    first: int = 0,
) -> Iterator[Batch]:
    """One epoch of normalised batches, each row drawn once; in the order given, from batch `first`
    on, where part of the epoch is done."""
    rows = part.rows
    order = shuffled(part, generator) if order is None else order
    for index in order.split(recipe.batch)[first : steps_per_epoch(len(rows), recipe)]:
        drawn = rows[index].to(generator.device)
        if recipe.placement is not None and part.source is not None:
            drawn = recipe.placement(drawn, part.source, generator)
        images, masks = unit(drawn.images, recipe.dtype), drawn.masks
        for augment in recipe.augment:
            images, masks = augmented(augment, images, masks, generator)
        yield recipe.normalise(images, measured), drawn.labels, masks


def steps_per_epoch(n: int, recipe: Recipe) -> int:
    """Batches of an epoch over `n` rows; a last batch of one is dropped: batch norm needs two."""
    whole, rest = divmod(n, recipe.batch)
    return max(1, whole + (rest > 1 and not recipe.drop_last))
