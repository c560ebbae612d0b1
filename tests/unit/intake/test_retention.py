"""Images that nobody needs leave the archive, and what comes again meanwhile is safe."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from inference.domain.errors import RepositoryUnavailable
from inference.domain.instance import Receipt
from inference.domain.retention import Claim, RetentionTerms
from inference.fakes.memory import MemoryRemovals, MemoryWorkitems
from inference.intake.retention import Retention
from tests.unit.intake.test_door import DESCRIPTION, QUIET, UID, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def retire(house: House) -> RetentionTerms:
    """Make the one Study stable and old, and say whose images may go now."""
    study = house.index.study("1.2.3")
    assert study is not None
    assert house.index.close_revision(study, [], house.clock.now())
    house.clock.advance(2 * 86400)
    return RetentionTerms(house.clock.now() - timedelta(days=1))


def test_what_comes_again_while_it_is_removed_is_kept(house: House) -> None:
    house.receive()
    terms = retire(house)
    removals = MemoryRemovals(house.store, MemoryWorkitems(house.store))
    assert removals.remove("1.2.3", terms, house.clock.now())
    # The rows are gone and the file is not: here the one that removes was interrupted.
    assert house.receive() is Receipt.STORED
    assert len(house.files("studies")) == 2
    assert Retention(removals, house.archive, house.clock).finish() == 1
    instance = house.index.find(UID)
    assert instance is not None
    assert house.archive.path(instance.key).is_file()
    assert len(house.files("studies")) == 1


def test_what_is_found_just_before_it_is_removed_is_kept_anew_and_leaves_no_file(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.receive()
    terms = retire(house)
    retention = Retention(
        MemoryRemovals(house.store, MemoryWorkitems(house.store)), house.archive, house.clock
    )
    holds = house.archive.holds

    def looked_late(key: str) -> bool:
        list(retention.sweep(retention.due(terms), terms))
        return holds(key)

    monkeypatch.setattr(house.archive, "holds", looked_late)
    assert house.receive() is Receipt.STORED
    instance = house.index.find(UID)
    assert instance is not None
    assert house.files("studies") == [house.archive.path(instance.key)]


def test_a_whole_study_that_comes_again_is_a_new_revision(house: House) -> None:
    house.receive()
    terms = retire(house)
    removals = MemoryRemovals(house.store, MemoryWorkitems(house.store))
    retention = Retention(removals, house.archive, house.clock)
    (weighed,) = retention.sweep(retention.due(terms), terms)
    assert weighed.claims == ()
    assert house.files("studies") == []
    assert not house.door.holds(UID)
    assert house.receive() is Receipt.STORED
    study = house.index.study("1.2.3")
    assert study is not None
    assert (study.revision, study.instances, study.removed) == (1, 1, 0)
    assert study.quiet_until == house.clock.now() + QUIET
    assert list(retention.sweep(retention.due(terms), terms)) == []


def test_a_run_that_cannot_remove_a_file_leaves_it_to_the_next(house: House) -> None:
    house.receive()
    terms = retire(house)
    removals = MemoryRemovals(house.store, MemoryWorkitems(house.store))

    class Away(type(house.archive)):  # type: ignore[misc]
        def remove(self, key: str) -> None:
            raise RepositoryUnavailable

    broken = Retention(removals, Away(house.archive.root), house.clock)
    with pytest.raises(RepositoryUnavailable):
        list(broken.sweep(broken.due(terms), terms))
    assert len(house.files("studies")) == 1
    whole = Retention(removals, house.archive, house.clock)
    assert list(whole.sweep(whole.due(terms), terms)) == []
    assert house.files("studies") == []


def test_a_dry_run_only_says_what_would_become_of_a_study(house: House) -> None:
    house.receive()
    terms = retire(house)
    removals = MemoryRemovals(house.store, MemoryWorkitems(house.store))
    retention = Retention(removals, house.archive, house.clock)
    (weighed,) = retention.sweep(retention.due(terms), terms, dry_run=True)
    assert (weighed.instances, weighed.claims) == (1, ())
    assert len(house.files("studies")) == 1
    assert house.index.find(UID) is not None


def test_the_oldest_go_first_and_a_kept_one_counts_for_nothing(house: House) -> None:
    for number in (1, 2, 3, 4):
        house.receive(
            replace(DESCRIPTION, study_instance_uid=f"1.{number}", sop_instance_uid=f"2.{number}")
        )
        if number > 1:
            study = house.index.study(f"1.{number}")
            assert study is not None
            house.index.close_revision(study, [], house.clock.now())
        house.clock.advance(1)
    terms = RetentionTerms(house.clock.now())
    removals = MemoryRemovals(house.store, MemoryWorkitems(house.store))
    retention = Retention(removals, house.archive, house.clock)
    found = list(retention.sweep(retention.due(terms), terms, limit=2))
    assert [each.study_instance_uid for each in found] == ["1.1", "1.2", "1.3"]
    assert found[0].claims == (Claim.RECEIVING,)
    assert len(house.files("studies")) == 2


def test_the_log_names_the_study_and_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    house.receive()
    terms = retire(house)
    removals = MemoryRemovals(house.store, MemoryWorkitems(house.store))
    retention = Retention(removals, house.archive, house.clock)
    list(retention.sweep(retention.due(terms), terms))
    assert "Study 1.2.3: 1 Instances removed" in caplog.text
    assert "secret" not in caplog.text.lower()
