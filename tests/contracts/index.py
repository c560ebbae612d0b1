"""What every Index promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from inference.domain.errors import ConflictingInstance
from inference.domain.incident import Incident, IncidentKind, IncidentQuery
from inference.domain.instance import Origin, Priority, Receipt, Source
from inference.domain.job import JobState
from inference.domain.study import StudyState
from tests.contracts.repositories import (
    MODEL,
    QUIET,
    STUDY,
    T0,
    Repositories,
    RepositoriesContract,
    at,
    make_instance,
    make_request,
    make_result,
)


class IndexContract(RepositoriesContract):
    def test_an_added_instance_is_found_as_it_was(self, repositories: Repositories) -> None:
        instance = make_instance(
            "1.1", patient_age_years=45.5, series_number=None, instance_number=10**30
        )
        assert repositories.index.find("1.1") is None
        assert repositories.index.add(instance, T0, QUIET) is Receipt.STORED
        assert repositories.index.find("1.1") == instance

    def test_the_same_instance_again_changes_nothing(self, repositories: Repositories) -> None:
        repositories.index.add(make_instance("1.1"), T0, QUIET)
        before = repositories.index.study(STUDY)
        again = make_instance("1.1", priority=Priority.HIGH)
        assert repositories.index.add(again, at(5), QUIET) is Receipt.HELD_ALREADY
        assert repositories.index.study(STUDY) == before

    def test_other_bytes_are_a_conflict_and_change_nothing(
        self, repositories: Repositories
    ) -> None:
        repositories.index.add(make_instance("1.1"), T0, QUIET)
        before = repositories.index.study(STUDY), repositories.index.account()
        for study in (STUDY, "1.9"):
            with pytest.raises(ConflictingInstance):
                repositories.index.add(
                    make_instance("1.1", study=study, sha256="b" * 64), at(5), QUIET
                )
        assert (repositories.index.study(STUDY), repositories.index.account()) == before

    def test_a_study_tells_of_what_arrived(self, repositories: Repositories) -> None:
        index = repositories.index
        index.add(make_instance("1.1", priority=Priority.HIGH, view="PA"), T0, QUIET)
        index.add(make_instance("1.2", priority=Priority.LOW, view="LAT"), at(3), QUIET)
        study = index.study(STUDY)
        assert study is not None
        assert study.state is StudyState.RECEIVING
        assert (study.revision, study.instances) == (0, 2)
        assert study.priority is Priority.HIGH
        assert (study.received_at, study.quiet_until) == (at(3), at(13))
        assert study.attributes.view == "LAT"
        assert index.study("9.9") is None

    def test_a_late_image_makes_a_stable_study_receive_again(
        self, repositories: Repositories
    ) -> None:
        index = repositories.index
        study = repositories.receive()
        assert index.close_revision(study, [make_request()], at(10))
        assert index.receiving() == ()
        index.add(make_instance("1.2"), at(20), QUIET)
        (late,) = index.receiving()
        assert (late.state, late.revision, late.instances) == (StudyState.RECEIVING, 1, 2)
        assert late.quiet_until == at(30)

    def test_closing_makes_the_study_stable_and_enqueues(self, repositories: Repositories) -> None:
        study = repositories.receive()
        requests = [make_request(), make_request(model=None, why="because")]
        assert repositories.index.close_revision(study, requests, at(10))
        closed = repositories.index.study(STUDY)
        assert closed == replace(study, state=StudyState.STABLE, revision=1)
        assert [job.request for job in repositories.queue.jobs()] == requests[::-1]
        assert {job.state for job in repositories.queue.jobs()} == {JobState.QUEUED}
        assert {job.enqueued_at for job in repositories.queue.jobs()} == {at(10)}

    def test_closing_does_nothing_if_the_study_changed(self, repositories: Repositories) -> None:
        study = repositories.receive()
        repositories.index.add(make_instance("1.2"), T0, QUIET)
        assert not repositories.index.close_revision(study, [make_request()], at(10))
        (changed,) = repositories.index.receiving()
        assert changed.instances == 2
        assert not repositories.queue.jobs()
        assert repositories.index.account().revisions == 0

    def test_a_revision_is_closed_once(self, repositories: Repositories) -> None:
        study = repositories.receive()
        assert repositories.index.close_revision(study, [make_request()], at(10))
        assert not repositories.index.close_revision(study, [make_request()], at(10))
        assert not repositories.index.close_revision(
            replace(study, study_instance_uid="9.9"), [], at(10)
        )
        assert len(repositories.queue.jobs()) == 1

    def test_only_one_of_many_closes(self, repositories: Repositories) -> None:
        study = repositories.receive()
        with ThreadPoolExecutor(8) as pool:
            closed = list(
                pool.map(
                    lambda _: repositories.index.close_revision(study, [make_request()], at(10)),
                    range(8),
                )
            )
        assert closed.count(True) == 1

    def test_receiving_shows_the_one_that_is_due_first_in_front(
        self, repositories: Repositories
    ) -> None:
        for study, seconds in (("1.1", 3), ("1.2", 1), ("1.3", 2)):
            repositories.index.add(make_instance(f"{study}.1", study=study), at(seconds), QUIET)
        order = [each.study_instance_uid for each in repositories.index.receiving()]
        assert order == ["1.2", "1.3", "1.1"]
        assert repositories.index.complete("1.1", at(4))
        (first, *_) = repositories.index.receiving()
        assert (first.study_instance_uid, first.quiet_until) == ("1.1", at(4))

    def test_a_completed_study_can_still_be_closed(self, repositories: Repositories) -> None:
        study = repositories.receive()
        repositories.index.complete(STUDY, at(1))
        assert repositories.index.close_revision(study, [make_request()], at(1))

    def test_complete_is_for_receiving_studies(self, repositories: Repositories) -> None:
        assert not repositories.index.complete("9.9", T0)
        study = repositories.receive()
        repositories.index.close_revision(study, [make_request()], at(10))
        assert not repositories.index.complete(STUDY, at(11))

    def test_studies_come_the_one_received_last_first(self, repositories: Repositories) -> None:
        for study, seconds in (("1.1", 1), ("1.2", 3), ("1.3", 2)):
            repositories.index.add(make_instance(f"{study}.1", study=study), at(seconds), QUIET)
        order = [each.study_instance_uid for each in repositories.index.studies()]
        assert order == ["1.2", "1.3", "1.1"]
        (second,) = repositories.index.studies(limit=1, offset=1)
        assert second.study_instance_uid == "1.3"

    def test_instances_come_in_the_order_of_series_and_instance_number(
        self, repositories: Repositories
    ) -> None:
        for uid, series, series_number, number in (
            ("1.1", "2.1", None, 1),
            ("1.2", "2.2", 2, 10),
            ("1.3", "2.2", 2, 9),
            ("1.4", "2.3", 1, None),
            ("1.5", "2.3", 1, 3),
        ):
            repositories.index.add(
                make_instance(
                    uid, series=series, series_number=series_number, instance_number=number
                ),
                T0,
                QUIET,
            )
        repositories.index.add(make_instance("1.6", study="9.9"), T0, QUIET)
        order = [each.sop_instance_uid for each in repositories.index.instances(STUDY)]
        assert order == ["1.5", "1.4", "1.3", "1.2", "1.1"]

    def test_text_that_no_database_takes_is_kept_somehow(self, repositories: Repositories) -> None:
        # Lone surrogates come from decoding foreign bytes.
        instance = make_instance("1.1", patient_name="a\udce4\x00", series_number=-(10**30))
        repositories.index.add(instance, T0, QUIET)
        assert repositories.index.find("1.1") == instance
        repositories.index.add_incident(
            Incident(IncidentKind.UNREADABLE, "\udce4", "quarantine/1", instance.origin), T0
        )
        assert len(repositories.incidents.incidents(IncidentQuery())) == 1

    def test_own_results_are_known(self, repositories: Repositories) -> None:
        repositories.enqueue()
        assert not repositories.index.is_result("2.25.2")
        repositories.results.record(repositories.claim(), make_result(), [])
        assert repositories.index.is_result("2.25.2")
        assert not repositories.index.is_result("2.25.3")

    def test_many_add_the_same_instance(self, repositories: Repositories) -> None:
        def add(number: int) -> Receipt | None:
            sha256 = "ab"[number % 2] * 64
            try:
                return repositories.index.add(make_instance("1.1", sha256=sha256), T0, QUIET)
            except ConflictingInstance:
                return None

        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(add, range(16)))
        assert receipts.count(Receipt.STORED) == 1
        assert receipts.count(Receipt.HELD_ALREADY) == 7
        assert receipts.count(None) == 8
        assert repositories.index.account().instances == 1

    def test_many_add_to_one_study(self, repositories: Repositories) -> None:
        def add(number: int) -> Receipt:
            return repositories.index.add(make_instance(f"1.{number}"), T0, QUIET)

        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(add, range(40)))
        assert receipts == [Receipt.STORED] * 40
        study = repositories.index.study(STUDY)
        assert study is not None
        assert study.instances == len(repositories.index.instances(STUDY)) == 40

    def test_the_account_counts_everything(self, repositories: Repositories) -> None:
        assert not repositories.index.account().problems
        study = repositories.receive()
        other = repositories.receive("9.9")
        repositories.index.close_revision(study, [make_request(), make_request(model=None)], at(10))
        repositories.results.record(repositories.claim(11), make_result(model=MODEL), ["a", "b"])
        repositories.outbox.claim(at(20), QUIET)
        origin = Origin(Source.DIMSE)
        repositories.index.add_incident(Incident(IncidentKind.CONFLICT, "", "q/1", origin), T0)
        account = repositories.index.account()
        assert not account.problems
        assert other.state is StudyState.RECEIVING
        assert (
            account.studies_received,
            account.studies_receiving,
            account.studies_stable,
            account.revisions,
            account.instances,
        ) == (2, 1, 1, 1, 2)
        assert (account.jobs, account.jobs_queued, account.jobs_done, account.results) == (
            2,
            1,
            1,
            1,
        )
        assert (account.deliveries, account.deliveries_pending) == (2, 2)
        assert (account.conflicts, account.unreadable) == (1, 0)
