"""From a Job to a recorded result, whatever breaks on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from inference.domain.delivery import DeliveryState
from inference.domain.errors import (
    CodecMissing,
    DamagedFile,
    RepositoryUnavailable,
    UnreadablePixels,
)
from inference.domain.finding import Presence
from inference.domain.job import JobState
from inference.domain.refusal import Reason
from inference.domain.result import Outcome, Result
from tests.unit.worker.conftest import LEASE, MODEL, STUDY, Bench


def only_result(bench: Bench, shadow: bool = False) -> Result:
    ((_, result),) = bench.results.of_study(STUDY, shadow=shadow)
    return result


def test_a_job_ends_in_a_result_with_its_deliveries(bench: Bench) -> None:
    bench.ask(bench.receive())
    assert bench.worker.tick()
    assert not bench.worker.tick()
    (job,) = bench.queue.jobs()
    assert job.state is JobState.DONE
    result = only_result(bench)
    (finding,) = result.findings
    assert finding.presence is Presence.PRESENT
    assert finding.certainty == 0.9
    assert not finding.region.whole_image
    assert bench.archive.path(result.objects[0].key).read_bytes() == b"report"
    deliveries = bench.outbox.deliveries()
    assert {each.destination for each in deliveries} == {"archive", "pacs"}
    assert {each.state for each in deliveries} == {DeliveryState.PENDING}


def test_under_the_threshold_the_finding_is_absent_and_the_whole_image_was_assessed(
    bench: Bench,
) -> None:
    bench.model.certainty = 0.2
    bench.ask(bench.receive())
    bench.worker.tick()
    (finding,) = only_result(bench).findings
    assert finding.presence is Presence.ABSENT
    assert finding.region.whole_image


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"patient_age_years": 47.0}, Reason.AGE_OUTSIDE),
        ({"patient_age_years": None}, Reason.AGE_UNKNOWN),
        ({"view": ""}, Reason.VIEW_UNKNOWN),
    ],
)
def test_outside_the_population_the_finding_is_undetermined(
    bench: Bench, attributes: dict[str, object], reason: Reason
) -> None:
    bench.ask(bench.receive(**attributes))
    bench.worker.tick()
    (finding,) = only_result(bench).findings
    assert finding.presence is Presence.UNDETERMINED
    assert [each.reason for each in finding.doubts] == [reason]


def test_what_cannot_be_read_is_refused_and_the_rest_is_assessed(bench: Bench) -> None:
    good = bench.receive("1")
    lateral = bench.receive("2", view="LL")
    damaged = bench.receive("3")
    codec = bench.receive("4")
    cine = bench.receive("5", frames=30)
    bench.pixels.errors = {damaged: UnreadablePixels("ends too early"), codec: CodecMissing("X")}
    bench.ask(good, lateral, damaged, codec, cine)
    bench.worker.tick()
    result = only_result(bench)
    assert result.outcome is Outcome.ASSESSED
    assert [each.sop_instance_uid for each in result.findings] == [good]
    assert {each.sop_instance_uid: each.reason for each in result.refusals} == {
        lateral: Reason.WRONG_VIEW,
        damaged: Reason.UNREADABLE_PIXELS,
        codec: Reason.CODEC_MISSING,
        cine: Reason.MULTI_FRAME,
    }
    assert len(bench.encoder.asked[0][2]) == 5


def test_a_study_that_no_rule_takes_is_refused_with_the_reason(bench: Bench) -> None:
    bench.ask(bench.receive(), model=None, why="rule: Modality is US, not CR")
    bench.worker.tick()
    (job,) = bench.queue.jobs()
    assert job.state is JobState.REFUSED
    (refusal,) = only_result(bench).refusals
    assert refusal.reason is Reason.NO_RULE
    assert refusal.detail == "rule: Modality is US, not CR"


def test_a_study_that_lacks_removed_images_is_refused_with_a_reason_of_its_own(
    bench: Bench,
) -> None:
    uid = bench.receive()
    (study,) = bench.store.studies.values()
    bench.store.studies[study.study_instance_uid] = replace(study, removed=1)
    bench.ask(uid, model=None, why="1 image was removed")
    bench.worker.tick()
    (refusal,) = only_result(bench).refusals
    assert (refusal.reason, refusal.detail) == (Reason.IMAGES_REMOVED, "1 image was removed")


def test_a_model_that_breaks_is_tried_again(bench: Bench) -> None:
    bench.model.failures = 2
    bench.ask(bench.receive())
    for _ in range(2):
        assert bench.worker.tick()
        assert bench.queue.jobs()[0].state is JobState.QUEUED
        assert bench.queue.jobs()[0].error == "out of memory"
        assert not bench.worker.tick()
        bench.clock.advance(60)
    assert bench.worker.tick()
    assert bench.queue.jobs()[0].state is JobState.DONE


def test_after_the_last_attempt_the_report_says_that_processing_failed(bench: Bench) -> None:
    bench.model.failures = 99
    bench.ask(bench.receive())
    for _ in range(3):
        bench.worker.tick()
        bench.clock.advance(60)
    assert bench.queue.jobs()[0].state is JobState.FAILED
    (refusal,) = only_result(bench).refusals
    assert refusal.reason is Reason.PROCESSING_FAILED
    assert "out of memory" in refusal.detail
    assert bench.model.calls == 3


def test_however_long_the_archive_is_away_a_job_has_all_its_attempts_left(bench: Bench) -> None:
    bench.ask(bench.receive())
    path, keep_result = bench.archive.path, bench.archive.keep_result

    def away(*_: object) -> NoReturn:
        raise RepositoryUnavailable("The object store cannot be used: ConnectTimeoutError.")

    for method in ("path", "keep_result"):
        setattr(bench.archive, method, away)
        for _ in range(10):
            assert bench.worker.tick()
            (job,) = bench.queue.jobs()
            assert (job.state, job.attempts) == (JobState.QUEUED, 0)
            assert "ConnectTimeoutError" in job.error
            assert not bench.worker.tick()
            bench.clock.advance(60)
        bench.archive.path, bench.archive.keep_result = path, keep_result  # type: ignore[method-assign]
    assert bench.worker.tick()
    assert bench.queue.jobs()[0].state is JobState.DONE


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DamagedFile("Other bytes came back."), "Other bytes came back."),
        (FileNotFoundError("/archive/Doe"), "A file is missing from the archive."),
    ],
)
def test_what_the_archive_lost_or_damaged_ends_in_a_report_that_says_so(
    bench: Bench, error: Exception, words: str
) -> None:
    uid = bench.receive()
    bench.ask(uid)
    lost = bench.index.instances(STUDY)[0].key
    path = bench.archive.path

    def path_of(key: str) -> Path:
        if key == lost:
            raise error
        return path(key)

    if isinstance(error, DamagedFile):
        bench.archive.path = path_of  # type: ignore[method-assign]
    else:  # a path is given, and nothing lies there
        bench.pixels.errors[uid] = error
    for _ in range(4):
        bench.worker.tick()
        bench.clock.advance(600)
    (job,) = bench.queue.jobs()
    assert job.state is JobState.FAILED
    assert words in job.error
    (refusal,) = only_result(bench).refusals
    assert words in refusal.detail


def test_a_job_that_kills_the_process_is_not_tried_for_ever(bench: Bench) -> None:
    bench.ask(bench.receive())
    for _ in range(3):
        # The process dies at once: claimed, and never heard of again.
        assert bench.queue.claim("worker-1", bench.clock.now(), LEASE)
        bench.queue.release("worker-1")
    bench.worker.tick()
    assert bench.queue.jobs()[0].state is JobState.FAILED
    assert bench.model.calls == 0


def test_a_study_of_which_not_even_a_report_can_be_made_fails_all_the_same(bench: Bench) -> None:
    bench.encoder.broken = True
    bench.ask(bench.receive())
    for _ in range(7):
        assert bench.queue.jobs()[0].state is JobState.QUEUED
        assert bench.worker.tick()
        bench.clock.advance(600)
    (job,) = bench.queue.jobs()
    assert job.state is JobState.FAILED
    assert "ValueError" in job.error
    assert only_result(bench).objects == ()
    assert bench.outbox.deliveries() == ()
    bench.encoder.broken = False
    assert bench.queue.replay(job.job_id, bench.clock.now())
    assert bench.worker.tick()
    assert bench.queue.jobs()[0].state is JobState.DONE


def test_a_foreign_error_is_recorded_without_its_words(bench: Bench) -> None:
    bench.encoder.broken = True
    bench.ask(bench.receive())
    bench.worker.tick()
    (job,) = bench.queue.jobs()
    assert job.state is JobState.QUEUED
    assert job.error == "ValueError"
    bench.encoder.broken = False
    bench.clock.advance(60)
    bench.worker.tick()
    assert bench.queue.jobs()[0].state is JobState.DONE


def test_a_second_revision_names_its_predecessor(bench: Bench) -> None:
    first = bench.receive("1")
    bench.ask(first)
    bench.worker.tick()
    second = bench.receive("2")
    bench.ask(first, second)
    bench.worker.tick()
    assert [predecessor and predecessor.revision for *_, predecessor in bench.encoder.asked] == [
        None,
        1,
    ]


def test_a_revision_waits_while_another_worker_reads_the_one_before(bench: Bench) -> None:
    first = bench.receive("1")
    bench.ask(first)
    lease = bench.queue.claim("worker-2", bench.clock.now(), LEASE)
    assert lease is not None
    second = bench.receive("2")
    bench.ask(first, second)
    assert bench.worker.tick()
    assert not bench.results.of_study(STUDY)
    bench.queue.retry(lease, "", bench.clock.now())
    assert bench.worker.tick()
    bench.clock.advance(2)
    assert bench.worker.tick()
    assert [
        (result.revision, predecessor and predecessor.revision)
        for result, *_, predecessor in bench.encoder.asked
    ] == [(1, None), (2, 1)]
    assert [job.attempts for job in bench.queue.jobs()] == [1, 2]


def test_a_revision_does_not_wait_for_ever_for_one_that_hangs(bench: Bench) -> None:
    first = bench.receive("1")
    bench.ask(first)
    lease = bench.queue.claim("hangs", bench.clock.now(), LEASE)
    assert lease is not None
    bench.ask(first, bench.receive("2"))
    for _ in range(11):
        bench.clock.advance(10)
        lease = bench.queue.extend(lease, bench.clock.now(), LEASE)
        assert bench.worker.tick()
    ((job, _),) = bench.results.of_study(STUDY)
    assert job.request.revision == 2


def test_a_lost_lease_records_nothing(bench: Bench) -> None:
    uid = bench.receive()
    bench.ask(uid)
    slow = bench.model.assess

    def lose(pictures, **how):  # type: ignore[no-untyped-def]
        bench.clock.advance(LEASE * 2)
        assert bench.queue.claim("worker-2", bench.clock.now(), LEASE)
        return slow(pictures, **how)

    bench.model.assess = lose  # type: ignore[method-assign]
    bench.worker.tick()
    assert not bench.results.of_study(STUDY)
    assert bench.queue.jobs()[0].state is JobState.RUNNING
    assert bench.queue.jobs()[0].request.model == MODEL


def test_who_comes_back_too_late_leaves_the_recorded_report_as_it_is(bench: Bench) -> None:
    bench.ask(bench.receive())
    encode = bench.encoder.encode

    def frozen(*what):  # type: ignore[no-untyped-def]
        objects = encode(*what)
        bench.encoder.encode = encode  # type: ignore[method-assign]
        bench.clock.advance(LEASE * 2)
        assert bench.make_worker("worker-2").tick()  # takes the Job over, and records it
        return [replace(each, part10=b"too late") for each in objects]

    bench.encoder.encode = frozen  # type: ignore[method-assign]
    assert bench.worker.tick()
    (report,) = only_result(bench).objects
    assert bench.archive.path(report.key).read_bytes() == b"report"


def test_a_shadow_ends_in_a_result_alone(bench: Bench) -> None:
    bench.ask(bench.receive(), shadow=True)
    assert bench.worker.tick()
    (job,) = bench.queue.jobs()
    assert job.state is JobState.DONE
    assert only_result(bench, shadow=True).findings[0].certainty == 0.9
    assert only_result(bench, shadow=True).objects == ()
    assert bench.encoder.asked == []
    assert bench.outbox.deliveries() == ()
    assert not list(bench.archive.root.glob("results/**/*.dcm"))
    assert not bench.results.of_study(STUDY)


def test_a_shadow_that_always_breaks_fails_without_a_report(bench: Bench) -> None:
    bench.model.failures = 99
    bench.ask(bench.receive(), shadow=True)
    for _ in range(3):
        bench.worker.tick()
        bench.clock.advance(60)
    assert not bench.worker.tick()
    (job,) = bench.queue.jobs()
    assert (job.state, job.request.shadow) == (JobState.FAILED, True)
    assert "out of memory" in job.error
    (refusal,) = only_result(bench, shadow=True).refusals
    assert refusal.reason is Reason.PROCESSING_FAILED
    assert bench.encoder.asked == []
    assert bench.outbox.deliveries() == ()
    account = bench.index.account()
    assert (account.shadow_failed, account.jobs_failed, account.problems) == (
        1,
        0,
        ("every revision has a job",),
    )


def test_a_report_names_no_shadow_as_its_predecessor(bench: Bench) -> None:
    first = bench.receive("1")
    bench.ask(first, shadow=True)
    bench.worker.tick()
    second = bench.receive("2")
    bench.ask(first, second)
    bench.worker.tick()
    assert [predecessor for *_, predecessor in bench.encoder.asked] == [None]
