"""MONAI bundles: what is in `models/` is read, what is in `configs/` is not run."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.domain.errors import ManifestError, WeightsChanged
from inference.domain.manifest import Format
from inference.models.runtimes.monai_bundle import read_bundle
from inference.models.toml import to_toml
from tests.support.foreign import (
    UNIT,
    Segmenter,
    content_for,
    load_foreign,
    output,
    packed,
)
from tests.support.models import picture

needs_monai = pytest.mark.skipif(find_spec("monai") is None, reason="needs wetread[monai]")

METADATA = {"network_data_format": {"inputs": {"image": {"num_channels": 1}}}}
UNET: dict[str, Any] = {
    "_target_": "UNet",
    "spatial_dims": 2,
    "in_channels": 1,
    "out_channels": 2,
    "channels": [4, 8],
    "strides": [2],
    "norm": "batch",
}


def script() -> bytes:
    return packed(Segmenter(), Format.TORCHSCRIPT, torch.zeros(2, 1, 32, 32), [])


def write_bundle(root: Path, files: dict[str, Any], *, zipped: bool = False) -> Path:
    """Write a bundle and the manifest of its segmentation; return the bundle."""
    folder = root / "small" / "1.0.0"
    folder.mkdir(parents=True)
    bundle = folder / ("bundle.zip" if zipped else "bundle")
    contents = {
        name: each if isinstance(each, bytes) else json.dumps(each).encode()
        for name, each in files.items()
    }
    if zipped:
        with zipfile.ZipFile(bundle, "w") as archive:
            for name, content in contents.items():
                archive.writestr(f"lungs_v1/{name}", content)
    else:
        for name, content in contents.items():
            (bundle / name).parent.mkdir(parents=True, exist_ok=True)
            (bundle / name).write_bytes(content)
    content = content_for(
        Format.MONAI_BUNDLE,
        b"",
        task="segmentation",
        weights=bundle.name,
        weights_sha256=read_bundle(bundle)[1],
        recipe={**UNIT, "size": 32},
        output=[output("bright"), output("dark")],
    )
    (folder / "model.toml").write_text(to_toml(content))
    return bundle


@pytest.mark.parametrize("zipped", [False, True])
def test_torchscript_in_a_bundle_is_run(tmp_path: Path, zipped: bool) -> None:
    files = {"configs/metadata.json": METADATA, "models/model.ts": script()}
    write_bundle(tmp_path, files, zipped=zipped)
    (found,) = load_foreign(tmp_path).assess([picture()])
    assert found.masks["bright"].any()


def test_the_sha256_of_a_folder_is_that_of_a_listing(tmp_path: Path) -> None:
    files = {"configs/metadata.json": METADATA, "models/model.ts": script(), "docs/README.md": b""}
    bundle = write_bundle(tmp_path, files)
    listing = "".join(
        f"{hashlib.sha256((bundle / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("configs/metadata.json", "models/model.ts")
    )
    assert read_bundle(bundle)[1] == hashlib.sha256(listing.encode()).hexdigest()
    (bundle / "configs" / "metadata.json").write_text("{}")
    with pytest.raises(WeightsChanged):
        load_foreign(tmp_path)


@needs_monai
def test_weights_are_loaded_into_a_network_that_is_known(tmp_path: Path) -> None:
    from monai.networks.nets import UNet

    torch.manual_seed(0)
    network = UNet(**{key: value for key, value in UNET.items() if key != "_target_"}).eval()
    files = {
        "configs/metadata.json": METADATA,
        "configs/inference.json": {"network_def": UNET, "imports": ["$import os"]},
        "models/model.pt": saved({"model": network.state_dict()}),
    }
    write_bundle(tmp_path, files, zipped=True)
    one = picture(32, 32)
    (found,) = load_foreign(tmp_path).assess([one])
    with torch.inference_mode():
        expected = torch.sigmoid(network(torch.from_numpy(one.pixels)[None, None]))[0, 0]
    np.testing.assert_allclose(found.heat_maps["bright"], expected.numpy(), atol=1e-4)


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


class Attack:
    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (self._marker,)  # type: ignore[return-value]


@needs_monai
def test_weights_with_code_are_refused(tmp_path: Path) -> None:
    marker = tmp_path / "attacked"
    files = {
        "configs/metadata.json": METADATA,
        "configs/inference.json": {"network_def": UNET},
        "models/model.pt": saved({"model": Attack(marker)}),
    }
    write_bundle(tmp_path, files)
    with pytest.raises(ManifestError, match="more than weights"):
        load_foreign(tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"_target_": "os.system", "command": "true"}, "'os.system' is not built here"),
        ({"_target_": "monai.networks.nets.TorchVisionFCModel"}, "is not built here"),
        ({"_target_": "subprocess.UNet.Popen"}, "is not built here"),
        ({**UNET, "act": "$__import__('os').system('true')"}, "network_def.act: only plain"),
        ({**UNET, "in_channels": "@channels"}, "network_def.in_channels: only plain"),
        ({**UNET, "act": {"_target_": "os.system"}}, "network_def.act: only plain"),
        ({**UNET, "act": ["relu", {"_target_": "os.system"}]}, "network_def.act: only plain"),
        ({**UNET, "_requires_": "x"}, "network_def._requires_: only plain"),
        ({**UNET, "pretrained": True}, "network_def.pretrained: only plain"),
        ("$import os", "there is no network_def"),
    ],
)
def test_a_configuration_that_is_code_is_not_run(
    tmp_path: Path, definition: Any, words: str
) -> None:
    files = {
        "configs/metadata.json": METADATA,
        "configs/inference.json": {"network_def": definition},
        "models/model.pt": saved({}),
    }
    write_bundle(tmp_path, files)
    with pytest.raises(ManifestError, match=words):
        load_foreign(tmp_path)


@needs_monai
def test_a_network_that_refuses_its_arguments_says_so(tmp_path: Path) -> None:
    for name, definition, words in (
        ("a", {**UNET, "colour": "red"}, "UNet refuses network_def"),
        ("b", UNET, "does not hold the weights"),
    ):
        files = {
            "configs/metadata.json": METADATA,
            "configs/inference.json": {"network_def": definition},
            "models/model.pt": saved({"other": torch.zeros(1)}),
        }
        write_bundle(tmp_path / name, files)
        with pytest.raises(ManifestError, match=words):
            load_foreign(tmp_path / name)


def test_without_monai_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai.networks", None)
    files = {
        "configs/metadata.json": METADATA,
        "configs/inference.json": {"network_def": UNET},
        "models/model.pt": saved({}),
    }
    write_bundle(tmp_path, files)
    with pytest.raises(ManifestError, match=r"install wetread\[monai\]"):
        load_foreign(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"models/model.ts": b""}, r"no configs/metadata\.json"),
        ({"configs/metadata.json": METADATA}, r"neither models/model\.ts nor"),
        ({"configs/metadata.json": b"{"}, "is not JSON"),
        ({"configs/metadata.json": []}, "no JSON object"),
        (
            {
                "configs/metadata.json": {
                    "network_data_format": {"inputs": {"image": {"num_channels": 3}}}
                },
                "models/model.ts": b"",
            },
            r"write recipe\.channels = 3",
        ),
    ],
)
def test_a_bundle_that_is_none_is_refused(
    tmp_path: Path, files: dict[str, Any], words: str
) -> None:
    write_bundle(tmp_path, files)
    with pytest.raises(ManifestError, match=words):
        load_foreign(tmp_path)


def test_a_missing_bundle_is_refused(tmp_path: Path) -> None:
    files = {"configs/metadata.json": METADATA, "models/model.ts": script()}
    bundle = write_bundle(tmp_path, files, zipped=True)
    bundle.write_bytes(b"no zip")
    with pytest.raises(ManifestError, match="neither a folder nor a zip"):
        load_foreign(tmp_path)
    bundle.unlink()
    with pytest.raises(ManifestError, match="cannot be read"):
        load_foreign(tmp_path)
