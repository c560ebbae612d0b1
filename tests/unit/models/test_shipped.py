"""The models that come with the package."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from inference.domain.code import Code
from inference.domain.manifest import Manifest, Policy, Scope
from inference.domain.pooling import Pooling
from inference.domain.recognition import Kind
from inference.models.registry import SHIPPED, FolderRegistry
from inference.ports import Picture
from inference.training.dataset import load_pixels
from tests.support.models import picture

REGISTRY = FolderRegistry()


@pytest.mark.parametrize("manifest", REGISTRY.manifests(), ids=lambda m: str(m.model))
def test_every_shipped_model_loads_and_answers(manifest: Manifest) -> None:
    (assessment,) = REGISTRY.load(manifest.model).assess([picture()])
    assert set(assessment.certainty) == {output.name for output in manifest.outputs}


@pytest.mark.parametrize("manifest", REGISTRY.manifests(), ids=lambda m: str(m.model))
def test_every_shipped_model_has_its_card_and_its_numbers(manifest: Manifest) -> None:
    folder = REGISTRY.folder(manifest.model)
    assert (folder / manifest.weights_file).stat().st_size < 25_000_000
    metrics = json.loads((folder / "metrics.json").read_text())
    card = (folder / "CARD.md").read_text()
    assert metrics["weights_sha256"] == manifest.weights_sha256
    assert manifest.weights_sha256 in card
    for part in metrics["performance"].values():
        assert f"{part['auroc']['value']:.3f}" in card


def test_no_file_is_shipped_that_is_not_known() -> None:
    names = {path.name for path in SHIPPED.rglob("*") if path.is_file()}
    known = {"model.toml", "weights.safetensors", "CARD.md", "metrics.json", "reference.json"}
    assert names == known


def test_the_pneumonia_model_says_whom_it_is_for() -> None:
    registry = FolderRegistry()
    model = registry.load(registry.active("cxr-pneumonia"))
    manifest = model.manifest
    assert manifest.population.age_years == (1.0, 5.0)
    assert manifest.population.outside is Policy.FLAG
    assert manifest.population.unknown is Policy.FLAG
    assert manifest.needs.modality == ("CR", "DX", "RG")
    (output,) = manifest.outputs
    assert output.finding == Code("233604007", "SCT", "Pneumonia")
    assert output.site == Code("39607008", "SCT", "Lung")


def test_the_contrast_model_reads_series_of_ct_in_a_window_of_its_own() -> None:
    registry = FolderRegistry()
    manifest = registry.load(registry.active("ct-contrast")).manifest
    assert (manifest.reads, manifest.pooling) == (Scope.SERIES, Pooling.MEDIAN)
    assert manifest.window == (-50.0, 350.0)
    assert manifest.needs.modality == ("CT",)
    assert manifest.needs.recognised == (Kind.CT_SLICE,)
    (output,) = manifest.outputs
    assert output.finding == Code("7140000", "SCT", "Contrast agent")
    assert output.site == Code("51185008", "SCT", "Thorax")


@pytest.mark.shared
def test_the_test_images_are_scored_as_the_card_says(shared_data: Path) -> None:
    """A sample of them, from file to certainty: nothing in between has changed."""
    registry = FolderRegistry()
    model = registry.load(registry.active("cxr-pneumonia"))
    folder = shared_data / "cxr-kermany-224"
    with (folder / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"][::6]
    pictures = [Picture(load_pixels(folder / row["file"])) for row in rows]
    certainties = model.certainties(pictures)[:, 0]
    truth = [row["label"] == "PNEUMONIA" for row in rows]
    pairs = [
        (positive > negative)
        for positive, is_positive in zip(certainties, truth, strict=True)
        if is_positive
        for negative, also_positive in zip(certainties, truth, strict=True)
        if not also_positive
    ]
    assert sum(pairs) / len(pairs) > 0.9
