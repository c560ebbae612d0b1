"""Occlusion (Zeiler 2014): what does the answer lose when a part of the picture is covered?"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inference.models.answers import pick
from inference.models.explanations.explainer import stretched
from inference.models.runtimes.runtime import Runtime

_IMAGE = (8, 2)  # windows along a side, and steps to a window
_VOLUME = (4, 1)


class OcclusionExplainer:
    """Asks for many answers and needs nothing but them, so it works for every format.

    `classes` are those of the network's answer that are outputs; `answer` is its name;
    `batch`: pictures at once.
    """

    def __init__(self, runtime: Runtime, classes: range, answer: str = "", batch: int = 16) -> None:
        self._runtime = runtime
        self._classes = classes
        self._answer = answer
        self._batch = batch

    def explain(self, inputs: Tensor) -> tuple[NDArray[np.float32], Tensor | None]:
        logits = pick(self._runtime.run(inputs), self._answer)
        maps = [self._maps(inputs[row : row + 1], logits[row]) for row in range(len(inputs))]
        return np.stack(maps), logits

    def _maps(self, one: Tensor, whole: Tensor) -> NDArray[np.float32]:
        """Return (outputs, …) for `one`, (1, channels, …), whose answer is `whole`, (classes,)."""
        grey = one.mean(dim=tuple(range(2, one.ndim)), keepdim=True)[0]
        windows = _windows(tuple(one.shape[2:]))
        lost = np.zeros((len(self._classes), *one.shape[2:]), dtype=np.float32)
        count = np.zeros(one.shape[2:], dtype=np.float32)
        size = self._batch if one.ndim == 4 else 1
        for begin in range(0, len(windows), size):
            part = windows[begin : begin + size]
            covered = one.repeat(len(part), *[1] * (one.ndim - 1))
            for row, window in enumerate(part):
                covered[row][(slice(None), *window)] = grey
            answer = pick(self._runtime.run(covered), self._answer)
            if answer.shape != (len(part), len(whole)):
                raise ValueError(
                    f"the network answered with the shape {tuple(answer.shape)}, not "
                    f"({len(part)}, {len(whole)})"
                )
            drops = (whole - answer).numpy()
            for row, window in enumerate(part):
                count[window] += 1
                for place, index in enumerate(self._classes):
                    lost[place][window] += drops[row, index]
        return np.stack([stretched(np.maximum(each / count, 0)) for each in lost])


def _windows(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Return windows that cover every pixel; `shape` is (rows, columns), slices in front."""
    parts, steps = _IMAGE if len(shape) == 2 else _VOLUME
    along = []
    for length in shape:
        width = max(length // parts, 1)
        step = max(width // steps, 1)
        along.append([slice(begin, begin + width) for begin in range(0, length, step)])
    return list(itertools.product(*along))
