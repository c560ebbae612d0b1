"""A worker that works on several Jobs at a time, and is told to stop while it does."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from inference.domain.job import JobState
from inference.ports import Assessment, Picture
from inference.worker.batching import Batching
from inference.worker.reading import Reader
from inference.worker.worker import Worker
from tests.unit.worker.conftest import LEASE, Bench, Registry, Spots

LIMIT = 60.0  # seconds, for what should come at once


class Slow(Spots):
    """Says how many Jobs' pictures it was asked about, and answers when it may."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.model.manifest)
        self.asked = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.pictures: list[int] = []

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        self.pictures.append(len(pictures))
        self.asked.release()
        assert self.may_answer.wait(LIMIT)
        return super().assess(pictures, explain=explain)


def worker(bench: Bench, model: Spots, jobs: int, batching: Batching, grace: float) -> Worker:
    return Worker(
        name="worker-1",
        queue=bench.queue,
        index=bench.index,
        results=bench.results,
        archive=bench.archive,
        registry=Registry(model),
        reader=Reader(bench.archive, bench.pixels),
        encoder=bench.encoder,
        clock=bench.clock,
        destinations=["archive"],
        lease=LEASE,
        maximum_attempts=3,
        jobs=jobs,
        batching=batching,
        grace=grace,
    )


def states(bench: Bench) -> list[JobState]:
    return [each.state for each in bench.queue.jobs()]


def test_jobs_of_one_model_are_read_in_one_batch_and_each_has_its_result(bench: Bench) -> None:
    model = Slow(bench)
    model.may_answer.set()
    bench.ask_each("0", "1", "2")
    several = worker(bench, model, 3, Batching(8, LIMIT), LIMIT)
    claimed = threading.Barrier(3)
    read = bench.pixels.read
    bench.pixels.read = lambda *given, **named: (claimed.wait(LIMIT), read(*given, **named))[1]  # type: ignore[method-assign]
    several.start()
    assert several.alive
    assert model.asked.acquire(timeout=LIMIT)
    several.stop()
    assert not several.alive
    assert states(bench) == [JobState.DONE] * 3
    assert model.pictures == [3]
    assert len(bench.read()) == 3


def test_a_worker_that_is_stopped_finishes_what_it_has_and_takes_no_more(bench: Bench) -> None:
    model = Slow(bench)
    bench.ask_each("0", "1", "2")
    several = worker(bench, model, 2, Batching(), LIMIT)
    several.start()
    for _ in range(2):
        assert model.asked.acquire(timeout=LIMIT)
    stopping = threading.Thread(target=several.stop)
    stopping.start()
    assert several._crew._stopping.wait(LIMIT)
    model.may_answer.set()
    stopping.join(LIMIT)
    assert sorted(states(bench)) == sorted([JobState.DONE, JobState.DONE, JobState.QUEUED])
    assert len(bench.read()) == 2


def test_a_job_that_may_have_killed_the_process_is_read_with_no_other_beside_it(
    bench: Bench,
) -> None:
    names = ("0", "1", "2", "3")
    bench.ask_each(*names)
    for _ in names[1:]:  # claimed together, and never heard of again
        assert bench.queue.claim("killed", bench.clock.now(), LEASE)
    bench.clock.advance(LEASE)
    model = Slow(bench)
    several = worker(bench, model, 4, Batching(), LIMIT)
    finished = threading.Semaphore(0)
    record = bench.results.record
    under_way: list[int] = []

    def recorded(*given: object, **named: object) -> None:
        suspects = [each for each in bench.queue.leases() if each.job.attempts > 1]
        under_way.append(len(suspects))
        record(*given, **named)  # type: ignore[arg-type]
        finished.release()

    bench.results.record = recorded  # type: ignore[method-assign, assignment]
    several.start()
    model.may_answer.set()
    for _ in names:
        assert finished.acquire(timeout=LIMIT)
    several.stop()
    assert states(bench) == [JobState.DONE] * 4
    assert max(under_way) == 1
    assert sorted(job.attempts for job in bench.queue.jobs()) == [1, 2, 2, 2]


def test_what_is_not_finished_in_time_is_given_back_and_its_result_refused(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    model = Slow(bench)
    bench.ask_each("0", "1")
    several = worker(bench, model, 2, Batching(), 0.0)
    several.start()
    for _ in range(2):
        assert model.asked.acquire(timeout=LIMIT)
    several.stop()
    assert "2 jobs were not finished in time and are given back" in caplog.text
    assert states(bench) == [JobState.QUEUED] * 2
    assert [job.attempts for job in bench.queue.jobs()] == [0, 0]
    model.may_answer.set()
    assert several._crew.stop(LIMIT)
    assert not bench.read()
    assert bench.worker.tick()
    assert bench.worker.tick()
    assert states(bench) == [JobState.DONE] * 2
    assert len(bench.read()) == 2
