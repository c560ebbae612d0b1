"""Chest radiographs are read whatever else; nothing else is, with a coded reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gate import CHESTS, outcomes_by_set, row
from inference.domain.refusal import Reason

EXPECTED = {
    "turned": Reason.ROTATED,
    "upside": Reason.ROTATED,
    "inverted": Reason.INVERTED,
    "cropped": Reason.CROPPED,
}


@pytest.mark.shared
@pytest.mark.timeout(900)  # half a minute of one core, but all images
def test_only_chest_radiographs_are_scored_whatever_the_headers_say(shared_data: Path) -> None:
    """`nih-test5`, whose header claims a CT, is among them; its header is not asked here."""
    for name, outcomes in outcomes_by_set(shared_data):
        print(row(name, outcomes))
        if name == CHESTS:
            assert len(outcomes) == 5
            assert set(outcomes) == {()}
        elif name.endswith("as they are"):
            assert outcomes.count(()) >= 19
        else:
            assert () not in outcomes, name
            assert {reason for (reason,) in outcomes} <= {each.value for each in Reason}
        _, _, done = name.partition(", ")
        expected = EXPECTED.get(done.split(" ")[0])
        if expected:
            reasons = [reason for (reason,) in outcomes]
            assert set(reasons) <= {expected.value, Reason.NOT_RECOGNISED.value}, name
            assert reasons.count(expected.value) >= 0.75 * len(reasons)
