"""What a model was shown and what it said, in a few numbers a picture."""

from __future__ import annotations

from collections.abc import Sequence

from inference.domain.manifest import Manifest, Scope
from inference.ports import Assessment, Picture

_MOST = 16  # pictures of one question
_STEP = 4  # every fourth row and column says as much


def statistics_of(
    manifest: Manifest,
    pictures: Sequence[Picture],
    answers: Sequence[Assessment],
    *,
    explain: bool,
) -> dict[str, list[float]]:
    """Return values by the name of a statistic, at most 16 of each.

    `brightness` and `contrast` are mean and standard deviation of the pixels, 0 (black) to 1
    (white); `certainty of NAME` is what was answered for an output. Of a Series that is read as
    one they are those of the slice in its middle, and none where it is asked about again, to
    explain: a hundred slices of a patient say no more of other patients than one.
    """
    asked = list(zip(pictures, answers, strict=True))
    if manifest.reads is Scope.SERIES:
        middle = len(asked) // 2
        asked = [] if explain else asked[middle : middle + 1]
    step = -(-len(asked) // _MOST) or 1
    found: dict[str, list[float]] = {}
    for picture, answer in asked[::step]:
        seen = picture.pixels[::_STEP, ::_STEP]
        found.setdefault("brightness", []).append(float(seen.mean()))
        found.setdefault("contrast", []).append(float(seen.std()))
        for name, certainty in answer.certainty.items():
            found.setdefault(f"certainty of {name}", []).append(certainty)
    return found
