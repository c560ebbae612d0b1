"""A network that was built here, of torch."""

from __future__ import annotations

from torch import nn

from inference.domain.manifest import Manifest
from inference.models.explanations.choosing import build_explainer
from inference.models.network_model import NetworkModel
from inference.models.recipe import Recipe
from inference.models.runtimes.module import native


class TorchModel(NetworkModel):
    """`takes_list`: the network takes a list of pictures, as torchvision's detectors do."""

    def __init__(
        self,
        manifest: Manifest,
        recipe: Recipe,
        network: nn.Module,
        device: str = "cpu",
        *,
        takes_list: bool = False,
    ) -> None:
        runtime = native(network, device, takes_list=takes_list)
        super().__init__(manifest, recipe, runtime, build_explainer(manifest, recipe, runtime))
