"""Heat maps that do not need the layers: they show where the network looked, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.domain.manifest import Format
from inference.models.manifest import parse_model_file
from inference.models.networks import build_network
from inference.models.torch_model import TorchModel
from inference.ports import Picture
from tests.support.foreign import (
    Classifier,
    content_for,
    load_foreign,
    output,
    packed,
    write_foreign,
)
from tests.support.models import picture

HOWS = ["integrated-gradients", "occlusion"]


class Corners(nn.Module):
    """The first output sees the upper left corner alone, the second the lower right."""

    def forward(self, x: Tensor) -> Tensor:
        first = x[:, 0, :8, :8].mean(dim=(1, 2))
        second = x[:, 0, -8:, -8:].mean(dim=(1, 2))
        return torch.stack([first, second], dim=1) * 4 - 1


@pytest.mark.parametrize(
    ("form", "how"),
    [
        (Format.TORCHSCRIPT, "integrated-gradients"),
        (Format.PT2, "integrated-gradients"),
        (Format.TORCHSCRIPT, "occlusion"),
        (Format.ONNX, "occlusion"),
    ],
)
def test_the_heat_is_where_the_network_looks(tmp_path: Path, form: Format, how: str) -> None:
    weights = packed(Corners(), form, torch.zeros(2, 1, 32, 32), ["logits"])
    write_foreign(tmp_path, form, weights, explanation=how)
    pixels = np.zeros((64, 96), dtype=np.float32)
    pixels[:16, :24] = pixels[-16:, -24:] = pixels[:16, -24:] = 1
    model = load_foreign(tmp_path)
    both = model.assess([Picture(pixels), picture(64, 96)])
    for name, place in (("left", np.s_[:16, :24]), ("right", np.s_[-16:, -24:])):
        heat = both[0].heat_maps[name]
        assert heat.shape == (64, 96)
        assert heat.dtype == np.float32
        assert 0 <= heat.min() <= heat.max() <= 1
        assert heat[place].sum() > 0.6 * heat.sum()
        assert heat[:16, -24:].max() < 0.2 * heat[place].max()
    (plain,) = model.assess([Picture(pixels)], explain=False)
    assert plain.heat_maps == {}
    assert plain.certainty == pytest.approx(both[0].certainty)


@pytest.mark.parametrize("how", HOWS)
def test_a_heat_maps_peak_is_the_certainty_in_parts_of_the_threshold(
    tmp_path: Path, how: str
) -> None:
    weights = packed(Classifier(), Format.TORCHSCRIPT, torch.zeros(2, 1, 32, 32), [])
    outputs = [output("left", 0.9), output("right", 0.9)]
    write_foreign(tmp_path, Format.TORCHSCRIPT, weights, explanation=how, output=outputs)
    for seed in range(4):
        (found,) = load_foreign(tmp_path).assess([picture(seed=seed)])
        for name, heat in found.heat_maps.items():
            assert heat.max() <= min(1.0, found.certainty[name] / 0.9) + 1e-6


def randomised(how: str, seed: int) -> np.ndarray[Any, Any]:
    # An untrained EfficientNet's answer is the same for any window that is covered.
    small = how == "occlusion"
    raw = content_for(
        Format.STATE_DICT,
        b"",
        architecture="efficientnet-lite0",
        explanation=how,
        recipe={"size": 96, "channels": 1 if small else 3},
        output=[output("left"), output("right")],
        weights="weights.safetensors",
    )
    file = parse_model_file(raw, "model.toml")
    torch.manual_seed(seed)
    network = Classifier(seed) if small else build_network("efficientnet-lite0", 2)
    (found,) = TorchModel(file.manifest, file.recipe, network).assess([picture(96, 96)])
    heat = found.heat_maps["left"]
    scaled: np.ndarray[Any, Any] = heat / max(float(heat.max()), 1e-6)
    return scaled


@pytest.mark.parametrize("how", ["grad-cam", *HOWS])
def test_the_heat_map_comes_from_the_weights(how: str) -> None:
    """The sanity check of Adebayo et al. 2018: a map that stays would show the picture alone."""
    assert np.abs(randomised(how, 1) - randomised(how, 2)).mean() > 0.05


def test_without_a_key_a_foreign_model_explains_nothing() -> None:
    file = parse_model_file(content_for(Format.ONNX, b""), "model.toml")
    assert file.manifest.explanation == "none"
