from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inference.domain.code import Code
from inference.domain.errors import ManifestError
from inference.domain.manifest import BurnedIn, Policy
from inference.domain.uid import derive_uid
from inference.models.manifest import parse_model_file, read_model_file
from inference.models.recipe import Intensity, Resize
from tests.support.models import manifest_content


def content() -> dict[str, Any]:
    return {**manifest_content(), "weights": "weights.safetensors", "weights_sha256": "a" * 64}


def test_a_full_file_is_read() -> None:
    file = parse_model_file(content(), "model.toml")
    manifest = file.manifest
    assert str(manifest.model) == "small 1.0.0"
    assert manifest.needs.modality == ("CR", "DX")
    assert (manifest.needs.minimum_rows, manifest.needs.minimum_columns) == (64, 1)
    assert manifest.population.age_years == (1.0, 5.0)
    assert manifest.population.outside is Policy.REFUSE
    assert manifest.outputs[0].site == Code("39607008", "SCT", "Lung")
    assert manifest.device_uid == derive_uid("device", "small", "1.0.0", "a" * 64)
    assert (file.recipe.size, file.recipe.mirror, file.recipe.temperature) == (64, True, 2.0)


def test_tables_may_be_absent() -> None:
    raw = {key: v for key, v in content().items() if key not in ("needs", "population", "recipe")}
    file = parse_model_file(raw, "model.toml")
    assert file.manifest.needs.modality == ()
    assert file.manifest.population.age_years is None
    assert file.recipe.size == 224


def test_a_recipe_may_take_the_grey_values_as_they_are() -> None:
    recipe = {"intensity": "unit", "channels": 1, "mean": [0.5], "std": [0.25], "resize": "none"}
    parsed = parse_model_file({**content(), "recipe": recipe}, "model.toml").recipe
    assert (parsed.intensity, parsed.channels) == (Intensity.UNIT, 1)
    assert (parsed.mean, parsed.std, parsed.resize) == ((0.5,), (0.25,), Resize.NONE)


def test_mean_without_unit_is_refused() -> None:
    recipe = {"mean": [0.5] * 3, "std": [0.25] * 3}
    with pytest.raises(ManifestError, match='intensity = "unit"'):
        parse_model_file({**content(), "recipe": recipe}, "model.toml")


@pytest.mark.parametrize("burned_in", BurnedIn)
def test_what_to_do_with_burned_in_text(burned_in: BurnedIn) -> None:
    needs = {"burned_in": burned_in.value}
    parsed = parse_model_file({**content(), "needs": needs}, "model.toml").manifest
    assert parsed.needs.burned_in is burned_in
    assert parse_model_file(content(), "").manifest.needs.burned_in is BurnedIn.FLAG


def test_other_weights_are_another_device() -> None:
    one = parse_model_file(content(), "").manifest
    two = parse_model_file({**content(), "weights_sha256": "b" * 64}, "").manifest
    assert one.device_uid != two.device_uid


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("name", "../etc", "name: .*cannot stand here; write lower case"),
        ("name", "Small", "name: .*lower case"),
        ("name", None, "name: write a text"),
        ("version", "1.0/..", "version: .*numbers and dots"),
        ("weights", "../weights.safetensors", "weights: .*ends in .safetensors"),
        ("weights", "weights.pt", "weights: .*ends in .safetensors"),
        ("weights_sha256", "abc", "weights_sha256: .*64 digits"),
        ("title", 3, "title: write a text"),
        ("licence", "", "licence: write a text"),
        ("colour", "red", "colour: this key is not known; remove it"),
        ("needs.modalities", ["CR"], "needs.modalities: this key is not known"),
        ("needs.modality", "CR", "needs.modality: write a list"),
        ("needs.minimum_rows", 0, "needs.minimum_rows: write a whole number"),
        ("needs.minimum_rows", True, "needs.minimum_rows: write a whole number"),
        ("needs", "CR", r"needs: write a table, \[needs\]"),
        ("population.age_years", [5, 1], "population.age_years: write the lowest"),
        ("needs.burned_in", "ignore", 'needs.burned_in: write "flag" or "refuse" or "ac'),
        ("population.outside", "ignore", 'population.outside: write "flag" or "refuse"'),
        ("recipe.size", 8, "recipe.size: write a whole number from 32"),
        ("recipe.mirror", 1, "recipe.mirror: write true or false"),
        ("recipe.temperature", 0, "recipe.temperature: write a number"),
        ("recipe.intensity", "raw", 'recipe.intensity: write "percentiles" or "unit"'),
        ("recipe.channels", 2, "recipe.channels: write 1, or 3"),
        ("recipe.mean", [0.5], "recipe.mean: write a list of 3 numbers"),
        ("recipe.mean", [0.5, 0.5, 0.5], "recipe.mean: write both this key and std"),
        ("recipe.std", [0.5, 0.5, 0], "recipe.std: write a list of 3 numbers, each from 1e-06"),
        ("recipe.activation", "none", "recipe.temperature: it divides a logit"),
        ("output", [], r"output: write one table or more"),
        ("output.threshold", 1.5, r"output\[1\].threshold: write a number from 0 to 1"),
        ("output.finding", ["1", "SCT"], r"output\[1\].finding: write code value"),
        ("output.extra", 1, r"output\[1\].extra: this key is not known"),
    ],
)
def test_a_wrong_key_is_named_with_what_to_do(path: str, value: object, words: str) -> None:
    raw = content()
    head, _, tail = path.partition(".")
    if not tail:
        raw[head] = value
    elif head == "output":
        raw["output"] = [{**raw["output"][0], tail: value}]
    else:
        raw[head] = {**raw[head], tail: value}
    with pytest.raises(ManifestError, match=rf"^model.toml: {words}"):
        parse_model_file(raw, "model.toml")


def test_two_outputs_of_one_name_are_refused() -> None:
    raw = content()
    raw["output"] = raw["output"] * 2
    with pytest.raises(ManifestError, match="another name"):
        parse_model_file(raw, "model.toml")


def test_a_missing_file_and_a_broken_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"there is no model\.toml"):
        read_model_file(tmp_path / "model.toml")
    (tmp_path / "model.toml").write_text("name = ")
    with pytest.raises(ManifestError, match="not TOML"):
        read_model_file(tmp_path / "model.toml")
