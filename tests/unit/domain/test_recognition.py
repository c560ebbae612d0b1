from __future__ import annotations

import pytest

from inference.domain.recognition import Kind, Recognition, objection, passes
from inference.domain.refusal import Reason

CHEST = (Kind.FRONTAL_CHEST,)


def test_only_what_is_accepted_sure_and_familiar_passes() -> None:
    assert objection(Recognition(Kind.FRONTAL_CHEST, 0.9), CHEST, "model") is None
    assert not passes(Recognition(Kind.FRONTAL_CHEST, 0.9, sure=False), CHEST)
    assert not passes(Recognition(Kind.FRONTAL_CHEST, 0.9, familiar=False), CHEST)
    assert not passes(Recognition(Kind.CT_SLICE, 0.9), CHEST)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.TURNED_CLOCKWISE, Reason.ROTATED),
        (Kind.UPSIDE_DOWN, Reason.ROTATED),
        (Kind.TURNED_COUNTERCLOCKWISE, Reason.ROTATED),
        (Kind.INVERTED_CHEST, Reason.INVERTED),
        (Kind.PART_OF_CHEST, Reason.CROPPED),
        (Kind.OTHER_RADIOGRAPH, Reason.NOT_RECOGNISED),
        (Kind.CT_SLICE, Reason.NOT_RECOGNISED),
        (Kind.OTHER, Reason.NOT_RECOGNISED),
        (Kind.BLANK, Reason.BLANK),
    ],
)
def test_every_other_kind_has_its_reason(kind: Kind, reason: Reason) -> None:
    found = objection(Recognition(kind, 0.75), CHEST, "model")
    assert found is not None
    assert found[0] is reason
    assert found[1].startswith("By its pixels this is ")
    assert found[1].endswith("(75%); model reads frontal chest radiographs")


@pytest.mark.parametrize(
    ("recognition", "words"),
    [
        (Recognition(Kind.FRONTAL_CHEST, 0.51, sure=False), "not surely enough (51%)"),
        (Recognition(Kind.FRONTAL_CHEST, 0.9, familiar=False), "unlike every frontal chest"),
    ],
)
def test_a_doubtful_one_is_refused_in_other_words(recognition: Recognition, words: str) -> None:
    found = objection(recognition, CHEST, "model")
    assert found is not None
    assert found[0] is Reason.NOT_RECOGNISED
    assert words in found[1]
