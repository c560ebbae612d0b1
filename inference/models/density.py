"""How much of the soft tissue is dense, where it is dense over more than a rib's width."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

OPENED_DENSITY = "opened-density/"  # and the radius of the opening, pixels

_SMOOTHINGS = 3  # with the 3×3 binomial kernel: of about 1.2 pixels standard deviation
_LEVELS = 11


class OpenedDensity(nn.Module):
    """A logistic regression on the cumulative histogram of the opened picture.

    A grey-scale opening (Serra 1982: the lowest value within a square, then the highest of
    those) takes away all that is bright and narrower than the square: ribs, cortical bone,
    calcifications, noise. What is left bright is wide: vessels and hearts with contrast
    agent, and the spongy part of vertebrae. Of the pixels that are tissue afterwards, the
    share above each level is what the logit weighs; so neither the size of the patient nor
    the width of the field of view counts by itself.

    Takes (pictures, channels, rows, columns) of 0 to 1, of which the first channel is read.
    """

    def __init__(self, outputs: int, radius: int) -> None:
        super().__init__()
        self._radius = radius
        self.smooth = nn.Conv2d(1, 1, 3, padding=1, padding_mode="replicate", bias=False)
        self.levels = _Levels()
        self.head = nn.Linear(_LEVELS, outputs)
        kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
        with torch.no_grad():
            self.smooth.weight.copy_((kernel[:, None] * kernel[None, :])[None, None])

    def set_levels(self, levels: Sequence[float], softness: float, tissue: float) -> None:
        """All in the picture's 0 to 1: `softness` is the width of the step at a level, and
        above `tissue` a pixel counts.
        """
        self.levels.set(levels, softness, tissue)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.head(self.shares(pictures))
        return logits

    def shares(self, pictures: Tensor) -> Tensor:
        """Return (pictures, levels): the share of the tissue above each level."""
        x = pictures[:, :1]
        for _ in range(_SMOOTHINGS):
            x = self.smooth(x)
        shares: Tensor = self.levels(opened(x, self._radius)).mean(dim=(2, 3))
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

    def forward(self, x: Tensor) -> Tensor:
        """Return (pictures, levels, rows, columns)."""
        inside = (x > self.get_buffer("tissue")).to(x.dtype)
        # A picture without tissue has shares of 0, not of 0 / 0.
        part = inside.mean(dim=(2, 3), keepdim=True).clamp(min=1 / inside[0, 0].numel())
        steps: Tensor = torch.sigmoid(self.step(x)) * (inside / part)
        return steps


def opened(x: Tensor, radius: int) -> Tensor:
    """Return the opening of (pictures, 1, rows, columns) by a square of 2 · `radius` + 1."""
    if radius == 0:
        return x
    width = 2 * radius + 1
    eroded = -functional.max_pool2d(-x, width, 1, radius)
    return functional.max_pool2d(eroded, width, 1, radius)
