"""Boxes, each with a certainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from inference.domain.manifest import Output
from inference.models.answers import pick
from inference.models.batch import Batch
from inference.models.recipe import Recipe
from inference.ports import Assessment, Box


def assessment(
    batch: Batch, answer: Mapping[str, Tensor], recipe: Recipe, outputs: Sequence[Output]
) -> Assessment:
    """Return that of the batch's only picture.

    The network answers as torchvision's do: boxes (k, 4) of left, top, right and bottom edge
    in pixels of its input, where the first pixel reaches from 0 to 1; scores (k,) of 0 to 1;
    labels (k,), of which 1 is the first output. An axis in front for the picture is allowed.
    """
    boxes, scores, labels = _checked(answer, recipe, len(outputs))
    (picture,) = batch.pictures
    rows, columns = picture.pixels.shape
    inner_rows, inner_columns = batch.inner
    scale = torch.tensor([columns / inner_columns, rows / inner_rows] * 2)
    # From edges of pixels to their centres; a box does not leave the picture.
    edges = torch.tensor([columns, rows] * 2) - 0.5
    boxes = torch.minimum((boxes * scale - 0.5).clamp(min=-0.5), edges)
    certainty: dict[str, float] = {}
    found: dict[str, Sequence[Box]] = {}
    for label, output in enumerate(outputs, start=1):
        of_it = labels == label
        own, sure = boxes[of_it], scores[of_it]
        certainty[output.name] = float(sure.max()) if len(sure) else 0.0
        reached = sure >= output.threshold
        found[output.name] = _boxes(own[reached], sure[reached], recipe.overlap)
    return Assessment(certainty, {}, boxes=found)


def _boxes(boxes: Tensor, scores: Tensor, overlap: float | None) -> tuple[Box, ...]:
    order = torch.argsort(scores, descending=True, stable=True)
    if overlap is not None and len(scores):
        from torchvision.ops import nms

        order = nms(boxes, scores, overlap)
    return tuple(
        Box(left, top, right, bottom, certainty)
        for (left, top, right, bottom), certainty in zip(
            boxes[order].tolist(), scores[order].tolist(), strict=True
        )
    )


def _checked(
    answer: Mapping[str, Tensor], recipe: Recipe, outputs: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return boxes, scores and labels. Raises `ValueError` for what is none of them."""
    boxes = _one(pick(answer, recipe.boxes), 2).float()
    scores = _one(pick(answer, recipe.scores), 1).float()
    labels = _one(pick(answer, recipe.labels), 1)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes) == len(scores) == len(labels):
        raise ValueError(
            f"boxes, scores and labels have the shapes {tuple(boxes.shape)}, "
            f"{tuple(scores.shape)} and {tuple(labels.shape)}, not (k, 4), (k,) and (k,)"
        )
    if not bool(torch.isfinite(boxes).all()) or not bool(torch.isfinite(scores).all()):
        raise ValueError("the network answered with a number that is not finite")
    if len(scores) and not 0.0 <= float(scores.min()) <= float(scores.max()) <= 1.0:
        raise ValueError("a score is not within 0 to 1, so it is no certainty")
    if len(labels) and not 1 <= int(labels.min()) <= int(labels.max()) <= outputs:
        raise ValueError(
            f"a label is {int(labels.min())} or {int(labels.max())}, but the outputs count from "
            f"1 to {outputs}: write one [[output]] for each label"
        )
    if bool((boxes[:, 2:] < boxes[:, :2]).any()):
        raise ValueError("a box ends before it begins; it must be left, top, right, bottom")
    return boxes, scores, labels


def _one(found: Tensor, axes: int) -> Tensor:
    if found.ndim == axes + 1 and found.shape[0] == 1:
        found = found[0]
    if found.ndim != axes:
        raise ValueError(f"an output of a detector has the shape {tuple(found.shape)}")
    return found
