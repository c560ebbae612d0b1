"""Masks, boxes and volumes, from picture to picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.domain.errors import ManifestError, ModelFailed
from inference.domain.manifest import Format
from inference.models.manifest import parse_model_file
from inference.models.torch_model import TorchModel
from inference.ports import Picture
from tests.support.foreign import (
    FORMS,
    UNIT,
    Detector,
    Segmenter,
    Volume,
    content_for,
    load_foreign,
    output,
    packed,
    write_foreign,
)

BOXES = {"boxes": "0", "scores": "1", "labels": "2"}


def bright(rows: int, columns: int, top: int, bottom: int, left: int, right: int) -> Picture:
    """Return black with a white rectangle; `bottom` and `right` are outside."""
    pixels = np.zeros((rows, columns), dtype=np.float32)
    pixels[top:bottom, left:right] = 1
    return Picture(pixels)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("recipe", [{}, {"resize": "none", "multiple": 8}, {"mirror": True}])
def test_a_mask_lies_where_the_picture_is_bright(
    tmp_path: Path, form: Format, recipe: dict[str, Any]
) -> None:
    size = 64 if "resize" not in recipe else 48
    # torch.export keeps the size that it was shown.
    shape = (56, 80) if "resize" in recipe else (size, size)
    weights = packed(Segmenter(), form, torch.zeros(2, 1, *shape), ["logits"])
    write_foreign(
        tmp_path,
        form,
        weights,
        task="segmentation",
        recipe={**UNIT, "size": size, **recipe},
        output=[output("bright"), output("dark")],
    )
    one = bright(50, 80, 10, 30, 20, 60)
    (found,) = load_foreign(tmp_path).assess([one])
    mask = found.masks["bright"]
    assert mask.dtype == np.bool_
    assert mask.shape == (50, 80)
    truth = one.pixels > 0.5
    overlap = (mask & truth).sum() / (mask | truth).sum()
    assert overlap > 0.9
    assert not (mask & found.masks["dark"]).any()
    assert found.certainty["bright"] == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_array_equal(found.heat_maps["bright"] >= 0.5, mask)
    (plain,) = load_foreign(tmp_path).assess([one], explain=False)
    assert plain.heat_maps == {}
    np.testing.assert_array_equal(plain.masks["bright"], mask)


def test_padding_is_in_no_mask(tmp_path: Path) -> None:
    weights = packed(Segmenter(), Format.TORCHSCRIPT, torch.zeros(2, 1, 32, 32), [])
    write_foreign(tmp_path, Format.TORCHSCRIPT, weights, task="segmentation")
    padding = np.zeros((32, 32), dtype=bool)
    padding[:, :10] = True
    dark = Picture(np.ones((32, 32), dtype=np.float32) * ~padding, padding)
    (found,) = load_foreign(tmp_path).assess([dark])
    assert not found.masks["right"][:, :10].any()
    assert found.certainty["right"] < 0.5


def volume(tmp_path: Path, form: Format, **recipe: Any) -> list[Any]:
    weights = packed(Volume(), form, torch.zeros(1, 1, 8, 32, 32), ["logits"])
    keys = {**UNIT, "layout": "volume", "activation": "softmax", "background": True, **recipe}
    write_foreign(
        tmp_path,
        form,
        weights,
        task="segmentation",
        reads="series",
        recipe=keys,
        output=[output("bright")],
    )
    slices = [
        bright(32, 32, 5, 20, 5, 20) if 2 <= each < 6 else bright(32, 32, 0, 0, 0, 0)
        for each in range(7)
    ]
    return list(load_foreign(tmp_path).assess(slices))


@pytest.mark.parametrize("form", [Format.TORCHSCRIPT, Format.ONNX])
def test_a_series_is_read_as_one_volume(tmp_path: Path, form: Format) -> None:
    """Seven slices are filled up to eight; each gets its own mask."""
    found = volume(tmp_path, form, multiple=8)
    assert len(found) == 7
    # Two of three slices together must be bright.
    assert [int(each.masks["bright"].sum()) for each in found] == [0, 0, 225, 225, 225, 225, 0]
    assert found[0].certainty["bright"] < 0.5 < found[3].certainty["bright"]


def test_slices_of_different_sizes_are_no_volume(tmp_path: Path) -> None:
    volume(tmp_path, Format.TORCHSCRIPT, resize="none")
    with pytest.raises(ModelFailed, match='slices of different sizes; write resize = "squash"'):
        load_foreign(tmp_path).assess([bright(32, 32, 0, 1, 0, 1), bright(32, 40, 0, 1, 0, 1)])


class VolumeClassifier(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x.mean(dim=(1, 2, 3, 4), keepdim=True).flatten(1) - 0.5) * 10


def test_a_classification_of_a_volume_is_said_of_every_slice(tmp_path: Path) -> None:
    weights = packed(VolumeClassifier(), Format.TORCHSCRIPT, torch.zeros(1, 1, 4, 32, 32), [])
    write_foreign(
        tmp_path,
        Format.TORCHSCRIPT,
        weights,
        reads="series",
        recipe={**UNIT, "layout": "volume"},
        explanation="integrated-gradients",
        output=[output("bright")],
    )
    slices = [bright(40, 50, 0, 40, 0, 50)] * 3 + [bright(40, 50, 0, 0, 0, 0)]
    found = load_foreign(tmp_path).assess(slices)
    assert len({each.certainty["bright"] for each in found}) == 1
    assert found[0].certainty["bright"] == pytest.approx(1 / (1 + np.exp(-2.5)), abs=1e-4)
    assert all(each.heat_maps["bright"].shape == (40, 50) for each in found)


@pytest.mark.parametrize("form", FORMS)
def test_boxes_are_mapped_back_to_the_picture(tmp_path: Path, form: Format) -> None:
    weights = packed(Detector(), form, torch.zeros(1, 1, 64, 64), ["0", "1", "2"])
    write_foreign(tmp_path, form, weights, task="detection", recipe={**UNIT, "size": 64, **BOXES})
    # Twice as high and four times as wide as the network's input.
    one = bright(128, 256, 20, 60, 40, 120)
    (found,) = load_foreign(tmp_path).assess([one])
    surest, other = found.boxes["left"]
    assert (surest.left, surest.top, surest.right, surest.bottom) == (39.5, 19.5, 119.5, 59.5)
    assert (other.left, other.certainty) == (43.5, pytest.approx(0.6))
    assert found.boxes["right"] == ()
    assert found.certainty == {"left": pytest.approx(0.9), "right": pytest.approx(0.2)}
    assert found.heat_maps == {}


def test_of_boxes_that_overlap_the_surer_stays(tmp_path: Path) -> None:
    weights = packed(Detector(), Format.TORCHSCRIPT, torch.zeros(1, 1, 64, 64), [])
    recipe = {**UNIT, "size": 64, **BOXES, "overlap": 0.5}
    write_foreign(tmp_path, Format.TORCHSCRIPT, weights, task="detection", recipe=recipe)
    (found,) = load_foreign(tmp_path).assess([bright(64, 64, 10, 40, 10, 40)])
    assert [box.certainty for box in found.boxes["left"]] == [pytest.approx(0.9)]


class Fixed(nn.Module):
    def __init__(self, boxes: list[list[float]], scores: list[float], labels: list[int]) -> None:
        super().__init__()
        self.register_buffer(
            "boxes", torch.tensor(boxes).reshape(-1, len(boxes[0]) if boxes else 4)
        )
        self.register_buffer("scores", torch.tensor(scores))
        self.register_buffer("labels", torch.tensor(labels, dtype=torch.int64))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"boxes": self.boxes, "scores": self.scores, "labels": self.labels}


def detect(boxes: list[list[float]], scores: list[float], labels: list[int]) -> Any:
    raw = content_for(Format.STATE_DICT, b"", task="detection", architecture="none")
    file = parse_model_file({**raw, "weights": "weights.safetensors"}, "model.toml")
    model = TorchModel(file.manifest, file.recipe, Fixed(boxes, scores, labels))
    (found,) = model.assess([bright(32, 32, 0, 9, 0, 9)])
    return found


def test_nothing_found_is_no_box_and_no_certainty() -> None:
    found = detect([], [], [])
    assert found.certainty == {"left": 0.0, "right": 0.0}
    assert found.boxes == {"left": (), "right": ()}


def test_a_box_does_not_leave_the_picture() -> None:
    (box,) = detect([[-9, -9, 99, 20]], [0.7], [2]).boxes["right"]
    assert (box.left, box.top, box.right, box.bottom) == (-0.5, -0.5, 31.5, 19.5)


@pytest.mark.parametrize(
    ("boxes", "scores", "labels", "words"),
    [
        ([[0.0, 0, 1, 1]], [0.5], [3], "label is 3"),
        ([[0.0, 0, 1, 1]], [0.5], [0], "label is 0"),
        ([[0.0, 0, 1, 1]], [1.5], [1], "score is not within"),
        ([[0.0, 0, 1, 1]], [0.5, 0.5], [1], "have the shapes"),
        ([[0.0, 0, 1]], [0.5], [1], "have the shapes"),
        ([[0.0, 0, float("nan"), 1]], [0.5], [1], "not finite"),
        ([[5.0, 0, 1, 1]], [0.5], [1], "ends before it begins"),
    ],
)
def test_boxes_that_are_none_fail_as_model_failed(
    boxes: list[list[float]], scores: list[float], labels: list[int], words: str
) -> None:
    with pytest.raises(ModelFailed, match=words):
        detect(boxes, scores, labels)


def test_an_answer_without_masks_fails_as_model_failed(tmp_path: Path) -> None:
    weights = packed(VolumeClassifier(), Format.TORCHSCRIPT, torch.zeros(1, 1, 4, 32, 32), [])
    write_foreign(
        tmp_path,
        Format.TORCHSCRIPT,
        weights,
        task="segmentation",
        reads="series",
        recipe={**UNIT, "layout": "volume"},
    )
    with pytest.raises(ModelFailed, match=r"not \(1, 2, …\)"):
        load_foreign(tmp_path).assess([bright(32, 32, 0, 1, 0, 1)] * 4)


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"recipe": {"layout": "volume"}}, 'recipe.layout: .*reads = "series"'),
    ({"recipe": {"layout": "volume"}, "reads": "series", "task": "detection"}, "no volumes"),
    ({"recipe": {"mirror": True}, "task": "detection"}, "recipe.mirror"),
    ({"recipe": {"activation": "softmax"}, "task": "detection"}, "recipe.activation"),
    ({"recipe": {"temperature": 2.0}, "task": "detection"}, "recipe.activation"),
    ({"recipe": {"background": True}, "task": "detection"}, "recipe.background"),
    ({"recipe": {"overlap": 0.5}}, "recipe.overlap: only boxes"),
    ({"recipe": {"activation": "softmax"}, "output": [output("a")]}, "softmax of one class"),
    ({"explanation": "grad-cam"}, 'Grad-CAM needs the layers.* "occlusion" or "integ'),
    ({"explanation": "grad-cam", "format": "onnx", "weights": "a.onnx"}, '"occlusion"$'),
    (
        {"explanation": "integrated-gradients", "format": "onnx", "weights": "a.onnx"},
        "no gradients",
    ),
    ({"explanation": "occlusion", "task": "segmentation"}, "shows where"),
    ({"architecture": "lenet"}, "architecture: this key is not known"),
    ({"server": {"url": "http://a", "model": "b"}}, "server: this key is not known"),
    ({"weights": "a.onnx"}, r"ends in \.pt"),
]


@pytest.mark.parametrize(("changes", "words"), UNFIT)
def test_keys_that_do_not_go_together_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        parse_model_file(content_for(Format.TORCHSCRIPT, b"", **changes), "model.toml")


def test_grad_cam_of_a_volume_is_refused() -> None:
    changes = {"explanation": "grad-cam", "recipe": {"layout": "volume"}, "reads": "series"}
    raw = content_for(Format.STATE_DICT, b"", architecture="a", **changes)
    with pytest.raises(ManifestError, match="Grad-CAM is of images"):
        parse_model_file({**raw, "weights": "a.safetensors"}, "model.toml")
