from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from safetensors.torch import load_file

from inference.domain.errors import ModelFailed
from inference.domain.job import ModelId
from inference.models.manifest import read_model_file
from inference.models.networks import build_network, heat_map_layer
from inference.models.preprocessing import prepare
from inference.models.recipe import Recipe
from inference.models.registry import FolderRegistry
from inference.models.torch_model import TorchModel
from inference.ports import Assessment, Picture
from tests.support.models import picture, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TorchModel:
    root = tmp_path_factory.mktemp("models")
    write_model(root)
    return FolderRegistry((root,)).load(ModelId("small", "1.0.0"))


def only(model: TorchModel, one: Picture) -> Assessment:
    (assessment,) = model.assess([one])
    return assessment


def test_an_assessment_has_a_certainty_and_a_heat_map_of_the_pictures_shape(
    model: TorchModel,
) -> None:
    pictures = [picture(90, 120, 1), picture(300, 41, 2)]
    for one, assessment in zip(pictures, model.assess(pictures), strict=True):
        heat = assessment.heat_maps["pneumonia"]
        assert 0.0 <= assessment.certainty["pneumonia"] <= 1.0
        assert heat.shape == one.pixels.shape
        assert heat.dtype == np.float32
        assert heat.min() >= 0.0
        assert heat.max() <= 1.0


def test_no_pictures_give_no_assessments(model: TorchModel) -> None:
    assert list(model.assess([])) == []
    assert model.certainties([]).shape == (0, 1)


def test_the_answer_is_the_same_every_time_and_in_every_batch(model: TorchModel) -> None:
    pictures = [picture(80, 80, seed) for seed in range(19)]
    together = model.assess(pictures)
    for one, assessment in zip(pictures, together, strict=True):
        alone = only(model, one)
        assert alone.certainty["pneumonia"] == pytest.approx(
            assessment.certainty["pneumonia"], abs=1e-5
        )
        np.testing.assert_allclose(
            alone.heat_maps["pneumonia"], assessment.heat_maps["pneumonia"], atol=1e-3
        )
    first, second = only(model, pictures[0]), only(model, pictures[0])
    assert first.certainty == second.certainty
    np.testing.assert_array_equal(first.heat_maps["pneumonia"], second.heat_maps["pneumonia"])


def test_certainties_are_those_of_the_assessment(model: TorchModel) -> None:
    one = picture()
    assert model.certainties([one])[0, 0] == pytest.approx(
        only(model, one).certainty["pneumonia"], abs=1e-5
    )


def test_without_explain_there_are_no_heat_maps_and_the_same_certainty(model: TorchModel) -> None:
    one = picture()
    (plain,) = model.assess([one], explain=False)
    assert plain.heat_maps == {}
    assert plain.certainty["pneumonia"] == pytest.approx(
        only(model, one).certainty["pneumonia"], abs=1e-5
    )


def test_what_is_read_without_heat_maps_is_not_kept(model: TorchModel) -> None:
    def held() -> int:
        gc.collect()
        return sum(type(each) is torch.Tensor for each in gc.get_objects())

    model.assess([picture()])
    before = held()
    for seed in range(5):
        model.assess([picture(seed=seed)], explain=False)
    assert held() <= before


def test_two_threads_do_not_disturb_each_other(model: TorchModel) -> None:
    pictures = [picture(64, 64, seed) for seed in range(6)]
    expected = [only(model, one) for one in pictures]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda one: only(model, one), pictures))
    for here, there in zip(expected, found, strict=True):
        assert here.certainty["pneumonia"] == pytest.approx(there.certainty["pneumonia"], abs=1e-6)
        np.testing.assert_allclose(
            here.heat_maps["pneumonia"], there.heat_maps["pneumonia"], atol=1e-4
        )


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3), dtype=np.float32),
        np.full((80, 80), np.nan, dtype=np.float32),
        np.zeros((0, 80), dtype=np.float32),
    ],
    ids=["three axes", "not a number", "no rows"],
)
def test_a_picture_that_is_none_fails_as_model_failed(
    model: TorchModel, pixels: np.ndarray
) -> None:
    with pytest.raises(ModelFailed, match=r"small 1\.0\.0"):
        model.assess([Picture(pixels)])


