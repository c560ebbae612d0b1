"""From what a network answers to certainties."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from inference.models.recipe import Activation, Recipe


def pick(answer: Mapping[str, Tensor], name: str) -> Tensor:
    """Return the output of this name, or the first for "". Raises `ValueError`."""
    if not answer:
        raise ValueError("the network answered with nothing")
    if not name:
        return next(iter(answer.values()))
    if name not in answer:
        raise ValueError(
            f"the network has no output {name!r}; write one of these in the recipe: "
            + ", ".join(answer)
        )
    return answer[name]


def logits_of(
    answer: Mapping[str, Tensor], recipe: Recipe, outputs: int, items: int, axes: int
) -> Tensor:
    """Return (items, classes, …) with `axes` axes in all. Raises `ValueError`."""
    logits = pick(answer, recipe.answer)
    classes = outputs + recipe.background
    if logits.ndim != axes or logits.shape[0] != items or logits.shape[1] != classes:
        more = ", …" if axes > 2 else ""
        raise ValueError(
            f"the network answered with the shape {tuple(logits.shape)}, not ({items}, "
            f"{classes}{more}): write one [[output]] for each of its classes"
            + (
                ", and background = true if its first is none of them"
                if not recipe.background
                else ""
            )
        )
    return logits


def average(logits: Tensor, mirrored: Tensor | None) -> Tensor:
    return logits if mirrored is None else (logits + mirrored) / 2


def activate(logits: Tensor, recipe: Recipe) -> Tensor:
    """Return certainties, 0 to 1; classes are along axis 1, the background is gone.

    Raises `ValueError` for what is not a number, or no certainty.
    """
    scaled = logits / recipe.temperature
    if recipe.activation is Activation.SIGMOID:
        certainty = torch.sigmoid(scaled)
    elif recipe.activation is Activation.SOFTMAX:
        certainty = torch.softmax(scaled, dim=1)
    else:
        certainty = scaled
    if not bool(torch.isfinite(certainty).all()):
        raise ValueError("the network answered with a number that is not finite")
    if recipe.activation is Activation.NONE:
        low, high = float(certainty.amin()), float(certainty.amax())
        if low < 0.0 or high > 1.0:
            raise ValueError(
                f"the network answered with {low:g} to {high:g}, which is no certainty; write "
                'activation = "sigmoid" or "softmax"'
            )
    return certainty[:, 1:] if recipe.background else certainty
