"""Questions of several Jobs to one gate meet in batches, and what they cost is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.domain.errors import ModelFailed
from inference.domain.job import JobState, ModelId
from inference.domain.manifest import InputNeeds, Manifest, Scope
from inference.domain.recognition import Kind, Recognition
from inference.domain.result import Outcome
from inference.fakes.gates import FakeGate, FakeGates
from inference.fakes.models import fake_manifest
from inference.models.registry import SHIPPED, FolderRegistry
from inference.ports import Gate, Picture
from inference.ports.meter import Unmetered
from inference.worker.batching import Batching
from inference.worker.metered import MeteredGate
from inference.worker.reading import Reader
from inference.worker.worker import Worker
from tests.support.models import picture as drawn
from tests.unit.worker.conftest import LEASE, MODEL, Bench, Registry

NEVER = 3600.0  # seconds
LIMIT = 60.0  # seconds, for what should come at once
GATE = ModelId("spotless", "1.0.0")
CHEST = Recognition(Kind.FRONTAL_CHEST, 0.99)


class Breaking(FakeGate):
    """Breaks on a picture that has a white corner."""

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        found = super().look(pictures)
        if any(picture.pixels[0, 0] == 1.0 for picture in pictures):
            raise ModelFailed("white")
        return found


class Counted(Unmetered):
    def __init__(self) -> None:
        self.asked: list[tuple[ModelId, int]] = []
        self.seconds = 0.0

    def assessed(self, model: ModelId, pictures: int, seconds: float) -> None:
        self.asked.append((model, pictures))
        self.seconds += seconds


class Visit:
    """A Job that stands before the gate from its beginning to its end."""

    def __init__(
        self,
        batching: Batching,
        gate: Gate,
        pool: ThreadPoolExecutor,
        before: Manifest | None = None,
    ) -> None:
        self._pool = pool
        self._open = ExitStack()
        self.gate = self._open.enter_context(batching.share_gate(gate, before or fake_manifest()))

    def look(self, *pictures: Picture) -> Future[Sequence[Recognition]]:
        return self._pool.submit(self.gate.look, pictures)

    def end(self) -> None:
        self._open.close()


Begin = Callable[[Batching, Gate, int], list[Visit]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin so many Jobs."""
    with ThreadPoolExecutor(8) as pool:
        yield lambda batching, gate, jobs: [Visit(batching, gate, pool) for _ in range(jobs)]


def slope(corner: float = 0.0) -> Picture:
    pixels = np.tile(np.linspace(0, 0.9, 8, dtype=np.float32), (6, 1))
    pixels[0, 0] = corner
    return Picture(pixels)


def blank() -> Picture:
    return Picture(np.zeros((6, 8), np.float32))


def test_jobs_that_stand_at_the_gate_are_looked_at_at_once(begin: Begin) -> None:
    gate = FakeGate(CHEST)
    one, other = begin(Batching(8, NEVER), gate, 2)
    first, second = one.look(slope()), other.look(blank(), slope())
    assert [each.kind for each in first.result(LIMIT)] == [Kind.FRONTAL_CHEST]
    assert [each.kind for each in second.result(LIMIT)] == [Kind.BLANK, Kind.FRONTAL_CHEST]
    assert gate.looked == [3]
    assert one.gate.model == GATE


def test_a_job_that_was_let_through_is_not_waited_for(begin: Begin) -> None:
    gate = FakeGate(CHEST)
    first, second = begin(Batching(8, NEVER), gate, 2)
    found = [first.look(slope()), second.look(slope())]
    assert all(each.result(LIMIT) == [CHEST] for each in found)
    # Neither has ended; both may ask again, and another may come.
    assert first.look(slope()).result(LIMIT) == [CHEST]
    (third,) = begin(Batching(8, NEVER), gate, 1)
    assert third.look(slope()).result(LIMIT) == [CHEST]
    for each in (first, second, third):
        each.end()


def test_a_job_that_ends_without_asking_is_not_waited_for(begin: Begin) -> None:
    job, silent = begin(Batching(8, NEVER), FakeGate(CHEST), 2)
    found = job.look(slope())
    silent.end()
    assert found.result(LIMIT) == [CHEST]


def test_no_more_pictures_are_looked_at_at_once_than_may_be(begin: Begin) -> None:
    gate = FakeGate(CHEST)
    jobs = begin(Batching(4, NEVER), gate, 3)
    found = [each.look(slope(), slope(), slope()) for each in jobs]
    assert all(len(each.result(LIMIT)) == 3 for each in found)
    assert gate.looked == [3, 3, 3]


