"""Pictures as what a network takes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.models.preprocessing import prepare_by
from inference.models.recipe import Layout, Recipe, Resize
from inference.ports import Picture


@dataclass(frozen=True, slots=True)
class Batch:
    """`inputs`: (pictures, channels, rows, columns) or (1, channels, slices, rows, columns).

    `inner`: the rows and columns of them that show the pictures; what is beyond fills up.
    """

    pictures: Sequence[Picture]
    inputs: Tensor
    inner: tuple[int, int]


def split(pictures: Sequence[Picture], recipe: Recipe) -> list[Sequence[Picture]]:
    """Return the pictures in parts that the network can take at once."""
    if recipe.layout is Layout.VOLUME:
        return [pictures] if pictures else []
    # At their own size they seldom fit together.
    count = recipe.batch if recipe.resize is Resize.SQUASH else 1
    return [pictures[begin : begin + count] for begin in range(0, len(pictures), count)]


def prepare_batch(pictures: Sequence[Picture], recipe: Recipe) -> Batch:
    """Raises `ValueError` for what is no picture."""
    for picture in pictures:
        if picture.pixels.ndim != 2 or not np.isfinite(picture.pixels).all():
            raise ValueError("a picture must be (rows, columns) of finite numbers")
    prepared = [prepare_by(recipe, picture) for picture in pictures]
    if len({each.shape for each in prepared}) > 1:
        raise ValueError('slices of different sizes; write resize = "squash" to read them as one')
    volume = recipe.layout is Layout.VOLUME
    inputs = torch.stack(prepared, dim=1)[None] if volume else torch.stack(prepared)
    rows, columns = inputs.shape[-2:]
    return Batch(pictures, _filled(inputs, recipe.multiple), (rows, columns))


def darkest(inputs: Tensor) -> Tensor:
    """Return the lowest value of each picture and channel, shaped to be broadcast."""
    return inputs.amin(dim=tuple(range(2, inputs.ndim)), keepdim=True)


def _filled(inputs: Tensor, multiple: int) -> Tensor:
    missing = [-length % multiple for length in inputs.shape[2:]]
    if not any(missing):
        return inputs
    black = darkest(inputs)
    pads = [each for length in reversed(missing) for each in (0, length)]
    # Filled with zeros above the darkest, which is added again: black, whatever it is.
    return functional.pad(inputs - black, pads) + black
