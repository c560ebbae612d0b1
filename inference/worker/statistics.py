"""What a model was shown and what it said, in a few numbers a picture."""

from __future__ import annotations

from collections.abc import Sequence

from inference.ports import Assessment, Picture

_MOST = 16  # pictures of one question; a Series has hundreds that are alike
_STEP = 4  # every fourth row and column says as much


def statistics_of(
    pictures: Sequence[Picture], answers: Sequence[Assessment]
) -> dict[str, list[float]]:
    """Return values by the name of a statistic, at most 16 of each.

    `brightness` and `contrast` are mean and standard deviation of the pixels, 0 (black) to 1
    (white); `certainty of NAME` is what was answered for an output.
    """
    step = -(-len(pictures) // _MOST) or 1
    found: dict[str, list[float]] = {}
    for picture, answer in list(zip(pictures, answers, strict=True))[::step]:
        seen = picture.pixels[::_STEP, ::_STEP]
        found.setdefault("brightness", []).append(float(seen.mean()))
        found.setdefault("contrast", []).append(float(seen.std()))
        for name, certainty in answer.certainty.items():
            found.setdefault(f"certainty of {name}", []).append(certainty)
    return found
