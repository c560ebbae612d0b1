"""A certainty for each output and picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inference.domain.manifest import Output
from inference.models.answers import activate, average
from inference.models.batch import Batch
from inference.models.recipe import Recipe
from inference.ports import Assessment


def certainties(logits: Tensor, mirrored: Tensor | None, recipe: Recipe) -> NDArray[np.float32]:
    """Return (items, outputs); the sums are made in float64."""
    certainty = activate(average(logits, mirrored).double(), recipe)
    result: NDArray[np.float32] = certainty.float().cpu().numpy()
    return result


def assessments(
    batch: Batch,
    certainty: NDArray[np.float32],
    heat: NDArray[np.float32] | None,
    outputs: Sequence[Output],
) -> list[Assessment]:
    """Return one for each picture.

    `certainty`: (pictures, outputs); `heat`: (pictures, outputs, rows, columns) of the
    network's input, each stretched to 1, or None. A heat map's peak becomes the certainty in
    parts of the threshold, at most 1, so that a picture without the finding glows the less.
    """
    rows, columns = batch.inner
    return [
        Assessment(
            certainty={
                output.name: float(certainty[row, index]) for index, output in enumerate(outputs)
            },
            heat_maps={}
            if heat is None
            else {
                output.name: _fit(
                    heat[row, index, :rows, :columns]
                    * min(1.0, certainty[row, index] / max(output.threshold, 1e-6)),
                    picture.pixels.shape,
                )
                for index, output in enumerate(outputs)
            },
        )
        for row, picture in enumerate(batch.pictures)
    ]


def _fit(heat: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the map at (rows, columns) of the picture, float32, 0 to 1."""
    rows, columns = shape
    fitted = cv2.resize(heat.astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR)
    result: NDArray[np.float32] = np.clip(np.nan_to_num(fitted), 0.0, 1.0)
    return result
