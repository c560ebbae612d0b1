"""What every Incidents promises, and what Index, Removals, Events and Census then say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from inference.domain.errors import RepositoryUnavailable
from inference.domain.event import EventKind
from inference.domain.incident import (
    SYSTEM,
    Comparison,
    Decision,
    Incident,
    IncidentKind,
    IncidentQuery,
    IncidentState,
    Resolution,
)
from inference.domain.instance import Origin, Priority, Source
from inference.domain.retention import Claim
from tests.contracts.removals import LATER, TERMS, claimed, finish
from tests.contracts.repositories import STUDY, Repositories, RepositoriesContract, at

RESOLUTION = Resolution(Decision.KEPT, "the later one was a retry", "ann", at(60))
SAME = Resolution(Decision.SAME, "the same image", SYSTEM, at(60), authenticated=True)


def make_incident(number: int = 1, **changes: Any) -> Incident:
    sha256 = f"{number:064x}"
    values: dict[str, Any] = {
        "kind": IncidentKind.CONFLICT,
        "reason": "other bytes",
        "key": f"quarantine/{sha256}.dcm",
        "origin": Origin(Source.DICOMWEB, "peer", priority=Priority.LOW),
        "sop_instance_uid": f"{STUDY}.1.1",
        "study_instance_uid": STUDY,
        "sha256": sha256,
        "against": "a" * 64,
        "size": 4321,
    }
    return Incident(**values | changes)


def unreadable(number: int = 1, **changes: Any) -> Incident:
    without = {"sop_instance_uid": "", "study_instance_uid": "", "against": ""}
    return make_incident(number, kind=IncidentKind.UNREADABLE, **without | changes)


def add(repositories: Repositories, *incidents: Incident, seconds: float = 0) -> None:
    for each in incidents:
        repositories.index.add_incident(each, at(seconds))


def listed(repositories: Repositories, **query: Any) -> list[int]:
    found = repositories.incidents.incidents(IncidentQuery(**query))
    return [each.incident_id for each in found]


class IncidentsContract(RepositoriesContract):
    def test_an_incident_is_kept_as_it_is(self, repositories: Repositories) -> None:
        add(repositories, make_incident(reason="rubbish"), seconds=3)
        assert repositories.incidents.incident(2) is None
        assert repositories.incidents.incident(1) == make_incident(
            reason="rubbish", incident_id=1, occurred_at=at(3), last_at=at(3)
        )

    def test_they_are_listed_and_narrowed_the_newest_first(
        self, repositories: Repositories
    ) -> None:
        add(repositories, make_incident(1), unreadable(2), make_incident(3), unreadable(4))
        assert repositories.incidents.resolve(3, RESOLUTION)
        assert listed(repositories) == [4, 3, 2, 1]
        assert listed(repositories, limit=2) == [4, 3]
        assert listed(repositories, before=3) == [2, 1]
        assert listed(repositories, state=IncidentState.OPEN) == [4, 2, 1]
        assert listed(repositories, state=IncidentState.RESOLVED) == [3]
        assert listed(repositories, kind=IncidentKind.UNREADABLE) == [4, 2]
        assert listed(repositories, study_instance_uid=STUDY, state=IncidentState.OPEN) == [1]

    def test_the_same_bytes_again_are_counted(self, repositories: Repositories) -> None:
        for seconds in (0, 5, 9):
            add(repositories, make_incident(), seconds=seconds)
        (found,) = repositories.incidents.incidents(IncidentQuery())
        assert (found.times, found.occurred_at, found.last_at) == (3, at(0), at(9))

    def test_the_same_bytes_against_others_are_another(self, repositories: Repositories) -> None:
        add(repositories, make_incident(), make_incident(against="b" * 64))
        assert listed(repositories) == [2, 1]

    def test_many_send_the_same_bytes_at_once(self, repositories: Repositories) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: add(repositories, make_incident()), range(16)))
        (found,) = repositories.incidents.incidents(IncidentQuery())
        assert found.times == 16

    def test_a_resolution_is_kept_and_stands(self, repositories: Repositories) -> None:
        add(repositories, make_incident())
        assert not repositories.incidents.resolve(2, RESOLUTION)
        assert repositories.incidents.resolve(1, RESOLUTION)
        other = replace(RESOLUTION, decision=Decision.DISMISSED, who="bob", authenticated=True)
        assert not repositories.incidents.resolve(1, other)
        add(repositories, make_incident(), seconds=90)
        found = repositories.incidents.incident(1)
        assert found is not None
        assert (found.resolution, found.times) == (RESOLUTION, 2)
        assert listed(repositories) == [1]

    def test_of_many_who_resolve_one_does(self, repositories: Repositories) -> None:
        add(repositories, make_incident())
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda _: repositories.incidents.resolve(1, RESOLUTION), range(8)))
        assert done.count(True) == 1

    def test_the_account_adds_up_whatever_becomes_of_them(self, repositories: Repositories) -> None:
        add(repositories, make_incident(1), make_incident(2), unreadable(3))
        assert counted(repositories) == (3, 2, 1, 0, 0)
        assert repositories.census.take().incidents == {
            IncidentKind.CONFLICT: 2,
            IncidentKind.UNREADABLE: 1,
        }
        repositories.incidents.resolve(1, RESOLUTION)
        repositories.incidents.resolve(3, replace(RESOLUTION, decision=Decision.DISMISSED))
        assert counted(repositories) == (3, 1, 0, 2, 0)
        assert repositories.census.take().incidents == {IncidentKind.CONFLICT: 1}
        assert repositories.incidents.remove([1, 2, 3], at(70)) == 2
        assert counted(repositories) == (3, 1, 0, 2, 2)

    def test_only_an_open_conflict_keeps_the_images(self, repositories: Repositories) -> None:
        finish(repositories)
        add(repositories, make_incident(1), make_incident(2))
        assert claimed(repositories) == (Claim.QUARANTINED,)
        repositories.incidents.resolve(1, RESOLUTION)
        assert claimed(repositories) == (Claim.QUARANTINED,)
        repositories.incidents.resolve(2, RESOLUTION)
        assert claimed(repositories) == ()

    def test_what_is_resolved_goes_with_the_images(self, repositories: Repositories) -> None:
        finish(repositories)
        add(repositories, make_incident(1), unreadable(2))
        repositories.incidents.resolve(1, RESOLUTION)
        weighed = repositories.removals.remove(STUDY, TERMS, LATER)
        assert weighed is not None
        assert weighed.claims == ()
        found = repositories.incidents.incident(1)
        assert found is not None
        assert (found.key, found.removed_at, found.resolution) == ("", LATER, RESOLUTION)
        (other,) = repositories.incidents.incidents(IncidentQuery(IncidentState.OPEN))
        assert (other.incident_id, other.key) == (2, unreadable(2).key)
        key = make_incident(1).key
        keys = repositories.removals.unfinished()
        assert keys[-1] == key
        assert len(keys) == 3
        repositories.removals.finish(keys)
        assert repositories.removals.unfinished() == []
        assert not repositories.index.account().problems

    def test_what_belongs_to_no_study_goes_when_it_is_resolved_long_enough(
        self, repositories: Repositories
    ) -> None:
        repositories.receive()
        add(repositories, make_incident(1), unreadable(2), unreadable(3), unreadable(4))
        for number, seconds in ((1, 10), (2, 20), (3, 90)):
            repositories.incidents.resolve(number, replace(RESOLUTION, at=at(seconds)))
        assert list(repositories.incidents.settled(at(60))) == [2]
        assert repositories.incidents.remove([2], at(70)) == 1
        assert list(repositories.incidents.settled(at(60))) == []
        assert repositories.removals.unfinished() == [unreadable(2).key]

    def test_bytes_that_an_open_incident_has_too_stay(self, repositories: Repositories) -> None:
        add(repositories, make_incident(), unreadable(), make_incident(against="b" * 64))
        repositories.incidents.resolve(1, RESOLUTION)
        assert repositories.incidents.remove([1], at(70)) == 0
        repositories.incidents.resolve(2, RESOLUTION)
        repositories.incidents.resolve(3, RESOLUTION)
        assert repositories.incidents.remove([1], at(70)) == 3
        assert set(repositories.removals.unfinished()) == {make_incident().key}

    def test_what_comes_again_after_its_bytes_were_removed_has_another_key(
        self, repositories: Repositories
    ) -> None:
        digest = make_incident().sha256
        assert repositories.index.incident_removals(digest) == 0
        add(repositories, make_incident())
        repositories.incidents.resolve(1, RESOLUTION)
        repositories.incidents.remove([1], at(70))
        assert repositories.index.incident_removals(digest) == 1
        with pytest.raises(RepositoryUnavailable):
            repositories.index.add_incident(make_incident(), at(80), 0)
        again = make_incident(key="quarantine/again.dcm")
        repositories.index.add_incident(again, at(80), 1)
        found = repositories.incidents.incident(1)
        assert found is not None
        assert (found.key, found.times, found.removed_at) == (again.key, 2, None)
        assert found.resolution == RESOLUTION
        # The first file has still to go, and is not forgotten.
        assert repositories.removals.unfinished() == [make_incident().key]
        with pytest.raises(RepositoryUnavailable):
            repositories.incidents.remove([1], at(90))
        repositories.removals.finish([make_incident().key])
        assert repositories.incidents.remove([1], at(90)) == 1
        assert repositories.removals.unfinished() == [again.key]

    def test_what_comes_while_it_is_removed_is_never_a_file_that_goes(
        self, repositories: Repositories
    ) -> None:
        incidents, index = repositories.incidents, repositories.index
        digest = make_incident().sha256

        def send(number: int) -> None:
            against = f"{number % 4:064x}"
            with suppress(RepositoryUnavailable):
                removals = index.incident_removals(digest)
                key = f"quarantine/{digest}-{removals}.dcm"
                index.add_incident(make_incident(key=key, against=against), at(0), removals)

        def clean(number: int) -> None:
            for each in incidents.incidents(IncidentQuery(IncidentState.OPEN)):
                incidents.resolve(each.incident_id, RESOLUTION)
            with suppress(RepositoryUnavailable):
                incidents.remove(listed(repositories), at(70))
            if number % 3 == 0:
                repositories.removals.finish(repositories.removals.unfinished())

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: (clean if number % 2 else send)(number), range(40)))
        send(0)
        left = set(repositories.removals.unfinished())
        found = incidents.incidents(IncidentQuery())
        assert not left & {each.key for each in found if each.key}
        assert any(each.key for each in found)
        assert not index.account().problems

    def test_conflicts_wait_to_be_compared_the_oldest_first(
        self, repositories: Repositories
    ) -> None:
        add(repositories, make_incident(1), unreadable(2), make_incident(3), make_incident(4))
        add(repositories, make_incident(5, against=""), make_incident(6, sha256="", key="q/6"))
        repositories.incidents.resolve(3, RESOLUTION)
        assert to_compare(repositories) == [1, 4]
        assert [each.incident_id for each in repositories.incidents.to_compare(limit=1)] == [1]
        assert repositories.census.take().to_compare == {IncidentKind.CONFLICT: 2}

    def test_each_is_begun_once(self, repositories: Repositories) -> None:
        incidents = repositories.incidents
        add(repositories, make_incident(1), unreadable(2), make_incident(3))
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda _: incidents.begin(1), range(8)))
        assert done.count(True) == 1
        incidents.resolve(3, RESOLUTION)
        assert not any(incidents.begin(each) for each in (2, 3, 9))
        found = incidents.incident(1)
        assert found is not None
        assert (found.compared, found.state) == (Comparison.BEGUN, IncidentState.OPEN)
        assert to_compare(repositories) == []

    def test_what_differs_is_never_compared_again_and_what_failed_is_when_asked(
        self, repositories: Repositories
    ) -> None:
        incidents = repositories.incidents
        add(repositories, *(make_incident(each) for each in range(1, 5)))
        for number in range(1, 5):
            incidents.begin(number)
        incidents.compared(1, Comparison.DIFFERS)
        incidents.compared(2, Comparison.FAILED)
        incidents.compared(3, Comparison.FAILED)
        incidents.resolve(3, RESOLUTION)
        incidents.compared(3, Comparison.DIFFERS)  # too late
        add(repositories, *(make_incident(each) for each in range(1, 5)), seconds=9)
        assert to_compare(repositories) == []
        incidents.compare_again()
        assert to_compare(repositories) == [2]
        said = [each.compared for each in reversed(incidents.incidents(IncidentQuery()))]
        # Who began the fourth may have died of it: not at once again, but the time after.
        assert said == [Comparison.DIFFERS, None, Comparison.FAILED, Comparison.FAILED]
        incidents.compare_again()
        assert to_compare(repositories) == [2, 4]

    def test_the_same_image_is_told_from_what_people_decide(
        self, repositories: Repositories
    ) -> None:
        incidents = repositories.incidents
        add(repositories, make_incident(1), make_incident(2), make_incident(3))
        incidents.begin(1)
        assert incidents.resolve(1, SAME)
        assert incidents.resolve(2, RESOLUTION)
        found = incidents.incident(1)
        assert found is not None
        assert (found.resolution, found.compared) == (SAME, Comparison.SAME)
        assert listed(repositories, decisions=(Decision.SAME,)) == [1]
        assert listed(repositories, decisions=(Decision.KEPT, Decision.SAME)) == [2, 1]
        assert listed(repositories, decisions=(Decision.RESENT,)) == []
        account = repositories.index.account()
        assert (account.incidents_resolved, account.incidents_same) == (2, 1)
        census = repositories.census.take()
        assert census.resolved == {Decision.SAME: 1, Decision.KEPT: 1}
        assert census.incidents == census.to_compare == {IncidentKind.CONFLICT: 1}
        (_, *told) = repositories.events.after(0)[-2:]
        assert [(each.incident_id, each.detail) for each in told] == [(2, "kept")]

    def test_bytes_found_the_same_as_what_is_held_are_known_again(
        self, repositories: Repositories
    ) -> None:
        repositories.receive()
        (held,) = repositories.index.instances(STUDY)
        uid = held.sop_instance_uid
        of_held: dict[str, Any] = {"sop_instance_uid": uid, "against": held.sha256}
        add(repositories, *(make_incident(each, **of_held) for each in (1, 2, 3)))
        add(repositories, make_incident(4, sop_instance_uid=uid, against="b" * 64))
        digests = [make_incident(each).sha256 for each in (1, 2, 3, 4)]

        def known() -> list[bool]:
            return [repositories.index.holds_same(uid, each) for each in digests]

        assert known() == [False] * 4
        for number, resolution in ((1, SAME), (2, RESOLUTION), (4, SAME)):
            repositories.incidents.resolve(number, resolution)
        assert known() == [True, False, False, False]
        assert not repositories.index.holds_same(f"{STUDY}.7", digests[0])
        # As little as of what is held: once the bytes are gone it is known all the same.
        assert repositories.incidents.remove([1], at(70)) == 1
        assert known() == [True, False, False, False]

    def test_what_was_the_same_is_not_once_the_images_are_removed(
        self, repositories: Repositories
    ) -> None:
        finish(repositories)
        (held, *_) = repositories.index.instances(STUDY)
        incident = make_incident(sop_instance_uid=held.sop_instance_uid, against=held.sha256)
        add(repositories, incident)
        repositories.incidents.resolve(1, SAME)
        assert repositories.index.holds_same(held.sop_instance_uid, incident.sha256)
        repositories.removals.remove(STUDY, TERMS, LATER)
        assert not repositories.index.holds_same(held.sop_instance_uid, incident.sha256)

    def test_events_tell_of_them(self, repositories: Repositories) -> None:
        finish(repositories)
        last = repositories.events.newest()
        add(repositories, make_incident(1), make_incident(1), unreadable(2))
        repositories.incidents.resolve(1, RESOLUTION)
        repositories.removals.remove(STUDY, TERMS, LATER)
        told = repositories.events.after(last)
        assert [(each.kind, each.incident_id, each.detail) for each in told] == [
            (EventKind.INCIDENT_OPENED, 1, "conflict"),
            (EventKind.INCIDENT_OPENED, 2, "unreadable"),
            (EventKind.INCIDENT_CLOSED, 1, "kept"),
            (EventKind.IMAGES_REMOVED, None, "2"),
        ]
        assert [each.study_instance_uid for each in told] == [STUDY, "", STUDY, STUDY]
        assert told[-1].revision == 1

    def test_older_ones_without_a_digest_are_known_by_their_key(
        self, repositories: Repositories
    ) -> None:
        old = make_incident(sha256="", against="", key="quarantine/1")
        add(repositories, old, old, replace(old, key="quarantine/2"))
        assert listed(repositories) == [2, 1]
        assert repositories.index.incident_removals("") == 0


def to_compare(repositories: Repositories) -> list[int]:
    return [each.incident_id for each in repositories.incidents.to_compare()]


def counted(repositories: Repositories) -> tuple[int, int, int, int, int]:
    account = repositories.index.account()
    assert not account.problems
    return (
        account.incidents,
        account.conflicts,
        account.unreadable,
        account.incidents_resolved,
        account.incidents_removed,
    )
