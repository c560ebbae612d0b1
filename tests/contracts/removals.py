"""What every Removals promises, and what Index and Catalog then say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from inference.domain import workitem as ups
from inference.domain.catalog import Condition, Field, Level, Search
from inference.domain.errors import RepositoryUnavailable
from inference.domain.incident import Incident, IncidentKind
from inference.domain.instance import Origin, Receipt, Source
from inference.domain.listing import ResultQuery, StudyQuery
from inference.domain.matching import AnyOf
from inference.domain.reading import ReadingQuery, Standing
from inference.domain.result import Result
from inference.domain.retention import Claim, RetentionTerms
from inference.domain.review import Verdict
from inference.domain.study import Study, StudyState
from inference.domain.workitem import StepState, element
from tests.contracts.repositories import (
    LEASE,
    QUIET,
    STUDY,
    T0,
    Repositories,
    RepositoriesContract,
    at,
    make_failure,
    make_instance,
    make_request,
    make_result,
)
from tests.contracts.reviews import make_review
from tests.contracts.workitems import make_workitem

DAY = 86400.0  # seconds
TERMS = RetentionTerms(at(DAY), delivers=True)
LATER = at(2 * DAY)
ONE, TWO = f"{STUDY}.1.1", f"{STUDY}.1.2"


class RemovalsContract(RepositoriesContract):
    def test_only_what_is_old_and_has_images_is_due(self, repositories: Repositories) -> None:
        for study, seconds in (("1.2", 5), ("1.1", 9), ("1.3", 9), ("1.4", DAY + 1)):
            finish(repositories, study, at(seconds))
        assert list(repositories.removals.due(at(DAY))) == ["1.2", "1.1", "1.3"]
        remove(repositories, "1.1")
        assert list(repositories.removals.due(at(DAY))) == ["1.2", "1.3"]

    def test_a_delivered_study_is_claimed_by_nothing(self, repositories: Repositories) -> None:
        finish(repositories)
        weighed = repositories.removals.weigh(STUDY, TERMS)
        assert weighed is not None
        assert (weighed.study_instance_uid, weighed.received_at) == (STUDY, T0)
        assert (weighed.instances, weighed.size, weighed.claims) == (2, 2468, ())
        assert repositories.removals.weigh("9.9", TERMS) is None

    def test_to_weigh_changes_nothing(self, repositories: Repositories) -> None:
        finish(repositories)
        before = repositories.index.account()
        repositories.removals.weigh(STUDY, TERMS)
        assert repositories.index.account() == before
        assert repositories.removals.unfinished() == []

    def test_what_is_removed_is_gone_from_index_and_catalog(
        self, repositories: Repositories
    ) -> None:
        finish(repositories)
        remove(repositories)
        assert repositories.index.instances(STUDY) == ()
        assert repositories.index.find(ONE) is None
        assert catalogued(repositories) == ["2.25.1", "2.25.2"]
        study = read(repositories)
        assert (study.state, study.revision, study.instances) == (StudyState.STABLE, 1, 0)
        assert (study.removed, study.removed_at) == (2, at(2 * DAY))
        assert study.received_at == T0
        keys = repositories.removals.unfinished()
        assert keys == [f"studies/{STUDY}/{ONE}.dcm", f"studies/{STUDY}/{TWO}.dcm"]
        assert repositories.removals.unfinished(limit=1) == keys[:1]
        account = repositories.index.account()
        assert (account.instances, account.removed, account.problems) == (0, 2, ())

    def test_the_catalog_counts_what_is_left(self, repositories: Repositories) -> None:
        # Another node's report may lie in a Series of the same name as a received one.
        repositories.index.add(make_instance(ONE), T0, QUIET)
        finish(repositories, objects_in=f"{STUDY}.1")
        remove(repositories)
        of_study = Condition(Field.STUDY_INSTANCE_UID, AnyOf((STUDY,)))
        found = repositories.catalog.search(Search(Level.SERIES, (of_study,)))
        counts = [each.values[Field.NUMBER_OF_SERIES_RELATED_INSTANCES] for each in found]
        assert counts == [2]
        (entry,) = repositories.catalog.search(Search(Level.STUDY, (of_study,)))
        assert entry.text(Field.PATIENT_NAME) == "Doe^Jané"

    def test_lists_still_find_the_study(self, repositories: Repositories) -> None:
        finish(repositories)
        remove(repositories)
        (found,) = repositories.reading.read(ReadingQuery(modality="DX")).readings
        assert (found.study, found.standing) == (read(repositories), Standing.UNDETERMINED)
        assert repositories.reading.read(ReadingQuery(modality="CT")).total == 0
        ((_, listed),) = repositories.listing.studies(StudyQuery(modality="DX"))
        assert listed == found
        assert repositories.listing.studies(StudyQuery(modality="CT")) == ()
        (result,) = repositories.listing.results(ResultQuery())
        assert result.study.removed == 2

    def test_finished_files_are_forgotten(self, repositories: Repositories) -> None:
        finish(repositories)
        remove(repositories)
        first, second = repositories.removals.unfinished()
        repositories.removals.finish([first])
        assert repositories.removals.unfinished() == [second]
        repositories.removals.finish([first, second])
        assert repositories.removals.unfinished() == []
        assert repositories.index.account().removed == 2

    def test_others_keep_theirs(self, repositories: Repositories) -> None:
        finish(repositories)
        repositories.index.add(make_instance("9.9.1", study="9.9"), T0, QUIET)
        remove(repositories)
        assert repositories.index.find("9.9.1") is not None
        assert repositories.removals.remove("9.8", TERMS, at(2 * DAY)) is None

    def test_it_is_removed_once(self, repositories: Repositories) -> None:
        finish(repositories)
        with ThreadPoolExecutor(4) as pool:
            found = list(
                pool.map(
                    lambda _: repositories.removals.remove(STUDY, TERMS, at(2 * DAY)), range(4)
                )
            )
        assert [each is None for each in found].count(False) == 1
        assert read(repositories).removed == 2

    def test_what_comes_again_is_new(self, repositories: Repositories) -> None:
        finish(repositories)
        remove(repositories)
        again = make_instance(ONE, sha256="b" * 64)
        assert repositories.index.removals(ONE) == 1
        assert repositories.index.removals("9.9") == 0
        received = repositories.index.add(again, at(3 * DAY), QUIET, removals=1)
        assert received is Receipt.STORED
        assert repositories.index.find(ONE) == again
        study = read(repositories)
        assert (study.state, study.revision) == (StudyState.RECEIVING, 1)
        assert (study.instances, study.removed) == (1, 1)
        assert study.quiet_until == at(3 * DAY + 10)
        assert ONE in catalogued(repositories)
        account = repositories.index.account()
        assert (account.instances, account.removed, account.problems) == (1, 1, ())
        repositories.index.add(make_instance(TWO), at(3 * DAY), QUIET, removals=1)
        assert read(repositories).removed == 0
        assert repositories.index.add(again, at(4 * DAY), QUIET) is Receipt.HELD_ALREADY

    def test_it_is_retired_while_nothing_of_its_study_is_here(
        self, repositories: Repositories
    ) -> None:
        finish(repositories)
        assert not repositories.index.retired(ONE)
        remove(repositories)
        assert repositories.index.retired(ONE)
        assert not repositories.index.retired("9.9")
        repositories.index.add(make_instance(f"{STUDY}.1.3"), at(3 * DAY), QUIET)
        assert not repositories.index.retired(ONE)

    def test_it_may_come_again_in_another_study(self, repositories: Repositories) -> None:
        finish(repositories)
        remove(repositories)
        repositories.index.add(make_instance(ONE, study="9.9"), at(3 * DAY), QUIET, removals=1)
        assert read(repositories).removed == 1
        assert read(repositories, "9.9").removed == 0
        assert not repositories.index.account().problems

    def test_a_key_from_before_the_removal_is_not_taken(self, repositories: Repositories) -> None:
        # Its file may have been removed with the others.
        finish(repositories)
        remove(repositories)
        with pytest.raises(RepositoryUnavailable):
            repositories.index.add(make_instance(ONE), at(3 * DAY), QUIET, removals=0)
        assert repositories.index.find(ONE) is None
        assert not repositories.index.account().problems

    def test_each_removal_counts(self, repositories: Repositories) -> None:
        finish(repositories)
        remove(repositories)
        for uid in (ONE, TWO):
            repositories.index.add(make_instance(uid), at(3), QUIET, removals=1)
        close(repositories, revision=2)
        with pytest.raises(RepositoryUnavailable):  # its files would be forgotten
            repositories.removals.remove(STUDY, TERMS, at(4 * DAY))
        repositories.removals.finish(repositories.removals.unfinished())
        remove(repositories, when=at(4 * DAY))
        assert repositories.index.removals(ONE) == 2
        study = read(repositories)
        assert (study.instances, study.removed, study.removed_at) == (0, 2, at(4 * DAY))
        assert len(repositories.removals.unfinished()) == 2
        assert not repositories.index.account().problems

    def test_many_receive_while_one_removes(self, repositories: Repositories) -> None:
        finish(repositories)

        def receive(number: int) -> Receipt:
            uid = f"{STUDY}.7.{number}"
            return repositories.index.add(make_instance(uid), at(3 * DAY), QUIET)

        with ThreadPoolExecutor(8) as pool:
            removed = pool.submit(repositories.removals.remove, STUDY, TERMS, at(2 * DAY))
            receipts = list(pool.map(receive, range(16)))
        assert receipts == [Receipt.STORED] * 16
        weighed = removed.result()
        assert weighed is not None
        study = read(repositories)
        kept = 2 if weighed.claims else 0
        assert (study.instances, study.removed) == (16 + kept, 2 - kept)
        assert not repositories.index.account().problems

    def test_a_study_that_is_not_stable_is_kept(self, repositories: Repositories) -> None:
        repositories.receive()
        assert claimed(repositories) == (Claim.RECEIVING,)

    def test_a_study_that_something_came_of_meanwhile_is_kept(
        self, repositories: Repositories
    ) -> None:
        finish(repositories, when=at(DAY + 1))
        assert claimed(repositories) == (Claim.RECEIVING,)

    def test_a_job_that_has_not_ended_keeps_the_images(self, repositories: Repositories) -> None:
        finish(repositories)
        for shadow in (False, True):
            repositories.queue.enqueue([make_request(revision=2, shadow=shadow)], at(10))
        assert claimed(repositories) == (Claim.JOB_OPEN,)
        lease = repositories.claim(20)
        assert claimed(repositories) == (Claim.JOB_OPEN,)
        repositories.results.record(lease, make_result(revision=2, objects=()), [])
        assert claimed(repositories) == (Claim.JOB_OPEN,)  # the one in shadow
        lease = repositories.claim(20)
        repositories.results.record(lease, make_result(revision=2, objects=()), [])
        assert claimed(repositories) == ()

    @pytest.mark.parametrize("shadow", [False, True])
    def test_a_failed_job_keeps_the_images(self, repositories: Repositories, shadow: bool) -> None:
        finish(repositories)
        repositories.queue.enqueue([make_request(revision=2, shadow=shadow)], at(10))
        failure = make_failure(revision=2, objects=())
        repositories.results.record(repositories.claim(20), failure, [])
        assert claimed(repositories) == (Claim.JOB_FAILED,)

    def test_a_delivery_that_waits_keeps_the_images_and_so_does_a_refused_one(
        self, repositories: Repositories
    ) -> None:
        finish(repositories, delivered=False)
        assert claimed(repositories) == (Claim.DELIVERY_WAITING,)
        first = repositories.outbox.claim(at(20), LEASE)
        second = repositories.outbox.claim(at(20), LEASE)
        assert first is not None
        assert second is not None
        repositories.outbox.delivered(first, at(21))
        repositories.outbox.fail(second, "no")
        assert claimed(repositories) == (Claim.DELIVERY_REFUSED,)

    @pytest.mark.parametrize("destinations", [(), ("archive",)])
    def test_results_that_never_left_keep_the_images_where_they_should(
        self, repositories: Repositories, destinations: tuple[str, ...]
    ) -> None:
        finish(repositories, destinations=destinations)
        assert claimed(repositories) == (Claim.NOT_DELIVERED,)
        weighed = repositories.removals.weigh(STUDY, RetentionTerms(at(DAY), delivers=False))
        assert weighed is not None
        assert weighed.claims == ()

    @pytest.mark.parametrize("state", list(StepState))
    def test_an_open_workitem_keeps_the_images_that_it_names(
        self, repositories: Repositories, state: StepState
    ) -> None:
        finish(repositories)
        inputs = element("SQ", {ups.STUDY_UID: element("UI", STUDY)})
        other = element("SQ", {ups.STUDY_UID: element("UI", f"{STUDY}.4")})
        repositories.workitems.add(make_workitem(1, data={ups.INPUTS: other}), ())
        assert claimed(repositories) == ()
        repositories.workitems.add(make_workitem(2, state=state, data={ups.INPUTS: inputs}), ())
        assert claimed(repositories) == (() if state.is_final else (Claim.WORKITEM_OPEN,))

    def test_the_open_workitem_of_a_job_keeps_the_images(self, repositories: Repositories) -> None:
        finish(repositories)
        (job,) = repositories.queue.jobs()
        repositories.workitems.add(make_workitem(job_id=job.job_id, own=True), ())
        assert claimed(repositories) == (Claim.WORKITEM_OPEN,)

    def test_a_workitem_becomes_no_job_where_the_images_are_gone(
        self, repositories: Repositories
    ) -> None:
        finish(repositories)
        remove(repositories)
        repositories.workitems.add(make_workitem(), ())
        request = make_request(revision=1)
        assert not repositories.workitems.perform(make_workitem(), request, at(3 * DAY))

    def test_a_conflict_keeps_the_images(self, repositories: Repositories) -> None:
        finish(repositories)
        for kind, study in ((IncidentKind.UNREADABLE, STUDY), (IncidentKind.CONFLICT, "9.9")):
            add_incident(repositories, kind, study)
        assert claimed(repositories) == ()
        add_incident(repositories, IncidentKind.CONFLICT, STUDY)
        assert claimed(repositories) == (Claim.QUARANTINED,)

    def test_what_a_reviewer_disagreed_with_is_kept_unless_it_is_said(
        self, repositories: Repositories
    ) -> None:
        finish(repositories)
        agreed: dict[str, Any] = {
            "verdict": Verdict.AGREE,
            "presence": None,
            "reason": None,
        }
        repositories.reviews.record(make_review(1, **agreed, right_finding=None), [])
        assert claimed(repositories) == ()
        repositories.reviews.record(make_review(2), [])
        assert claimed(repositories) == (Claim.DISAGREED,)
        weighed = repositories.removals.weigh(STUDY, RetentionTerms(at(DAY), reviewed=True))
        assert weighed is not None
        assert weighed.claims == ()
        repositories.reviews.record(make_review(3, **agreed, right_finding=None), [])
        assert claimed(repositories) == ()  # the same person thought better of it
        repositories.reviews.record(make_review(4, **agreed), [])
        assert claimed(repositories) == (Claim.DISAGREED,)  # agreed, and named another

    def test_what_is_claimed_is_not_removed(self, repositories: Repositories) -> None:
        finish(repositories)
        add_incident(repositories, IncidentKind.CONFLICT, STUDY)
        weighed = repositories.removals.remove(STUDY, TERMS, at(2 * DAY))
        assert weighed is not None
        assert weighed.claims == (Claim.QUARANTINED,)
        assert len(repositories.index.instances(STUDY)) == 2


def finish(
    repositories: Repositories,
    study: str = STUDY,
    when: datetime = T0,
    *,
    destinations: tuple[str, ...] = ("archive", "pacs"),
    delivered: bool = True,
    objects_in: str = "",
) -> None:
    """Receive two Instances, and end the Job that reads them."""
    for number in (1, 2):
        repositories.index.add(make_instance(f"{study}.1.{number}", study=study), when, QUIET)
    close(repositories, study, destinations=destinations, objects_in=objects_in)
    while delivered and (delivery := repositories.outbox.claim(at(2 * DAY), LEASE)):
        repositories.outbox.delivered(delivery, at(2 * DAY))


def close(
    repositories: Repositories,
    study: str = STUDY,
    revision: int = 1,
    *,
    destinations: tuple[str, ...] = ("pacs",),
    objects_in: str = "",
) -> None:
    """Make the Study stable, and end its Job."""
    request = make_request(study_instance_uid=study, revision=revision)
    assert repositories.index.close_revision(read(repositories, study), [request], T0)
    result = make_result(study_instance_uid=study, revision=revision)
    if study != STUDY or revision > 1:
        result = _without_objects(result)
    elif objects_in:
        result = _in_series(result, objects_in)
    repositories.results.record(repositories.claim(DAY), result, destinations)
    if revision > 1:
        while delivery := repositories.outbox.claim(at(2 * DAY), LEASE):
            repositories.outbox.delivered(delivery, at(2 * DAY))


def remove(repositories: Repositories, study: str = STUDY, when: datetime = LATER) -> None:
    weighed = repositories.removals.remove(study, TERMS, when)
    assert weighed is not None
    assert weighed.claims == ()


def claimed(repositories: Repositories) -> tuple[Claim, ...]:
    weighed = repositories.removals.weigh(STUDY, TERMS)
    assert weighed is not None
    return weighed.claims


def read(repositories: Repositories, study: str = STUDY) -> Study:
    found = repositories.index.study(study)
    assert found is not None
    return found


def catalogued(repositories: Repositories) -> list[str]:
    of_study = Condition(Field.STUDY_INSTANCE_UID, AnyOf((STUDY,)))
    found = repositories.catalog.search(Search(Level.INSTANCE, (of_study,)))
    return sorted(each.text(Field.SOP_INSTANCE_UID) for each in found)


def add_incident(repositories: Repositories, kind: IncidentKind, study: str) -> None:
    key = f"quarantine/{kind}{study}"
    incident = Incident(kind, "", key, Origin(Source.DIMSE), study_instance_uid=study)
    repositories.index.add_incident(incident, T0)


def _without_objects(result: Result) -> Result:
    return replace(result, objects=())


def _in_series(result: Result, series: str) -> Result:
    objects = tuple(replace(each, series_instance_uid=series) for each in result.objects)
    return replace(result, objects=objects)