def test_a_picture_that_breaks_the_gate_does_so_for_its_own_job_alone(begin: Begin) -> None:
    gate = Breaking(CHEST)
    good, bad, other = begin(Batching(8, NEVER), gate, 3)
    found = [good.look(slope()), bad.look(slope(1.0)), other.look(slope())]
    with pytest.raises(ModelFailed, match="white"):
        found[1].result(LIMIT)
    assert found[0].result(LIMIT) == found[2].result(LIMIT) == [CHEST]
    assert sorted(gate.looked) == [1, 1, 1, 3]


def test_before_a_model_that_reads_a_series_each_job_asks_for_itself() -> None:
    gate = FakeGate()
    series = replace(fake_manifest(), reads=Scope.SERIES)
    with Batching(8, NEVER).share_gate(gate, series) as shared:
        assert shared is gate
    with Batching().share_gate(gate, fake_manifest()) as shared:
        assert shared is gate


def test_the_seconds_of_a_gate_are_counted_also_where_it_breaks() -> None:
    meter = Counted()
    gate = MeteredGate(Breaking(CHEST), meter)
    assert gate.look([slope(), slope()]) == [CHEST, CHEST]
    with pytest.raises(ModelFailed):
        gate.look([slope(1.0)])
    assert meter.asked == [(GATE, 2), (GATE, 1)]
    assert meter.seconds > 0


def test_the_shipped_gate_recognises_in_a_batch_what_it_recognises_alone(begin: Begin) -> None:
    gate = FolderRegistry((SHIPPED,)).gate("body-part")
    pictures = [drawn(seed=seed) for seed in range(6)]
    jobs = begin(Batching(16, NEVER), gate, len(pictures))
    found = [job.look(picture) for job, picture in zip(jobs, pictures, strict=True)]
    for each, picture in zip(found, pictures, strict=True):
        (together,), (alone,) = each.result(LIMIT), gate.look([picture])
        # A library of convolutions may choose another way for another number of pictures.
        assert together.certainty == pytest.approx(alone.certainty, abs=1e-5)
        assert replace(together, certainty=0.0) == replace(alone, certainty=0.0)


class Corners:
    """A slope for every file; of the Instance `bad`, one that breaks the gate."""

    def __init__(self, jobs: int) -> None:
        self._claimed = threading.Barrier(jobs)

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        self._claimed.wait(LIMIT)
        pixels = np.tile(np.linspace(0, 0.9, 30, dtype=np.float32), (40, 1))
        pixels[0, 0] = 1.0 if "4.666" in str(part10) else 0.0
        return Picture(pixels)


def work(bench: Bench, gate: FakeGate, names: Sequence[str]) -> Counted:
    """Let as many Jobs as there are `names` read one Instance each, at the same time."""
    bench.model.manifest = replace(
        bench.model.manifest,
        gate="spotless",
        needs=InputNeeds(modality=("CR",), view=("AP",), recognised=(Kind.FRONTAL_CHEST,)),
    )
    bench.ask_each(*names)
    meter = Counted()
    worker = Worker(
        name="worker-1",
        queue=bench.queue,
        index=bench.index,
        results=bench.results,
        archive=bench.archive,
        registry=Registry(bench.model),
        reader=Reader(bench.archive, Corners(len(names)), FakeGates({"spotless": gate})),
        encoder=bench.encoder,
        clock=bench.clock,
        destinations=["archive"],
        lease=LEASE,
        maximum_attempts=1,
        meter=meter,
        jobs=len(names),
        batching=Batching(8, LIMIT),
        grace=LIMIT,
    )
    finished = threading.Semaphore(0)
    record = bench.results.record

    def recorded(*given: object, **named: object) -> object:
        try:
            return record(*given, **named)  # type: ignore[arg-type]
        finally:
            finished.release()

    bench.results.record = recorded  # type: ignore[method-assign, assignment]
    worker.start()
    for _ in names:
        assert finished.acquire(timeout=LIMIT)
    worker.stop()
    assert {each.state for each in bench.queue.jobs()} <= {JobState.DONE, JobState.FAILED}
    return meter


def test_a_worker_asks_the_gate_for_all_its_jobs_and_counts_it(bench: Bench) -> None:
    gate = FakeGate(CHEST)
    meter = work(bench, gate, "123")
    assert gate.looked == [3]
    assert meter.asked == [(GATE, 3), (MODEL, 3)]
    outcomes = [each.outcome for each in bench.read()]
    assert outcomes == [Outcome.ASSESSED] * 3


def test_of_several_jobs_only_the_one_whose_picture_breaks_the_gate_fails(bench: Bench) -> None:
    gate = Breaking(CHEST)
    work(bench, gate, ("1", "666", "3"))
    failed = [each.failed for each in bench.read()]
    assert sorted(failed) == [False, False, True]
    assert sorted(gate.looked) == [1, 1, 1, 3]
