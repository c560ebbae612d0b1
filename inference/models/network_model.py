"""A network as the port `Model`, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inference.domain.errors import ModelFailed
from inference.domain.manifest import Manifest, Task
from inference.models.answers import logits_of
from inference.models.batch import Batch, prepare_batch, split
from inference.models.explanations.explainer import Explainer
from inference.models.recipe import Layout, Recipe
from inference.models.runtimes.runtime import Runtime
from inference.models.tasks import classification, detection, segmentation
from inference.ports import Assessment, Picture


class NetworkModel:
    """Prepares pictures as the recipe says, runs the network, and checks what it answers.

    Without an `explainer` a classification has no heat maps.
    """

    def __init__(
        self,
        manifest: Manifest,
        recipe: Recipe,
        runtime: Runtime,
        explainer: Explainer | None = None,
    ) -> None:
        self._manifest = manifest
        self._recipe = recipe
        self._runtime = runtime
        self._explainer = explainer

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    @property
    def runtime(self) -> Runtime:
        return self._runtime

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        """Return one Assessment for each picture. Raises `ModelFailed`."""
        found: list[Assessment] = []
        for part in split(pictures, self._recipe):
            try:
                found.extend(self._assess(prepare_batch(part, self._recipe), explain))
            except ModelFailed as error:
                raise ModelFailed(f"{self._manifest.model} failed: {error}") from error
            except (
                RuntimeError,
                ValueError,
                TypeError,
                IndexError,
                AssertionError,
                ArithmeticError,
                cv2.error,
            ) as error:
                raise ModelFailed(f"{self._manifest.model} failed: {error}") from error
        return found

    def certainties(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return (pictures, outputs), as `assess` does but without heat maps."""
        outputs = self._manifest.outputs
        found = [
            [assessment.certainty[output.name] for output in outputs]
            for part in split(pictures, self._recipe)
            for assessment in self._assess(prepare_batch(part, self._recipe), False)
        ]
        return np.array(found, dtype=np.float32).reshape(-1, len(outputs))

    def _assess(self, batch: Batch, explain: bool) -> list[Assessment]:
        outputs = self._manifest.outputs
        if self._manifest.task is Task.DETECTION:
            return [
                detection.assessment(batch, self._runtime.run(batch.inputs), self._recipe, outputs)
            ]
        if self._manifest.task is Task.SEGMENTATION:
            logits = self._logits(batch, self._runtime.run(batch.inputs))
            mirrored = self._mirrored(batch)
            return segmentation.assessments(batch, logits, mirrored, self._recipe, outputs, explain)
        heat, made = None, None
        if explain and self._explainer is not None:
            heat, made = self._explainer.explain(batch.inputs)
        answer = self._runtime.run(batch.inputs) if made is None else {self._recipe.answer: made}
        logits = self._logits(batch, answer)
        certainty = classification.certainties(logits, self._mirrored(batch), self._recipe)
        if self._recipe.layout is Layout.VOLUME:
            # What is said of the Series is said of each of its slices.
            certainty = certainty.repeat(len(batch.pictures), axis=0)
            heat = None if heat is None else heat[0].swapaxes(0, 1)
        return classification.assessments(batch, certainty, heat, outputs)

    def _logits(self, batch: Batch, answer: Mapping[str, Tensor]) -> Tensor:
        classifies = self._manifest.task is Task.CLASSIFICATION
        return logits_of(
            answer,
            self._recipe,
            len(self._manifest.outputs),
            items=len(batch.inputs),
            axes=2 if classifies else batch.inputs.ndim,
        )

    def _mirrored(self, batch: Batch) -> Tensor | None:
        """Return the logits of the mirror images, where the recipe wants them."""
        if not self._recipe.mirror:
            return None
        return self._logits(batch, self._runtime.run(batch.inputs.flip(-1)))
