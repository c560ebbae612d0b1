"""How much of the soft tissue is dense, away from bone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

OPENED_DENSITY = "opened-density/"  # then radius and reach in pixels, as in 3-9

_LEVELS = 11
_SMOOTHINGS = 2  # more, where densities are counted: noise counts as density otherwise


class OpenedDensity(nn.Module):
    """A logistic regression on the cumulative histogram of what is dense and no bone.

    A grey-scale opening (Serra 1982: the lowest value within a square, then the highest of
    those) takes away all that is bright and narrower than the square. What it takes away
    that is very bright is mostly cortical bone, so everything within `reach` of that is left
    out: ribs, and vertebrae with their spongy inside, which is as dense as blood with
    contrast agent. Of the tissue that remains, the share above each level is what the logit
    weighs; so neither the size of the patient nor the field of view counts by itself.

    Takes (pictures, channels, rows, columns) of 0 to 1, of which the first channel is read.
    `radius` of the square and `reach` are in pixels.
    """

    def __init__(self, outputs: int, radius: int, reach: int) -> None:
        super().__init__()
        self._radius = radius
        self._reach = reach
        self.smooth = nn.Conv2d(1, 1, 3, padding=1, padding_mode="replicate", bias=False)
        self.levels = _Levels()
        self.head = nn.Linear(_LEVELS, outputs)
        self.register_buffer("bone", torch.ones(()))
        kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
        with torch.no_grad():
            self.smooth.weight.copy_((kernel[:, None] * kernel[None, :])[None, None])

    def set_levels(
        self, levels: Sequence[float], softness: float, tissue: float, bone: float
    ) -> None:
        """All in the picture's 0 to 1. `softness`: the width of the step at a level. Above
        `tissue` a pixel counts; what the opening lowers by more than `bone` is bone.
        """
        self.levels.set(levels, softness, tissue)
        self.get_buffer("bone").fill_(bone)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.head(self.shares(pictures))
        return logits

    def shares(self, pictures: Tensor) -> Tensor:
        """Return (pictures, levels): the share of the tissue above each level."""
        sharp = x = self.smooth(pictures[:, :1])
        for _ in range(_SMOOTHINGS):
            x = self.smooth(x)
        counted = torch.ones_like(x)
        if self._reach:
            narrow = sharp - opened(sharp, self._radius) > self.get_buffer("bone")
            counted = 1 - _highest(narrow.to(x.dtype), self._reach)
        shares: Tensor = self.levels(opened(x, self._radius), counted).mean(dim=(2, 3))
        return shares


class _Levels(nn.Module):
    """Where a pixel is above each level. Its mean over the picture is the share of the tissue."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Conv2d(1, _LEVELS, 1)
        self.register_buffer("tissue", torch.zeros(()))

    def set(self, levels: Sequence[float], softness: float, tissue: float) -> None:
        if len(levels) != _LEVELS:
            raise ValueError(f"there must be {_LEVELS} levels, not {len(levels)}")
        with torch.no_grad():
            self.step.weight.fill_(1 / softness)
            bias = -torch.tensor(levels, dtype=torch.float64) / softness
            self.get_parameter("step.bias").copy_(bias)
            self.get_buffer("tissue").fill_(tissue)

    def forward(self, x: Tensor, counted: Tensor) -> Tensor:
        """Return (pictures, levels, rows, columns)."""
        inside = (x > self.get_buffer("tissue")).to(x.dtype) * counted
        # A picture without tissue has shares of 0, not of 0 / 0.
        part = inside.mean(dim=(2, 3), keepdim=True).clamp(min=1 / (x.shape[2] * x.shape[3]))
        steps: Tensor = torch.sigmoid(self.step(x)) * (inside / part)
        return steps


def build_opened_density(architecture: str, outputs: int) -> OpenedDensity:
    """Raises `ValueError` for a name that is not of the form `opened-density/3-9`."""
    radius, _, reach = architecture.removeprefix(OPENED_DENSITY).partition("-")
    if not (radius.isdecimal() and reach.isdecimal() and max(len(radius), len(reach)) < 4):
        raise ValueError(f"{architecture!r}: write radius and reach, as in {OPENED_DENSITY}3-9")
    return OpenedDensity(outputs, int(radius), int(reach))


def opened(x: Tensor, radius: int) -> Tensor:
    """Return the opening of (pictures, 1, rows, columns) by a square of 2 · `radius` + 1."""
    return _highest(-_highest(-x, radius), radius)


def _highest(x: Tensor, radius: int) -> Tensor:
    """Return the highest value within the square: of the columns, then of the rows of that."""
    if radius == 0:
        return x
    width = 2 * radius + 1
    rows = functional.max_pool2d(x, (1, width), 1, (0, radius))
    return functional.max_pool2d(rows, (width, 1), 1, (radius, 0))