def test_weights_that_give_no_number_fail_as_model_failed(model: TorchModel) -> None:
    network = build_network(model.manifest.architecture, 1)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(ModelFailed, match="not finite"):
        TorchModel(model.manifest, Recipe(size=64), network).assess([picture()])


def test_temperature_pulls_the_certainty_towards_a_half(tmp_path: Path, model: TorchModel) -> None:
    torch.manual_seed(3)
    network = build_network(model.manifest.architecture, 1)
    weights = network.state_dict()
    weights["fc.bias"] += 2.0  # away from 0.5
    network.load_state_dict(weights)
    sharp = TorchModel(model.manifest, Recipe(size=64, temperature=1.0), network)
    soft = TorchModel(model.manifest, Recipe(size=64, temperature=4.0), network)
    one = picture()
    logit = np.log(1 / only(sharp, one).certainty["pneumonia"] - 1)
    expected = 1 / (1 + np.exp(logit / 4))
    assert only(soft, one).certainty["pneumonia"] == pytest.approx(expected, abs=1e-4)


def test_with_mirror_a_picture_and_its_mirror_image_get_the_same_certainty(
    model: TorchModel,
) -> None:
    one = picture()
    other = Picture(np.ascontiguousarray(one.pixels[:, ::-1]))
    assert only(model, one).certainty["pneumonia"] == pytest.approx(
        only(model, other).certainty["pneumonia"], abs=1e-4
    )


def test_the_shipped_model_answers_bit_for_bit_as_its_card_was_measured() -> None:
    """Logit of both mirror images, temperature, Grad-CAM, peak: written out, step by step."""
    registry = FolderRegistry()
    shipped = registry.load(registry.active("cxr-pneumonia"))
    (output,) = shipped.manifest.outputs
    folder = registry.folder(shipped.manifest.model)
    recipe = read_model_file(folder / "model.toml").recipe
    network = build_network("efficientnet-lite0", 1)
    network.load_state_dict(load_file(folder / shipped.manifest.weights_file))
    network = network.eval().to(memory_format=torch.channels_last)
    pictures = [picture(90, 120, 1), picture(300, 41, 2)]
    inputs = torch.stack([prepare(each, recipe.size) for each in pictures])
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        logits = (network(inputs) + network(inputs.flip(3))) / 2
    certainty = torch.sigmoid(logits.double() / recipe.temperature).float().numpy()
    cam = GradCAM(model=network, target_layers=[heat_map_layer(network)])
    maps = cam(input_tensor=inputs, targets=[ClassifierOutputTarget(0)] * 2)
    for row, assessment in enumerate(shipped.assess(pictures)):
        assert assessment.certainty["pneumonia"] == float(certainty[row, 0])
        peak = min(1.0, certainty[row, 0] / output.threshold)
        rows, columns = pictures[row].pixels.shape
        fitted = cv2.resize((maps[row] * peak).astype(np.float32), (columns, rows))
        np.testing.assert_allclose(
            assessment.heat_maps["pneumonia"], np.clip(fitted, 0, 1), atol=1e-6
        )


def test_below_the_threshold_a_heat_map_is_the_fainter(model: TorchModel) -> None:
    threshold = model.manifest.outputs[0].threshold
    for seed in range(8):
        assessment = only(model, picture(seed=seed))
        peak = float(assessment.heat_maps["pneumonia"].max())
        assert peak <= min(1.0, assessment.certainty["pneumonia"] / threshold) + 1e-6


def test_the_heat_map_comes_from_the_weights(model: TorchModel) -> None:
    """The sanity check of Adebayo et al. 2018: a map that stays would show the picture alone."""
    maps = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = build_network("efficientnet-lite0", 1)
        randomised = TorchModel(model.manifest, Recipe(size=128), network)
        maps.append(only(randomised, picture(128, 128)).heat_maps["pneumonia"])
    one, two = (heat / max(float(heat.max()), 1e-6) for heat in maps)
    assert np.abs(one - two).mean() > 0.05
