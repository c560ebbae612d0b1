"""Where in a picture did the network find what it says?"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

_BLUR = 1 / 48  # standard deviation, of the longer side


class Explainer(Protocol):
    def explain(self, inputs: Tensor) -> tuple[NDArray[np.float32], Tensor | None]:
        """Return heat, and the logits of the same inputs if they were made on the way.

        `inputs` are those of `Runtime.run`. The heat is (pictures, outputs, rows, columns),
        or (1, outputs, slices, rows, columns), float32, 0 to 1, each map stretched to 1.
        """
        ...


def stretched(positive: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one map, (…, rows, columns) of non-negative numbers, blurred, its peak at 1.

    Attributions to single pixels are noise to the eye; blurred they show areas.
    """
    sigma = max(positive.shape[-2:]) * _BLUR
    flat = positive.reshape(-1, *positive.shape[-2:])
    blurred = np.stack([cv2.GaussianBlur(each, (0, 0), sigma) for each in flat])
    peak = float(blurred.max())
    scaled = blurred / peak if peak > 0 else blurred
    result: NDArray[np.float32] = scaled.reshape(positive.shape).astype(np.float32)
    return result
