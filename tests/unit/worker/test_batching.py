"""Questions of several threads to one model meet in batches, and each gets its own answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from inference.domain.errors import ModelFailed
from inference.domain.manifest import Manifest, Scope
from inference.fakes.models import FakeModel, fake_manifest
from inference.models.registry import SHIPPED, FolderRegistry
from inference.ports import Assessment, Model, Picture
from inference.worker.batching import Batching, SharedModel
from tests.support.models import picture as drawn
from tests.support.programs import wait_for

NEVER = 3600.0  # seconds
LIMIT = 60.0  # seconds, for what should come at once


class Job:
    """Reads by a model in a thread of its own, from `ask` to the answer."""

    def __init__(self, batching: Batching, model: Model, pool: ThreadPoolExecutor) -> None:
        self._sharing = batching.share(model)
        self._pool = pool
        self.model = self._sharing.__enter__()

    def ask(self, *greys: float, explain: bool = True) -> Future[Sequence[Assessment]]:
        pictures = [Picture(np.full((4, 3), grey, np.float32)) for grey in greys]
        return self.ask_about(pictures, explain)

    def ask_about(
        self, pictures: Sequence[Picture], explain: bool = True
    ) -> Future[Sequence[Assessment]]:
        return self._pool.submit(self._ask, pictures, explain)

    def _ask(self, pictures: Sequence[Picture], explain: bool) -> Sequence[Assessment]:
        try:
            return self.model.assess(pictures, explain=explain)
        finally:
            self.end()

    def end(self) -> None:
        self._sharing.__exit__(None, None, None)


Begin = Callable[[Batching, Model, int], list[Job]]


class Slow(FakeModel):
    """Says when it is asked, and answers when it may; breaks on a picture that is white."""

    def __init__(self, manifest: Manifest | None = None) -> None:
        super().__init__(manifest)
        self.asked = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.explained: list[bool] = []

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        self.asked.release()
        assert self.may_answer.wait(LIMIT)
        self.explained.append(explain)
        answers = super().assess(pictures, explain=explain)
        if any(picture.pixels.min() == 1.0 for picture in pictures):
            raise ModelFailed("white")
        return answers


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin so many Jobs."""
    with ThreadPoolExecutor(8) as pool:
        yield lambda batching, model, jobs: [Job(batching, model, pool) for _ in range(jobs)]


def certainties(found: Future[Sequence[Assessment]]) -> list[float]:
    return [round(each.certainty["pneumonia"], 6) for each in found.result(LIMIT)]


def test_a_job_alone_waits_for_nobody(begin: Begin) -> None:
    model = Slow()
    (job,) = begin(Batching(8, NEVER), model, 1)
    assert job.model.manifest is model.manifest
    assert certainties(job.ask(0.25, 0.5)) == [0.25, 0.5]
    assert model.assessed == [2]


def test_jobs_that_read_at_the_same_time_are_read_at_once(begin: Begin) -> None:
    model = Slow()
    one, other = begin(Batching(8, NEVER), model, 2)
    first, second = one.ask(0.25), other.ask(0.5, 0.75)
    assert certainties(first) == [0.25]
    assert certainties(second) == [0.5, 0.75]
    assert model.assessed == [3]


def test_a_batch_never_has_more_pictures_than_it_may(begin: Begin) -> None:
    model = Slow()
    jobs = begin(Batching(4, NEVER), model, 3)
    found = [each.ask(*[0.25 * number] * 3) for number, each in enumerate(jobs, start=1)]
    assert [certainties(each) for each in found] == [[0.25] * 3, [0.5] * 3, [0.75] * 3]
    assert model.assessed == [3, 3, 3]


def test_a_question_does_not_wait_longer_than_it_may(begin: Begin) -> None:
    job, silent = begin(Batching(8, 0.001), Slow(), 2)
    assert certainties(job.ask(0.25)) == [0.25]
    silent.end()


def test_a_job_that_ends_is_not_waited_for(begin: Begin) -> None:
    job, silent = begin(Batching(8, NEVER), Slow(), 2)
    found = job.ask(0.25)
    silent.end()
    assert certainties(found) == [0.25]


def test_what_is_asked_while_the_network_computes_is_gathered(begin: Begin) -> None:
    model = Slow()
    model.may_answer.clear()
    jobs = begin(Batching(8, 0.0), model, 5)
    found = []
    for each in jobs[:2]:
        found.append(each.ask(0.5))
        assert model.asked.acquire(timeout=LIMIT)
    # Two batches are under way: the rest waits, however short it may.
    found += [each.ask(0.25) for each in jobs[2:]]
    assert isinstance(jobs[0].model, SharedModel)
    wait_for(lambda: len(jobs[0].model._waiting) == 3, "three questions wait", LIMIT)
    model.may_answer.set()
    assert [certainties(each) for each in found] == [[0.5]] * 2 + [[0.25]] * 3
    assert sorted(model.assessed) == [1, 1, 3]


def test_pictures_with_and_without_heat_maps_are_read_apart(begin: Begin) -> None:
    model = Slow()
    one, other = begin(Batching(8, NEVER), model, 2)
    first, second = one.ask(0.25, explain=True), other.ask(0.5, explain=False)
    assert first.result(LIMIT)[0].heat_maps
    assert not second.result(LIMIT)[0].heat_maps
    assert model.assessed == [1, 1]
    assert sorted(model.explained) == [False, True]


def test_who_asks_beside_a_picture_that_breaks_the_model_gets_an_answer(begin: Begin) -> None:
    model = Slow()
    jobs = begin(Batching(8, NEVER), model, 3)
    good, bad, other = (each.ask(grey) for each, grey in zip(jobs, (0.25, 1.0, 0.5), strict=True))
    with pytest.raises(ModelFailed, match="white"):
        bad.result(LIMIT)
    assert certainties(good) == [0.25]
    assert certainties(other) == [0.5]
    assert sorted(model.assessed) == [1, 1, 1, 3]


def test_a_model_that_reads_a_series_is_not_shared() -> None:
    model = Slow(replace(fake_manifest(), reads=Scope.SERIES))
    with Batching(8, NEVER).share(model) as shared:
        assert shared is model


def test_batches_of_one_picture_share_nothing() -> None:
    model = Slow()
    with Batching().share(model) as shared:
        assert shared is model


def test_a_model_that_nobody_reads_by_is_let_go() -> None:
    batching = Batching(8, NEVER)
    with batching.share(Slow()) as old:
        pass
    with batching.share(Slow()) as new:
        assert new is not old


def test_the_shipped_model_answers_in_a_batch_as_it_answers_alone(begin: Begin) -> None:
    registry = FolderRegistry((SHIPPED,))
    model = registry.load(registry.active("cxr-pneumonia"))
    pictures = [drawn(seed=seed) for seed in range(4)]
    jobs = begin(Batching(16, NEVER), model, len(pictures))
    found = [job.ask_about([picture]) for job, picture in zip(jobs, pictures, strict=True)]
    for each, picture in zip(found, pictures, strict=True):
        (together,), (alone,) = each.result(LIMIT), model.assess([picture])
        # A library of convolutions may choose another way for another number of pictures.
        assert together.certainty["pneumonia"] == pytest.approx(
            alone.certainty["pneumonia"], abs=1e-5
        )
        np.testing.assert_allclose(
            together.heat_maps["pneumonia"], alone.heat_maps["pneumonia"], atol=1e-3
        )
