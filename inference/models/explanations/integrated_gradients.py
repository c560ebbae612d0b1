"""Integrated gradients (Sundararajan 2017), from a black picture to the one that was read."""

from __future__ import annotations

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from torch import Tensor

from inference.models.answers import pick
from inference.models.batch import darkest
from inference.models.explanations.explainer import stretched
from inference.models.runtimes.module import ModuleRuntime
from inference.models.runtimes.runtime import named

_STEPS = 32  # on the way; captum's 50 changed no map visibly
_BATCH = 16  # pictures at once, since steps make many of one


class IntegratedGradientsExplainer:
    """Needs a network that torch can differentiate, and nothing else of it.

    `classes` are those of the network's answer that are outputs; `answer` is its name.
    """

    def __init__(self, runtime: ModuleRuntime, classes: range, answer: str = "") -> None:
        self._runtime = runtime
        self._classes = classes
        self._answer = answer
        for parameter in runtime.network.parameters():
            parameter.requires_grad_(False)
        self._attribution = IntegratedGradients(self._logits)

    def explain(self, inputs: Tensor) -> tuple[NDArray[np.float32], Tensor | None]:
        maps = []
        with self._runtime.alone(), torch.enable_grad():
            own = self._runtime.inputs(inputs).requires_grad_(True)
            black = darkest(own.detach()).expand_as(own)
            for index in self._classes:
                found = self._attribution.attribute(
                    own,
                    black,
                    target=index,
                    n_steps=_STEPS,
                    internal_batch_size=_BATCH if own.ndim == 4 else 1,
                )
                maps.append(found.detach().sum(dim=1).clamp(min=0).float().cpu().numpy())
        return np.stack(
            [np.stack([stretched(each[row]) for each in maps]) for row in range(len(inputs))]
        ), None

    def _logits(self, inputs: Tensor) -> Tensor:
        answer = named(self._runtime.network(inputs), keep_graph=True)
        return pick(answer, self._answer)
