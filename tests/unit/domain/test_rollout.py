from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inference.domain.rollout import Rollout, RolloutChange, Stage, before

STUDIES = [f"2.25.{number}" for number in range(4000)]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def canaries(fraction: float, name: str = "chest") -> set[str]:
    rollout = Rollout(name, "1", "2", fraction)
    return {each for each in STUDIES if rollout.reads(each) == "2"}


def test_the_canary_reads_its_share_and_always_the_same_studies() -> None:
    tenth = canaries(0.1)
    assert len(tenth) == pytest.approx(400, abs=60)
    assert canaries(0.1) == tenth
    assert tenth < canaries(0.3)
    assert canaries(0.0) == set()
    assert canaries(1.0) == set(STUDIES)
    # Chosen by the Study alone, whichever versions they are.
    other = Rollout("chest", "8", "9", 0.1)
    assert {each for each in STUDIES if other.reads(each) == "9"} == tenth


def test_each_model_has_a_draw_of_its_own() -> None:
    assert len(canaries(0.1) & canaries(0.1, "bone")) == pytest.approx(40, abs=25)


def test_the_choice_is_the_same_in_every_version_of_this_program() -> None:
    rollout = Rollout("chest", "1", "2", 0.5)
    assert "".join(rollout.reads(each) for each in STUDIES[:16]) == "1112221121212122"


def test_promoting_leaves_one_version() -> None:
    everything = Rollout("chest", "1", "2", 0.1, "3")
    assert everything.promoted("3") == Rollout("chest", "3")
    assert str(everything) == "1 active, 2 canary 10 %, 3 shadow"
    assert everything.versions == {Stage.ACTIVE: "1", Stage.CANARY: "2", Stage.SHADOW: "3"}
    assert everything.stage("2") is Stage.CANARY
    assert everything.stage("4") is None


def test_a_version_changes_its_stage() -> None:
    everything = Rollout("chest", "1", "2", 0.1, "3")
    assert everything.with_canary("3", 0.2) == Rollout("chest", "1", "3", 0.2)
    assert everything.with_canary("2", 0.5) == Rollout("chest", "1", "2", 0.5, "3")
    assert everything.with_shadow("2") == Rollout("chest", "1", shadow="2")
    assert everything.with_shadow("4") == Rollout("chest", "1", "2", 0.1, "4")


@pytest.mark.parametrize(
    "wrong",
    [
        {"canary": "1"},
        {"canary": "2", "shadow": "2"},
        {"shadow": "1"},
        {"fraction": 0.5},
        {"canary": "2", "fraction": 1.5},
        {"canary": "2", "fraction": float("nan")},
        {"active": ""},
    ],
)
def test_what_is_no_rollout(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"rollout|version|fraction"):
        Rollout(**{"name": "chest", "active": "1"} | wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one stage"):
        Rollout("chest", "1").with_canary("1", 0.1)


def history(*restores: int | None) -> tuple[RolloutChange, ...]:
    changes = [
        RolloutChange(number, Rollout("chest", str(number)), NOW, "", "", each)
        for number, each in enumerate(restores, 1)
    ]
    return tuple(reversed(changes))


def restored(*restores: int | None) -> int | None:
    found = before(history(*restores))
    return found and found.number


def test_a_rollback_goes_back_and_never_forth() -> None:
    assert restored() is None
    assert restored(None) is None
    assert restored(None, None) == 1
    assert restored(None, None, None) == 2
    # Rolled back from 2 to 1: there is nothing before, and 2 must not come back.
    assert restored(None, None, 1) is None
    # Rolled back from 3 to 2: before that was 1.
    assert restored(None, None, None, 2) == 1
    assert restored(None, None, None, 2, 1) is None
    # After a rollback to 1 somebody promoted 4: before that, 1 counted.
    assert restored(None, None, 1, None) == 1
