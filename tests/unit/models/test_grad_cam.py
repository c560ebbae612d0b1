"""Our Grad-CAM gives the maps of the package that is named after it, and imports less."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from inference.models.explanations.grad_cam import GradCamExplainer
from inference.models.networks import build_network, heat_map_layer
from inference.models.runtimes.module import native

SHIPPED = "ct-contrast", "cxr-pneumonia"


class InPlace(nn.Module):
    """What follows the last convolution changes its activations where they lie."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 5, stride=4)
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        activations = nn.functional.relu(self.convolution(x), inplace=True)
        return self.linear(activations.mean(dim=(2, 3)))


def drawn(name: str) -> nn.Module:
    torch.manual_seed(5)
    return InPlace() if name == "in place" else build_network(name, 3)


@pytest.mark.parametrize(
    "name",
    [
        "in place",
        "efficientnet-lite0",
        "torchvision/densenet121",
        "torchvision/mobilenet_v3_small",
    ],
)
def test_every_class_has_the_map_that_the_package_makes(name: str) -> None:
    runtime = native(drawn(name))
    inputs = torch.rand(2, 3, 96, 64)
    maps, logits = GradCamExplainer(runtime, range(1, 3)).explain(inputs)
    assert maps.shape == (2, 2, 96, 64)
    assert maps.dtype == np.float32
    with torch.inference_mode():
        torch.testing.assert_close(logits, runtime.network(runtime.inputs(inputs)))
    again = native(drawn(name)).network  # ours asks for no gradients of weights
    theirs = GradCAM(model=again, target_layers=[heat_map_layer(again)])
    for place, index in enumerate(range(1, 3)):
        targets = [ClassifierOutputTarget(index)] * 2
        expected = theirs(input_tensor=runtime.inputs(inputs), targets=targets)
        np.testing.assert_allclose(maps[:, place], expected, atol=1e-4)


def test_it_leaves_the_network_as_it_was() -> None:
    runtime = native(drawn("in place"))
    explainer = GradCamExplainer(runtime, range(3))
    explainer.explain(torch.rand(1, 3, 32, 32))
    for network in (runtime.network, explainer._network):
        assert not any(part._forward_hooks for part in network.modules())
        assert all(each.grad is None for each in network.parameters())


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_explains_without_what_is_slow_to_import(name: str) -> None:
    code = f"""if True:
        import sys
        from pathlib import Path
        import numpy as np
        from inference import models
        from inference.domain.job import ModelId
        from inference.models.registry import FolderRegistry
        from inference.ports import Picture
        shipped = Path(models.__file__).parent / "shipped"
        model = FolderRegistry((shipped,)).load(ModelId({name!r}, "1.0.0"))
        (answer,) = model.assess([Picture(np.eye(300, dtype=np.float32))])
        assert answer.heat_maps
        slow = {{"matplotlib", "sklearn", "torchvision", "torch._dynamo"}}
        print(*sorted(slow & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")
