"""A whole training, small: generated images, one epoch or two, all files written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from inference.domain.job import ModelId
from inference.models.registry import FolderRegistry
from inference.training.train import run
from tests.support.models import SMALL, picture, write_images
from wetread.cli.app import app

CONFIG = f"""
limits = ["It knows nothing."]
[data]
folder = "images"
positive = "PNEUMONIA"
attribution = "Generated"
[network]
architecture = "{SMALL}"
size = 32
mirror = true
[optimisation]
epochs = EPOCHS
batch = 4
learning_rate = 0.001
threads = 2
[validation]
fraction = 0.3
[[evaluation]]
name = "again"
folder = "images"
column = "label"
positive = "PNEUMONIA"
about = "The same images."
[manifest]
name = "tiny"
version = "0.1"
title = "Tiny"
manufacturer = "Wetread"
intended_use = "tests"
licence = "Apache-2.0"
[manifest.needs]
modality = ["CR"]
[manifest.population]
age_years = [1, 5]
[[manifest.output]]
name = "pneumonia"
finding = ["233604007", "SCT", "Pneumonia"]
site = ["39607008", "SCT", "Lung"]
"""


@pytest.fixture(autouse=True)
def _threads() -> None:
    torch.set_num_threads(2)


def prepared(folder: Path, epochs: int) -> Path:
    if not (folder / "images").exists():
        write_images(folder / "images")
    path = folder / f"tiny-{epochs}.toml"
    path.write_text(CONFIG.replace("EPOCHS", str(epochs)))
    return path


def test_a_training_ends_in_a_model_that_the_service_loads(tmp_path: Path) -> None:
    folder = run(prepared(tmp_path, 1), tmp_path, tmp_path / "out")
    assert folder == tmp_path / "out" / "tiny" / "0.1"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics["performance"]) == {"validation", "test", "again"}
    assert metrics["training"]["seed"] == 20180301
    assert metrics["performance"]["test"]["images"] == 4
    card = (folder / "CARD.md").read_text()
    assert "It knows nothing." in card
    assert "**" not in card
    assert metrics["data_sha256"] in card

    registry = FolderRegistry((tmp_path / "out",))
    model = registry.load(ModelId("tiny", "0.1"))
    assert model.manifest.outputs[0].threshold == metrics["threshold"]
    assert model.manifest.weights_sha256 == metrics["weights_sha256"]
    (assessment,) = model.assess([picture()])
    assert 0 <= assessment.certainty["pneumonia"] <= 1


def test_a_resumed_training_goes_on_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = prepared(tmp_path, 2)
    whole = run(config, tmp_path, tmp_path / "whole")

    import inference.training.train as train

    save = train.save_checkpoint

    def save_and_stop(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(train, "save_checkpoint", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            run(config, tmp_path, tmp_path / "broken")
    resumed = run(config, tmp_path, tmp_path / "broken", resume=True)

    one, two = (load_file(each / "weights.safetensors") for each in (whole, resumed))
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], atol=1e-4, err_msg=name)


def test_a_checkpoint_of_other_images_is_refused(tmp_path: Path) -> None:
    config = prepared(tmp_path, 1)
    run(config, tmp_path, tmp_path / "out")
    labels = tmp_path / "images" / "labels.csv"
    labels.write_text(labels.read_text().replace("person19", "person20"))
    with pytest.raises(ValueError, match="other images"):
        run(config, tmp_path, tmp_path / "out", resume=True)


def test_the_command_says_where_the_model_is(tmp_path: Path) -> None:
    config = prepared(tmp_path, 1)
    arguments = ["train", str(config), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "AUROC" in result.output


def test_the_command_lists_the_names_it_knows() -> None:
    result = CliRunner().invoke(app, ["train", "nothing", "--data", "."])
    assert result.exit_code != 0
    assert "ct-contrast" in str(result.exception)
