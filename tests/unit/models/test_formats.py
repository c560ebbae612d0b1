"""The same network in every format gives the same answer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.domain.computing import stopwatch
from inference.domain.errors import ManifestError, ModelFailed, WeightsChanged
from inference.domain.manifest import Format
from inference.models.preprocessing import prepare_by
from inference.models.recipe import Intensity, Recipe
from inference.ports import Picture
from tests.support.foreign import (
    FORMS,
    UNIT,
    Classifier,
    load_foreign,
    output,
    packed,
    write_foreign,
)
from tests.support.models import picture

EXAMPLE = torch.zeros(2, 1, 32, 32)
RECIPE = Recipe(size=32, intensity=Intensity.UNIT, channels=1)
ARGUMENT = {
    Format.TORCHSCRIPT: "weights.pt",
    Format.PT2: "weights.pt2",
    Format.ONNX: "weights.onnx",
}


@pytest.fixture(scope="module")
def weights() -> dict[Format, bytes]:
    return {form: packed(Classifier(), form, EXAMPLE, ["logits"]) for form in FORMS}


def expected(pictures: list[Picture]) -> np.ndarray:
    inputs = torch.stack([prepare_by(RECIPE, each) for each in pictures])
    with torch.inference_mode():
        return torch.sigmoid(Classifier().eval()(inputs)).numpy()


@pytest.mark.parametrize("form", FORMS)
def test_a_network_answers_the_same_in_every_format(
    tmp_path: Path, weights: dict[Format, bytes], form: Format
) -> None:
    write_foreign(tmp_path, form, weights[form])
    pictures = [picture(40, 50, seed) for seed in range(19)]
    model = load_foreign(tmp_path)
    assert model.manifest.format is form
    found = model.assess(pictures)
    together = np.array([[a.certainty["left"], a.certainty["right"]] for a in found])
    np.testing.assert_allclose(together, expected(pictures), atol=1e-5)
    assert all(not assessment.heat_maps for assessment in found)
    assert list(model.assess([])) == []


@pytest.mark.parametrize("form", FORMS)
def test_what_a_network_computes_is_counted(
    tmp_path: Path, weights: dict[Format, bytes], form: Format
) -> None:
    write_foreign(tmp_path, form, weights[form])
    model = load_foreign(tmp_path)
    with stopwatch() as watch:
        model.assess([picture(40, 50)])
    assert watch.seconds > 0


@pytest.mark.parametrize("form", FORMS)
def test_changed_missing_and_broken_weights_are_refused(
    tmp_path: Path, weights: dict[Format, bytes], form: Format
) -> None:
    folder = write_foreign(tmp_path, form, weights[form])
    path = folder / ARGUMENT[form]
    path.write_bytes(weights[form] + b"x")
    with pytest.raises(WeightsChanged, match="weights_sha256"):
        load_foreign(tmp_path)
    path.unlink()
    with pytest.raises(ManifestError, match="cannot be read"):
        load_foreign(tmp_path)
    for broken in (b"", b"garbage" * 99, weights[form][: len(weights[form]) // 2]):
        write_foreign(tmp_path / str(len(broken)), form, broken)
        with pytest.raises(ManifestError, match=ARGUMENT[form]):
            load_foreign(tmp_path / str(len(broken)))


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_of_another_shape_says_what_to_write(
    tmp_path: Path, weights: dict[Format, bytes], form: Format
) -> None:
    write_foreign(tmp_path, form, weights[form], output=[output("only")])
    with pytest.raises(ModelFailed, match=r"small 1\.0\.0 failed: .*\(1, 2\), not \(1, 1\)"):
        load_foreign(tmp_path).assess([picture()])


@pytest.mark.parametrize("form", FORMS)
def test_an_input_that_the_network_refuses_fails_as_model_failed(
    tmp_path: Path, weights: dict[Format, bytes], form: Format
) -> None:
    write_foreign(tmp_path, form, weights[form], recipe={**UNIT, "channels": 3})
    with pytest.raises(ModelFailed, match=r"small 1\.0\.0 failed"):
        load_foreign(tmp_path).assess([picture()])


@pytest.mark.parametrize("form", FORMS)
def test_numbers_that_are_none_fail_as_model_failed(tmp_path: Path, form: Format) -> None:
    network = Classifier()
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))
    write_foreign(tmp_path, form, packed(network, form, EXAMPLE, ["logits"]))
    with pytest.raises(ModelFailed, match="not finite"):
        load_foreign(tmp_path).assess([picture()])


def test_softmax_leaves_the_background_out(tmp_path: Path, weights: dict[Format, bytes]) -> None:
    recipe = {**UNIT, "activation": "softmax"}
    write_foreign(tmp_path / "two", Format.ONNX, weights[Format.ONNX], recipe=recipe)
    (both,) = load_foreign(tmp_path / "two").assess([picture()])
    assert sum(both.certainty.values()) == pytest.approx(1.0)
    write_foreign(
        tmp_path / "one",
        Format.ONNX,
        weights[Format.ONNX],
        recipe={**recipe, "background": True},
        output=[output("left")],
    )
    (one,) = load_foreign(tmp_path / "one").assess([picture()])
    assert one.certainty["left"] == pytest.approx(both.certainty["right"])


def test_without_activation_the_answers_must_be_certainties(
    tmp_path: Path, weights: dict[Format, bytes]
) -> None:
    recipe = {**UNIT, "activation": "none"}
    write_foreign(tmp_path, Format.ONNX, weights[Format.ONNX], recipe=recipe)
    bright = Picture(np.ones((32, 32), dtype=np.float32))
    with pytest.raises(ModelFailed, match='no certainty; write activation = "sigmoid"'):
        load_foreign(tmp_path).assess([bright, picture(seed=1), picture(seed=2)])


def test_an_output_is_chosen_by_its_name(tmp_path: Path, weights: dict[Format, bytes]) -> None:
    recipe = {**UNIT, "input": "x", "answer": "scores"}
    write_foreign(tmp_path, Format.ONNX, weights[Format.ONNX], recipe=recipe)
    with pytest.raises(ModelFailed, match=r"no output 'scores'; .*: logits"):
        load_foreign(tmp_path).assess([picture()])
    write_foreign(tmp_path / "b", Format.ONNX, weights[Format.ONNX], recipe={**UNIT, "input": "y"})
    with pytest.raises(ManifestError, match="has no input 'y'"):
        load_foreign(tmp_path / "b")


def test_onnx_without_its_packages_names_the_extra(
    tmp_path: Path, weights: dict[Format, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    write_foreign(tmp_path, Format.ONNX, weights[Format.ONNX])
    with pytest.raises(ManifestError, match=r"install wetread\[onnx\]"):
        load_foreign(tmp_path)


def test_onnx_with_weights_in_another_file_is_refused(
    tmp_path: Path, weights: dict[Format, bytes]
) -> None:
    import onnx

    graph = onnx.load_model_from_string(weights[Format.ONNX])
    onnx.external_data_helper.convert_model_to_external_data(graph, location="w", size_threshold=0)
    write_foreign(tmp_path, Format.ONNX, graph.SerializeToString())
    with pytest.raises(ManifestError, match="another file"):
        load_foreign(tmp_path)
