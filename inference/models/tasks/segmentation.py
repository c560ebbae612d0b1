"""A certainty for each output and pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.domain.manifest import Output
from inference.models.answers import activate, average
from inference.models.batch import Batch
from inference.models.recipe import Recipe
from inference.ports import Assessment, Picture


def assessments(
    batch: Batch,
    logits: Tensor,
    mirrored: Tensor | None,
    recipe: Recipe,
    outputs: Sequence[Output],
    explain: bool,
) -> list[Assessment]:
    """Return one for each picture.

    `logits`: (pictures, classes, rows, columns), or (1, classes, slices, rows, columns), as
    coarse as the network likes within a slice. Where `explain` is set, the heat maps are the
    certainties themselves.
    """
    mean = average(logits, None if mirrored is None else mirrored.flip(-1))
    if mean.ndim == 5:
        if mean.shape[2] != batch.inputs.shape[2]:
            raise ValueError(
                f"the network answered with {mean.shape[2]} slices to {batch.inputs.shape[2]}"
            )
        mean = mean[0].transpose(0, 1)
    found = []
    for index, picture in enumerate(batch.pictures):
        fitted = _fit(mean[index : index + 1], batch, picture.pixels.shape)
        certainty: NDArray[np.float32] = activate(fitted, recipe)[0].numpy()
        found.append(_assessment(picture, certainty, outputs, explain))
    return found


def _fit(logits: Tensor, batch: Batch, shape: tuple[int, ...]) -> Tensor:
    """Return (1, classes, rows, columns) of the picture's `shape`."""
    whole = batch.inputs.shape[-2:]
    if tuple(whole) != batch.inner:
        rows, columns = batch.inner
        logits = _resized(logits, tuple(whole))[:, :, :rows, :columns]
    return _resized(logits, shape)


def _resized(logits: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(logits.shape[-2:]) == shape:
        return logits
    return functional.interpolate(logits, shape, mode="bilinear", align_corners=False)


def _assessment(
    picture: Picture,
    certainty: NDArray[np.float32],
    outputs: Sequence[Output],
    explain: bool,
) -> Assessment:
    """`certainty`: (outputs, rows, columns)."""
    if picture.padding is not None:
        certainty = np.where(picture.padding, np.float32(0), certainty)
    maps = {output.name: certainty[index] for index, output in enumerate(outputs)}
    return Assessment(
        certainty={name: float(each.max()) for name, each in maps.items()},
        heat_maps={name: each.astype(np.float32, copy=True) for name, each in maps.items()}
        if explain
        else {},
        masks={output.name: maps[output.name] >= output.threshold for output in outputs},
    )
