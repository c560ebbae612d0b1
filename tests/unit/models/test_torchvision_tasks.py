"""Networks of torchvision that segment and detect, by name or scripted."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from inference.domain.manifest import Format, Task
from inference.models.networks import build_network
from tests.support.foreign import load_foreign, write_foreign
from tests.support.models import picture


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("torchvision/ssdlite320_mobilenet_v3_large", Task.DETECTION),
        ("torchvision/lraspp_mobilenet_v3_large", Task.SEGMENTATION),
    ],
)
def test_a_network_of_torchvision_is_found_by_its_name(
    tmp_path: Path, architecture: str, task: Task
) -> None:
    torch.manual_seed(0)
    weights = save(build_network(architecture, 2, task=task).state_dict())
    write_foreign(
        tmp_path,
        Format.STATE_DICT,
        weights,
        task=task.value,
        architecture=architecture,
        weights="weights.safetensors",
        recipe={"intensity": "unit", "size": 320},
    )
    model = load_foreign(tmp_path)
    (found,) = model.assess([picture(200, 300)])
    assert set(found.certainty) == {"left", "right"}
    if task is Task.SEGMENTATION:
        assert found.masks["left"].shape == (200, 300)
    else:
        assert set(found.boxes) == {"left", "right"}


class Scripted(nn.Module):
    """Takes and gives what torchvision's detectors do once they are scripted."""

    def forward(self, pictures: list[Tensor]) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
        found: list[dict[str, Tensor]] = []
        for each in pictures:
            rows, columns = each.shape[1], each.shape[2]
            box = torch.tensor([[0.0, 0.0, columns / 2.0, float(rows)]])
            score = each.max().reshape(1) * 0.0 + 0.75
            labels = torch.ones([1], dtype=torch.int64)
            found.append({"boxes": box, "labels": labels, "scores": score})
        losses: dict[str, Tensor] = {}
        return losses, found


def test_a_scripted_detector_takes_a_list(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Scripted()), buffer)
    write_foreign(
        tmp_path,
        Format.TORCHSCRIPT,
        buffer.getvalue(),
        task="detection",
        recipe={"intensity": "unit", "resize": "none"},
    )
    for found in load_foreign(tmp_path).assess([picture(40, 60), picture(50, 80)]):
        (box,) = found.boxes["left"]
        assert (box.left, box.top) == (-0.5, -0.5)
        assert box.certainty == pytest.approx(0.75)
        assert np.isfinite(box.right)
