from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from inference.domain.errors import ManifestError
from inference.domain.job import ModelId
from inference.domain.manifest import Explanation, Format
from inference.models.export import export_model
from inference.models.registry import FolderRegistry
from tests.support.models import picture, write_model
from wetread.cli.app import app


@pytest.mark.parametrize("form", [Format.TORCHSCRIPT, Format.PT2, Format.ONNX])
def test_an_exported_model_lies_beside_the_one_it_came_from(tmp_path: Path, form: Format) -> None:
    folder = export_model(write_model(tmp_path), form, tmp_path)
    assert folder == tmp_path / f"small-{form}" / "1.0.0"
    registry = FolderRegistry((tmp_path,))
    pictures = [picture(seed=seed) for seed in range(3)]
    native = registry.load(ModelId("small", "1.0.0"))
    exported = registry.load(ModelId(f"small-{form}", "1.0.0"))
    np.testing.assert_allclose(
        exported.certainties(pictures), native.certainties(pictures), atol=1e-4
    )
    assert native.manifest.explanation is Explanation.GRAD_CAM
    assert exported.manifest.explanation is (
        Explanation.OCCLUSION if form is Format.ONNX else Explanation.INTEGRATED_GRADIENTS
    )


def test_what_cannot_be_exported_says_why(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    with pytest.raises(ManifestError, match='write "torchscript" or "pt2" or "onnx"'):
        export_model(folder, Format.MONAI_BUNDLE, tmp_path)
    exported = export_model(folder, Format.TORCHSCRIPT, tmp_path)
    with pytest.raises(ManifestError, match="only state-dict is exported"):
        export_model(exported, Format.ONNX, tmp_path)
    path = folder / "model.toml"
    path.write_text(path.read_text().replace("[recipe]", '[recipe]\nresize = "none"'))
    with pytest.raises(ManifestError, match="of one size"):
        export_model(folder, Format.ONNX, tmp_path)


def test_the_command_says_where_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETREAD_HOME", str(tmp_path / "state"))
    write_model(tmp_path / "state" / "models")
    out = tmp_path / "out"
    arguments = ["models", "export", "small", str(out), "--format", "torchscript", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    folder = Path(json.loads(result.stdout)["folder"])
    assert (folder / "weights.pt").is_file()
    assert folder == out / "small-torchscript" / "1.0.0"
