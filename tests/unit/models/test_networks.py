from __future__ import annotations

import pytest
import torch

from inference.models.networks import build_network, heat_map_layer, load_backbone


@pytest.mark.parametrize("size", [64, 96, 97])
def test_efficientnet_lite0_takes_any_size(size: int) -> None:
    network = build_network("efficientnet-lite0", 3).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, size, size)).shape == (2, 3)


def test_efficientnet_lite0_has_the_parameters_of_the_imagenet_weights() -> None:
    network = build_network("efficientnet-lite0", 1000)
    assert sum(each.numel() for each in network.parameters()) == 4_652_008


@pytest.mark.parametrize(
    "architecture",
    [
        "efficientnet-lite0",
        "torchvision/shufflenet_v2_x0_5",
        "torchvision/resnet18",
        "torchvision/mobilenet_v3_small",
    ],
)
def test_the_heat_map_layer_has_a_spatial_extent(architecture: str) -> None:
    network = build_network(architecture, 1).eval()
    seen: list[torch.Size] = []
    heat_map_layer(network).register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape)
    )
    with torch.inference_mode():
        network(torch.zeros(1, 3, 128, 128))
    assert seen[0][2:] == (4, 4)


def test_an_unknown_architecture_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="efficientnet-lite0"):
        build_network("lenet", 1)


def test_a_backbone_loads_all_but_the_classifier() -> None:
    trained = build_network("efficientnet-lite0", 1000)
    network = build_network("efficientnet-lite0", 1)
    load_backbone(network, trained.state_dict())
    assert torch.equal(network.state_dict()["_conv_stem.weight"], trained._conv_stem.weight)
    with pytest.raises(ValueError, match="do not fit"):
        load_backbone(network, {"_fc.bias": torch.zeros(1)})
