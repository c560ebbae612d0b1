"""From a picture to what a network takes. Training and serving share it, to the last step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.models.recipe import Intensity, Recipe, Resize
from inference.ports import Picture

_PERCENTILES = (1.0, 99.0)  # what lies outside is mostly markers, text and collimation
_SPREAD = 0.5  # standard deviation after standardisation, as in the ImageNet weights' input
_LIMIT = 2.0  # of the standardised values, either way
_FLAT = 1e-4  # grey range or standard deviation under which there is nothing to see


def prepare(picture: Picture, size: int) -> Tensor:
    """Return (3, size, size), float32: the same picture in every channel.

    The aspect ratio is squashed: so were the images from which the shipped model learned,
    before they were published, and no network could learn true proportions from them.
    """
    pixels = resize(picture.pixels, size)
    outside = None
    if picture.padding is not None and picture.padding.any():
        outside = resize(picture.padding.astype(np.float32), size) > 0.5
    return as_input(standardise(pixels, outside))


def prepare_by(recipe: Recipe, picture: Picture) -> Tensor:
    """Return (channels, rows, columns), float32, as the recipe says."""
    if recipe.intensity is Intensity.PERCENTILES and recipe.resize is Resize.SQUASH:
        return prepare(picture, recipe.size)[: recipe.channels]
    pixels, outside = picture.pixels, picture.padding
    if outside is not None and not outside.any():
        outside = None
    if recipe.resize is Resize.SQUASH:
        pixels = resize(pixels, recipe.size)
        if outside is not None:
            outside = resize(outside.astype(np.float32), recipe.size) > 0.5
    if recipe.intensity is Intensity.PERCENTILES:
        return as_input(standardise(pixels, outside), recipe.channels)
    if outside is not None:
        pixels = np.where(outside, np.float32(0), pixels)
    grey = as_input(pixels.astype(np.float32, copy=False), recipe.channels)
    if not recipe.mean:
        return grey
    mean, std = (torch.tensor(each)[:, None, None] for each in (recipe.mean, recipe.std))
    return (grey - mean) / std


def resize(pixels: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return (size, size), float32, antialiased; `pixels` are (rows, columns), 0 to 1."""
    if pixels.shape == (size, size):
        return pixels.astype(np.float32, copy=False)
    source = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))[None, None]
    small = functional.interpolate(
        source, (size, size), mode="bilinear", align_corners=False, antialias=True
    )
    result: NDArray[np.float32] = small[0, 0].clamp(0.0, 1.0).numpy()
    return result


def standardise(
    pixels: NDArray[np.float32], outside: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Return (rows, columns), float32, with mean 0 and standard deviation 0.5.

    The percentiles make the answer independent of the window that the modality chose.
    `outside` marks padding: it counts in no statistic and ends as black.
    """
    inside = pixels if outside is None or outside.all() else pixels[~outside]
    low, high = (float(value) for value in np.percentile(inside, _PERCENTILES))
    if high - low < _FLAT:
        return np.zeros_like(pixels, dtype=np.float32)
    stretched = np.clip((pixels - low) / (high - low), 0.0, 1.0)
    if outside is not None:
        stretched[outside] = 0.0
    counted = stretched if outside is None or outside.all() else stretched[~outside]
    spread = max(float(counted.std()), _FLAT)
    standard = (stretched - float(counted.mean())) * (_SPREAD / spread)
    limited: NDArray[np.float32] = np.clip(standard, -_LIMIT, _LIMIT).astype(np.float32)
    return limited


def as_input(standard: NDArray[np.float32], channels: int = 3) -> Tensor:
    """Return (channels, rows, columns): weights made for colour want three channels."""
    return torch.from_numpy(np.ascontiguousarray(standard)).expand(channels, -1, -1)
