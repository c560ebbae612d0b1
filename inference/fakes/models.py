"""A model without weights, and a registry of such models."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from inference.domain.code import Code
from inference.domain.computing import computing
from inference.domain.errors import ModelFailed, UnknownModel
from inference.domain.job import ModelId
from inference.domain.manifest import InputNeeds, Manifest, Output, Population
from inference.domain.uid import derive_uid
from inference.ports import Assessment, Picture


def fake_manifest(
    name: str = "cxr-pneumonia",
    version: str = "1.0.0",
    *,
    needs: InputNeeds | None = None,
    population: Population | None = None,
    threshold: float = 0.5,
) -> Manifest:
    """Return a manifest as the shipped model's, without needs unless they are given."""
    sha256 = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
    return Manifest(
        model=ModelId(name, version),
        title="Pneumonia (fake)",
        manufacturer="Wetread",
        architecture="fake",
        weights_file="weights.safetensors",
        weights_sha256=sha256,
        device_uid=derive_uid("device", name, version, sha256),
        calibration="none",
        intended_use="tests",
        licence="Apache-2.0",
        outputs=(
            Output(
                "pneumonia",
                Code("233604007", "SCT", "Pneumonia"),
                Code("39607008", "SCT", "Lung"),
                threshold,
            ),
        ),
        needs=needs or InputNeeds(),
        population=population or Population(),
    )


class FakeModel:
    """Its certainty is the picture's mean brightness, its heat map the picture itself.

    `failures` is how often `assess` raises `ModelFailed` before it works; `assessed` counts
    the pictures of each call.
    """

    def __init__(self, manifest: Manifest | None = None, failures: int = 0) -> None:
        self._manifest = manifest or fake_manifest()
        self.failures = failures
        self.assessed: list[int] = []

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        if self.failures > 0:
            self.failures -= 1
            raise ModelFailed
        self.assessed.append(len(pictures))
        with computing():
            return [self._assess(picture, explain) for picture in pictures]

    def _assess(self, picture: Picture, explain: bool) -> Assessment:
        names = [output.name for output in self._manifest.outputs]
        grey = np.clip(picture.pixels, 0.0, 1.0).astype(np.float32)
        return Assessment(
            certainty=dict.fromkeys(names, float(np.clip(picture.pixels.mean(), 0.0, 1.0))),
            heat_maps={name: grey for name in names if explain},
        )


class FakeRegistry:
    """Holds the models it is given; the one given last is the active version of its name."""

    def __init__(self, *models: FakeModel) -> None:
        self._models = {model.manifest.model: model for model in models or (FakeModel(),)}

    def manifests(self) -> Sequence[Manifest]:
        return tuple(model.manifest for model in self._models.values())

    def active(self, name: str) -> ModelId:
        for model in reversed(self._models):
            if model.name == name:
                return model
        raise UnknownModel(f"no model of the name {name!r} is registered")

    def load(self, model: ModelId) -> FakeModel:
        try:
            return self._models[model]
        except KeyError:
            raise UnknownModel(f"the model {model} is not registered") from None
