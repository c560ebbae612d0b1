"""A whole training of a model of Series, small: made-up slices, few folds, all files written."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.progress import Progress

from dicom_node.pixels import DicomPixelReader
from inference.domain.errors import SettingsError
from inference.domain.job import ModelId
from inference.models.kinds import kind_of
from inference.models.registry import FolderRegistry
from inference.ports import Picture
from inference.training.config import CONFIGS
from inference.training.series import KIND, read_settings, start
from inference.training.series_slices import digest, read_slices, view
from inference.training.train import run

CONFIG = CONFIGS / "ct-contrast.toml"

SMALL = """
kind = "series"
folder = "slices"
column = "contrast"
positive = "yes"
attribution = "Generated"
seed = 1
size = 48
levels = [30, 60, 80, 100, 120, 150, 180, 220, 260, 300, 335]
softness = 8.0
tissue = 0.0
bone = 200.0
threshold = 0.5
fields_mm = [64.0, 80.0]
radii = [1]
reaches = [0, 2]
strengths = [0.1, 10.0]
repeats = 2
folds = 3
inner_folds = 2
compare = false
limits = ["It knows nothing."]
remarks = ["Nobody is real."]
[manifest]
name = "tiny-series"
version = "0.1"
title = "Tiny"
manufacturer = "Wetread"
intended_use = "tests"
licence = "Apache-2.0"
reads = "series"
window = [-50.0, 350.0]
pooling = "median"
[manifest.needs]
modality = ["CT"]
[[manifest.output]]
name = "contrast"
finding = ["7140000", "SCT", "Contrast agent"]
site = ["51185008", "SCT", "Thorax"]
"""


class Slices:
    """A reader of pictures that are 64 mm wide: tissue in air, and a vessel in the tissue."""

    def __init__(self, spacing_mm: tuple[float, float] | None = (1.0, 1.0)) -> None:
        self._spacing_mm = spacing_mm

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        assert window == (-50.0, 350.0)
        seed, grey = part10.read_text().split()
        pixels = np.zeros((64, 64), dtype=np.float32)
        pixels[8:56, 8:56] = 0.25
        pixels[20:40, 20:40] = float(grey)
        noise = np.random.default_rng(int(seed)).normal(0, 0.02, pixels.shape)
        noisy = np.clip(pixels + noise, 0, 1).astype(np.float32)
        return Picture(noisy, spacing_mm=self._spacing_mm)


def write_slices(folder: Path, patients: int = 12) -> None:
    """Two slices of each patient; one slice twice, and one patient with both labels."""
    folder.mkdir(parents=True)
    rows = []
    for index in range(2 * patients):
        contrast = (index // 2) % 2 == 1
        if index == 1:
            contrast = True
        (folder / f"{index:02}.dcm").write_text(f"{index} {0.6 if contrast else 0.24}")
        rows.append([f"{index:02}.dcm", "yes" if contrast else "no", f"p{index // 2}"])
    (folder / "again.dcm").write_text((folder / "05.dcm").read_text())
    rows.append(["again.dcm", "no", "p2"])
    with (folder / "labels.csv").open("w", newline="") as table:
        csv.writer(table).writerows([["file", "contrast", "patient_id"], *rows])


def prepared(folder: Path) -> Path:
    write_slices(folder / "slices")
    path = folder / "tiny.toml"
    path.write_text(SMALL)
    return path


def test_a_training_ends_in_a_model_that_the_service_loads(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    folder = run(config, tmp_path, tmp_path / "out", pixels=Slices())
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["slices"], metrics["patients"]) == (24, 12)
    assert metrics["performance"]["slices, out of fold"]["auroc"]["value"] == 1.0
    assert metrics["within_patients"] == {"patients": 1, "pairs": 1, "right": 1}
    assert set(metrics["others"]) == {"densities with bone"}
    card = (folder / "CARD.md").read_text()
    assert card.index("It knows nothing.") < card.index("## What it is")
    for said in ("Nobody is real.", metrics["data_sha256"], metrics["weights_sha256"]):
        assert said in card

    raw = tomllib.loads((folder / "model.toml").read_text())
    assert raw["recipe"]["intensity"] == "unit"
    model = FolderRegistry((tmp_path / "out",)).load(ModelId("tiny-series", "0.1"))
    slices = tmp_path / "slices"
    pictures = [Slices().read(slices / f"{n:02}.dcm", window=(-50.0, 350.0)) for n in (0, 2)]
    without, given = model.assess(pictures)
    assert without.certainty["contrast"] < 0.5 < given.certainty["contrast"]
    heat = given.heat_maps["contrast"]
    assert heat[24:36, 24:36].mean() > heat[44:52, 44:52].mean()

    again = run(config, tmp_path, tmp_path / "again", pixels=Slices())
    assert (again / "weights.safetensors").read_bytes() == (
        folder / "weights.safetensors"
    ).read_bytes()


def test_the_same_pixels_of_a_patient_count_once(tmp_path: Path) -> None:
    write_slices(tmp_path / "slices")
    slices = read_slices(tmp_path / "slices", "contrast", "yes", Slices(), (-50.0, 350.0))
    assert [each.file for each in slices if each.patient_id == "p2"] == ["04.dcm", "05.dcm"]
    assert digest(slices) != digest(slices[1:])


def test_a_field_of_view_is_cut_or_filled_with_air(tmp_path: Path) -> None:
    picture = Picture(np.ones((64, 64), dtype=np.float32), spacing_mm=(1.0, 0.5))
    wide = view(picture, 48, 64.0)
    assert wide.shape == (3, 48, 48)
    assert (wide[0, :, 13:35] == 1).all()
    assert float(wide[:, :, :11].max()) == 0.0
    assert (view(picture, 48, 32.0) == 1).all()
    with pytest.raises(SettingsError, match="Pixel Spacing"):
        view(Picture(picture.pixels), 48, 32.0)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    with pytest.raises(SettingsError, match="PixelReader"):
        run(config, tmp_path, tmp_path / "out")
    with pytest.raises(SettingsError, match=r"labels\.csv"):
        read_slices(tmp_path, "contrast", "yes", Slices(), (-50.0, 350.0))
    with pytest.raises(SettingsError, match="column 'dose'"):
        read_slices(tmp_path / "slices", "dose", "yes", Slices(), (-50.0, 350.0))
    for wrong, said in (("seed = 1", "seed"), ("window = [-50.0, 350.0]", "window")):
        config.write_text(SMALL.replace(wrong, ""))
        with pytest.raises(SettingsError, match=said):
            read_settings(config)


def test_the_configuration_is_one_of_series() -> None:
    assert kind_of(CONFIG) == KIND
    settings = read_settings(CONFIG)
    assert settings.window == (-50.0, 350.0)
    start(settings, 3, 9)


@pytest.mark.shared
def test_serving_answers_as_training_does(shared_data: Path) -> None:
    """From the file to the certainty: the shipped weights in both, to the fourth digit."""
    settings = read_settings(CONFIG)
    registry = FolderRegistry()
    model = registry.load(registry.active("ct-contrast"))
    folder = shared_data / settings.folder
    reader = DicomPixelReader()
    slices = read_slices(folder, settings.column, settings.positive, reader, settings.window)
    metrics = json.loads((registry.folder(model.manifest.model) / "metrics.json").read_text())
    assert digest(slices) == metrics["data_sha256"]
    assert model.manifest.window == settings.window

    training = metrics["training"]
    network = start(settings, training["radius"], training["reach"])
    from safetensors.torch import load_file

    weights = registry.folder(model.manifest.model) / model.manifest.weights_file
    network.load_state_dict(load_file(weights))
    chosen = slices[::5]
    with torch.inference_mode():
        logits = network(torch.stack([view(each.picture, settings.size) for each in chosen]))
    own = torch.sigmoid(logits[:, 0].double() / metrics["temperature"]).numpy()
    pictures = [reader.read(folder / each.file, window=settings.window) for each in chosen]
    served = [each.certainty["contrast"] for each in model.assess(pictures, explain=False)]
    assert served == pytest.approx(own, abs=1e-4)


@pytest.mark.shared
def test_training_goes_through_on_the_real_slices(shared_data: Path, tmp_path: Path) -> None:
    text = (
        CONFIG.read_text().replace("repeats = 20", "repeats = 1").replace("folds = 5", "folds = 2")
    )
    replaced = {"radii": "[3]", "reaches": "[9]", "strengths": "[3.0]", "inner_folds": "2"}
    lines = [
        f"{key} = {replaced[key]}" if (key := line.split(" =")[0]) in replaced else line
        for line in text.splitlines()
    ]
    config = tmp_path / "short.toml"
    config.write_text("compare = false\n" + "\n".join(lines))
    folder = run(
        config,
        shared_data,
        tmp_path / "out",
        progress=Progress(disable=True),
        pixels=DicomPixelReader(),
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["patients"] == 38
    assert metrics["performance"]["slices, out of fold"]["auroc"]["value"] > 0.9
