from __future__ import annotations

from pathlib import Path

import pytest

from inference.domain.errors import SettingsError
from inference.models.kinds import kind_of
from inference.models.manifest import parse_model_file
from inference.training.config import CONFIGS, find_config, read_config
from inference.training.finish import _manifest

SMALLEST = """
[data]
folder = "images"
positive = "PNEUMONIA"
attribution = "somebody"
[network]
architecture = "efficientnet-lite0"
[optimisation]
epochs = 1
learning_rate = 1
[manifest]
name = "small"
[[manifest.output]]
name = "pneumonia"
"""


MODELS = [path for path in sorted(CONFIGS.glob("*.toml")) if not kind_of(path)]


def test_a_configuration_is_found_by_the_name_of_its_model_or_by_its_path(tmp_path: Path) -> None:
    assert find_config("ct-contrast") == CONFIGS / "ct-contrast.toml"
    own = tmp_path / "own.toml"
    own.write_text(SMALLEST)
    assert find_config(str(own)) == own
    with pytest.raises(SettingsError, match=r"'ct-contrats'.*body-part, ct-contrast"):
        find_config("ct-contrats")


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_configuration_here_makes_a_valid_manifest(path: Path) -> None:
    config = read_config(path)
    content = _manifest(config, temperature=1.0, threshold=0.5)
    raw = {**content, "weights": "weights.safetensors", "weights_sha256": "0" * 64}
    assert parse_model_file(raw, "model.toml").manifest.model.name == path.stem


def test_defaults_fill_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALLEST)
    config = read_config(path)
    assert config.validation.sensitivity == 0.95
    assert config.optimisation.batch == 16
    assert config.evaluation == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs = 1", "", "add optimisation.epochs"),
        ("epochs = 1", 'epochs = "1"', "optimisation.epochs must be of type int"),
        ("epochs = 1", "epochs = 1\nepoch = 2", "remove the unknown key optimisation.epoch"),
        ("[network]", "[networks]", r"remove the unknown section \[networks\]"),
        ("[manifest]", "[other]", "section"),
        ("[[manifest.output]]", "[[manifest.outputs]]", "manifest.output"),
        ("[data]", "limits = 3\n[data]", "limits must be a list"),
        ("[data]", "evaluation = 3\n[data]", "evaluation"),
        ("[data]", "[data", "not TOML"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALLEST.replace(old, new))
    with pytest.raises(SettingsError, match=words):
        read_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no training configuration"):
        read_config(tmp_path / "none.toml")
