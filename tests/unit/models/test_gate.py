"""The gate that ships: what it lets pass, and what it says of the rest."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dicom_node.pixels import DicomPixelReader
from inference.domain.errors import ManifestError, ModelFailed, UnknownModel, WeightsChanged
from inference.domain.recognition import Kind, Recognition, passes
from inference.models.gate import TorchGate, blank, load_gate
from inference.models.registry import SHIPPED, FolderRegistry
from inference.ports import Picture
from inference.training.dataset import load_pixels
from inference.training.gate_views import WRONG, spoil
from tests.support.models import picture

FOLDER = SHIPPED / "body-part" / "1.0.0"
CHEST = (Kind.FRONTAL_CHEST,)
NO_FRONTAL_CHEST = "dx-169x211.dcm"  # an animal, from the side, among the chest radiographs


@pytest.fixture(scope="module")
def gate() -> TorchGate:
    return FolderRegistry().gate("body-part")


def look(gate: TorchGate, pixels: NDArray[np.float32]) -> Recognition:
    (recognition,) = gate.look([Picture(pixels)])
    return recognition


def test_every_gate_that_a_shipped_model_names_is_there() -> None:
    registry = FolderRegistry()
    names = {each.gate for each in registry.manifests()} - {""}
    assert names == {"body-part"}
    assert all(registry.gate(name) for name in names)
    with pytest.raises(UnknownModel):
        registry.gate("nobody")


def test_its_card_and_numbers_are_of_its_weights() -> None:
    metrics = json.loads((FOLDER / "metrics.json").read_text())
    card = (FOLDER / "CARD.md").read_text()
    assert metrics["weights_sha256"] in card
    assert metrics["weights_sha256"] in (FOLDER / "model.toml").read_text()
    assert (FOLDER / "weights.safetensors").stat().st_size < 14_000_000


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_one_grey_value_is_blank(gate: TorchGate, grey: float) -> None:
    assert look(gate, np.full((300, 200), grey, np.float32)).kind is Kind.BLANK


def test_padding_is_nothing_to_see(gate: TorchGate) -> None:
    pixels = np.full((100, 100), 0.5, np.float32)
    pixels[:, :40] = 0.0
    assert gate.look([Picture(pixels, pixels == 0)])[0].kind is Kind.BLANK
    assert gate.look([Picture(pixels, np.ones_like(pixels, np.bool_))])[0].kind is Kind.BLANK


@pytest.mark.parametrize("share", [0.0, 0.005, 0.02, 0.4])
@pytest.mark.parametrize("contrast", [0.004, 0.5])
def test_a_picture_is_blank_between_its_percentiles(share: float, contrast: float) -> None:
    """However the few pixels lie that are looked at first."""
    for step in (61, 1):
        pixels = np.full(122_000, 0.4, np.float32)
        pixels[:: step if share else len(pixels) + 1][: int(share * len(pixels))] += contrast
        pixels[0] = 0.4
        low, high = np.percentile(pixels, (1, 99))
        assert blank(Picture(pixels.reshape(200, 610))) == bool(high - low < 2 / 255)


def test_noise_and_slopes_do_not_pass(gate: TorchGate) -> None:
    noise = np.random.default_rng(0).random((256, 256), dtype=np.float32)
    slope = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (256, 1))
    for pixels in (noise, slope, slope.T, picture().pixels):
        assert not passes(look(gate, pixels), CHEST)


def test_each_picture_has_its_own_answer_whatever_is_beside_it(gate: TorchGate) -> None:
    pictures = [picture(seed=seed) for seed in range(20)]
    together = gate.look(pictures)
    alone = [gate.look([each])[0] for each in pictures]
    assert [each.kind for each in together] == [each.kind for each in alone]
    assert [each.certainty for each in together] == pytest.approx(
        [each.certainty for each in alone], abs=1e-4
    )
    assert gate.look([]) == []


@pytest.mark.parametrize("pixels", [np.full((8, 8), np.nan), np.zeros((8, 8, 3))])
def test_what_is_no_picture_is_an_error(gate: TorchGate, pixels: NDArray[np.float64]) -> None:
    with pytest.raises(ModelFailed):
        gate.look([Picture(pixels.astype(np.float32))])


def _copy(tmp_path: Path) -> Path:
    folder = tmp_path / "body-part" / "1.0.0"
    shutil.copytree(FOLDER, folder)
    return folder / "model.toml"


def test_other_weights_are_not_run(tmp_path: Path) -> None:
    path = _copy(tmp_path)
    (path.parent / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(WeightsChanged):
        load_gate(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "body-part"', 'name = "other"'),
        ('"ct slice", ', ""),
        ("weights.safetensors", "../weights.safetensors"),
        ("size = 160", 'size = "large"'),
        ("size = 160", "size = 224"),
        ("weights_sha256", "sha"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = _copy(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ManifestError):
        load_gate(path)


def test_the_demos_radiograph_passes_and_nothing_else_of_pydicom_data(
    gate: TorchGate, pydicom_data: Path
) -> None:
    chest = DicomPixelReader().read(pydicom_data / "RG1_UNCR.dcm").pixels
    assert passes(look(gate, chest), CHEST)
    for kind in WRONG:
        assert look(gate, spoil(chest, kind)).kind is kind
    for name in ("RG3_UNCR", "693_UNCR", "US1_UNCR", "MR2_UNCR", "explicit_VR-UN", "SC_rgb"):
        found = look(gate, DicomPixelReader().read(pydicom_data / f"{name}.dcm").pixels)
        assert not passes(found, CHEST), name


@pytest.mark.shared
def test_of_the_dicom_samples_only_chest_radiographs_pass(
    gate: TorchGate, shared_data: Path
) -> None:
    """Whatever their headers say: nih-test5 claims to be a CT."""
    passed = {
        path.name
        for path in (shared_data / "dicom-samples").rglob("*.dcm")
        if passes(look(gate, DicomPixelReader().read(path).pixels), CHEST)
    }
    chests = {path.name for path in (shared_data / "dicom-samples/chest-radiographs").iterdir()}
    assert passed == chests - {NO_FRONTAL_CHEST} | {"RG1_JLSN.dcm"}


@pytest.mark.shared
def test_chest_radiographs_pass_and_their_turned_inverted_and_cut_copies_do_not(
    gate: TorchGate, shared_data: Path
) -> None:
    """A sample of the children's test images, of which none was learned from."""
    folder = shared_data / "cxr-kermany-224"
    with (folder / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"][::12]
    pictures = [load_pixels(folder / row["file"]) for row in rows]
    assert all(passes(look(gate, each), CHEST) for each in pictures)
    for kind in WRONG:
        spoilt = [look(gate, spoil(each, kind, place % 4)) for place, each in enumerate(pictures)]
        assert not any(passes(each, CHEST) for each in spoilt)
        assert sum(each.kind is kind for each in spoilt) / len(spoilt) > 0.9


@pytest.mark.shared
def test_no_ct_slice_passes(gate: TorchGate, shared_data: Path) -> None:
    files = sorted((shared_data / "ct-contrast-siim").glob("*.dcm"))
    files += sorted((shared_data / "ct-chest-series").rglob("*.dcm"))
    for path in files[::3]:
        assert not passes(look(gate, DicomPixelReader().read(path).pixels), CHEST), path.name
