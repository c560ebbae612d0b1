"""A shipped model in other formats, and on a real server, answers as it does natively."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.domain.errors import ManifestError, ModelFailed
from inference.domain.job import ModelId
from inference.domain.manifest import Explanation, Format
from inference.models.export import export_model
from inference.models.manifest import FILE_NAME
from inference.models.network_model import NetworkModel
from inference.models.registry import FolderRegistry
from inference.models.toml import to_toml
from tests.support.mlserver import MODEL, MlServer
from tests.support.models import picture

NATIVE = FolderRegistry()
PNEUMONIA = NATIVE.active("cxr-pneumonia")
PICTURES = [picture(90 + 7 * seed, 120, seed) for seed in range(5)]
FORMS = [Format.TORCHSCRIPT, Format.PT2, Format.ONNX]

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[Format, Path]:
    """The folder of each format."""
    root = tmp_path_factory.mktemp("exported")
    return {form: export_model(NATIVE.folder(PNEUMONIA), form, root) for form in FORMS}


@pytest.fixture(scope="module")
def certainties() -> NDArray[np.float32]:
    return NATIVE.load(PNEUMONIA).certainties(PICTURES)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, exported: dict[Format, Path]) -> Any:
    with MlServer(
        tmp_path_factory.mktemp("mlserver"), exported[Format.ONNX] / "weights.onnx"
    ) as running:
        yield running


def load(folder: Path) -> NetworkModel:
    registry = FolderRegistry((folder.parents[1],))
    return registry.load(ModelId(folder.parent.name, folder.name))


@pytest.mark.parametrize("form", FORMS)
def test_the_pneumonia_model_says_the_same_in_every_format(
    exported: dict[Format, Path], certainties: NDArray[np.float32], form: Format
) -> None:
    model = load(exported[form])
    np.testing.assert_allclose(model.certainties(PICTURES), certainties, atol=1e-3)
    native = NATIVE.load(PNEUMONIA).manifest
    assert model.manifest.model == ModelId(f"cxr-pneumonia-{form}", PNEUMONIA.version)
    assert model.manifest.needs == native.needs
    assert model.manifest.population == native.population
    assert model.manifest.outputs == native.outputs
    assert model.manifest.device_uid != native.device_uid
    assert model.manifest.explanation is not Explanation.GRAD_CAM
    (found,) = model.assess(PICTURES[:1])
    assert found.heat_maps["pneumonia"].max() > 0.5


def on_server(root: Path, exported: Path, url: str, **keys: Any) -> Path:
    """Write the manifest of the exported model as one that `url` holds; return its folder."""
    raw = tomllib.loads((exported / FILE_NAME).read_text())
    content = {k: v for k, v in raw.items() if k not in ("weights", "weights_sha256")}
    content |= {
        "name": "cxr-pneumonia-remote",
        "format": "open-inference",
        "explanation": "none",
        "server": {"url": url, "model": MODEL, "timeout_seconds": 20.0, **keys},
    }
    folder = root / content["name"] / content["version"]
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text(to_toml(content))
    return folder


def test_the_pneumonia_model_says_the_same_on_mlserver(
    tmp_path: Path,
    server: MlServer,
    exported: dict[Format, Path],
    certainties: NDArray[np.float32],
) -> None:
    model = load(on_server(tmp_path, exported[Format.ONNX], server.url))
    np.testing.assert_allclose(model.certainties(PICTURES), certainties, atol=1e-3)


def test_mlserver_without_the_model_says_so(
    tmp_path: Path, server: MlServer, exported: dict[Format, Path]
) -> None:
    folder = on_server(tmp_path, exported[Format.ONNX], server.url, model="hearts")
    with pytest.raises(ManifestError, match="no model 'hearts'"):
        load(folder)


def test_mlserver_that_refuses_the_input_fails_as_model_failed(
    tmp_path: Path, server: MlServer, exported: dict[Format, Path]
) -> None:
    folder = on_server(tmp_path, exported[Format.ONNX], server.url)
    text = (folder / FILE_NAME).read_text()
    (folder / FILE_NAME).write_text(text.replace("[recipe]", "[recipe]\nchannels = 1"))
    with pytest.raises(ModelFailed, match="status 500"):
        load(folder).assess(PICTURES[:1])


def test_mlserver_that_hangs_and_then_dies_fails_as_model_failed(
    tmp_path: Path, exported: dict[Format, Path]
) -> None:
    (tmp_path / "server").mkdir()
    with MlServer(tmp_path / "server", exported[Format.ONNX] / "weights.onnx") as server:
        folder = on_server(tmp_path, exported[Format.ONNX], server.url, timeout_seconds=5.0)
        model = load(folder)
        server.hang()
        with pytest.raises(ModelFailed, match="did not answer within 5 s"):
            model.assess(PICTURES[:1])
        server.kill()
        with pytest.raises(ModelFailed, match="cannot be reached"):
            model.assess(PICTURES[:1])
        with pytest.raises(ModelFailed, match="cannot be reached"):
            load(folder)
