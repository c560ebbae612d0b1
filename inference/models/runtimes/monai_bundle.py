"""MONAI bundles: a folder or zip with `configs/metadata.json` and `models/`.

A bundle's configuration may name any class (`_target_`) and any Python (`$`), so it is not run.
`models/model.ts` is TorchScript and needs nothing of it. For `models/model.pt`, weights without
a program, one part of `configs/inference.json` is read: `network_def`, if it names a network of
MONAI listed here, with plain values. Pre- and postprocessing are the recipe's, not the bundle's.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inference.domain.errors import ManifestError
from inference.models.runtimes.module import ModuleRuntime, native
from inference.models.runtimes.torchscript import load_torchscript

_METADATA = "configs/metadata.json"
_INFERENCE = "configs/inference.json"
_SCRIPT = "models/model.ts"
_STATE = "models/model.pt"

# None of them fetches weights, reads files or takes a class as an argument, with the arguments
# that `_plain` lets through.
_NETWORKS = (
    "AttentionUnet, BasicUNet, BasicUNetPlusPlus, DenseNet, DenseNet121, DenseNet169, "
    "DenseNet201, DenseNet264, DynUNet, HighResNet, SegResNet, SegResNetDS, SwinUNETR, UNet, "
    "UNETR, VNet"
)
_TARGET = re.compile(r"(?:monai\.networks\.nets\.)?(?:\w+\.)?(\w+)")


def read_bundle(path: Path) -> tuple[dict[str, bytes], str]:
    """Return the files that matter, by their path in the bundle, and their SHA-256.

    Of a zip it is that of the zip; of a folder, that of what `sha256sum` prints for these
    files in this order. Raises `OSError` and `ManifestError`.
    """
    if not path.is_dir():
        content = path.read_bytes()
        return _unzipped(content, path.name), hashlib.sha256(content).hexdigest()
    files: dict[str, bytes] = {}
    for name in (_INFERENCE, _METADATA, _SCRIPT, _STATE):
        if (path / name).is_file() and not (name == _STATE and _SCRIPT in files):
            files[name] = (path / name).read_bytes()
    listing = "".join(
        f"{hashlib.sha256(each).hexdigest()}  {name}\n" for name, each in files.items()
    )
    return files, hashlib.sha256(listing.encode()).hexdigest()


def load_bundle(
    files: Mapping[str, bytes], name: str, device: str = "cpu", channels: int | None = None
) -> ModuleRuntime:
    """`channels` are those of the recipe. Raises `ManifestError`."""
    metadata = _object(files, _METADATA, name)
    _check_channels(metadata, channels, name)
    if _SCRIPT in files:
        return load_torchscript(files[_SCRIPT], f"{name}: {_SCRIPT}", device)
    if _STATE not in files:
        raise ManifestError(f"{name}: there is neither {_SCRIPT} nor {_STATE} in the bundle")
    network = _network(_object(files, _INFERENCE, name), f"{name}: {_INFERENCE}")
    try:
        state = torch.load(io.BytesIO(files[_STATE]), map_location="cpu", weights_only=True)
        if isinstance(state, Mapping):
            state = next((state[key] for key in ("model", "state_dict") if key in state), state)
        network.load_state_dict(state)
    # Whatever the bytes are: an unpickler that met more than tensors, or other tensors.
    except Exception as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ManifestError(
            f"{name}: {_STATE} does not hold the weights of {_INFERENCE}, or more than weights, "
            f"which are not loaded: {said}"
        ) from error
    return native(network, device)


def _network(config: Mapping[str, Any], where: str) -> nn.Module:
    definition = config.get("network_def", config.get("net_def", config.get("network")))
    if not isinstance(definition, Mapping) or not isinstance(definition.get("_target_"), str):
        raise ManifestError(f"{where}: there is no network_def; export the bundle to {_SCRIPT}")
    target = definition["_target_"]
    match = _TARGET.fullmatch(target)
    if not match or match[1] not in _NETWORKS.split(", "):
        raise ManifestError(
            f"{where}: {target[:80]!r} is not built here, since a configuration could name any "
            f"code; known are {_NETWORKS}. Export the bundle to {_SCRIPT}"
        )
    arguments = {key: value for key, value in definition.items() if key != "_target_"}
    for key, value in arguments.items():
        if not _plain(key, value):
            raise ManifestError(
                f"{where}: network_def.{key}: only plain values are taken, no references (@), "
                f"no Python ($), no _target_ and no weights from elsewhere; write the value, or "
                f"export the bundle to {_SCRIPT}"
            )
    try:
        from monai.networks import nets
    except ImportError:
        raise ManifestError(
            f"{where}: MONAI is not installed; install wetread[monai] to build its networks"
        ) from None
    try:
        network: nn.Module = getattr(nets, match[1])(**arguments)
    except Exception as error:  # MONAI checks its arguments in as many ways as it has networks
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ManifestError(f"{where}: {match[1]} refuses network_def: {said}") from error
    return network


def _plain(key: str, value: object) -> bool:
    if key.startswith("_") or "pretrain" in key.lower() or "path" in key.lower():
        return False
    if isinstance(value, Mapping):
        return all(_plain(str(name), each) for name, each in value.items())
    if isinstance(value, list):
        return all(_plain(key, each) for each in value)
    return not isinstance(value, str) or bool(re.fullmatch(r"[\w ]*", value))


def _check_channels(metadata: Mapping[str, Any], channels: int | None, name: str) -> None:
    try:
        said = metadata["network_data_format"]["inputs"]["image"]["num_channels"]
    except (KeyError, TypeError):
        return
    if channels is not None and said != channels:
        raise ManifestError(
            f"{name}: {_METADATA} says {said} channels and recipe.channels {channels}; "
            "a network of more than grey cannot read DICOM images here"
            if said not in (1, 3)
            else f"{name}: {_METADATA} says {said} channels; write recipe.channels = {said}"
        )


def _object(files: Mapping[str, bytes], member: str, name: str) -> Mapping[str, Any]:
    if member not in files:
        raise ManifestError(f"{name}: there is no {member} in the bundle")
    try:
        found = json.loads(files[member])
    except (ValueError, RecursionError):
        raise ManifestError(f"{name}: {member} is not JSON") from None
    if not isinstance(found, dict):
        raise ManifestError(f"{name}: {member} is no JSON object")
    return found


def _unzipped(content: bytes, name: str) -> dict[str, bytes]:
    """The bundle may lie in a folder inside the zip. Nothing is written to the disk."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.namelist()
            root = next(
                (each.removesuffix(_METADATA) for each in members if each.endswith(_METADATA)), ""
            )
            return {
                wanted: archive.read(root + wanted)
                for wanted in (_INFERENCE, _METADATA, _SCRIPT, _STATE)
                if root + wanted in members
            }
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ManifestError(f"{name}: neither a folder nor a zip: {error}") from None
