"""What a model is charged for: the seconds in which its network computed, and no others."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.domain.computing import stopwatch
from inference.domain.errors import ModelFailed
from inference.domain.job import ModelId
from inference.domain.manifest import Explanation
from inference.fakes.models import fake_manifest
from inference.models.explanations.choosing import build_explainer
from inference.models.network_model import NetworkModel
from inference.models.networks import build_network
from inference.models.recipe import Intensity, Recipe
from inference.models.runtimes.module import native
from inference.ports import Assessment, Model, Picture
from inference.ports.meter import Unmetered
from inference.worker.batching import Batching
from inference.worker.metered import MeteredModel
from tests.support.models import SMALL

LIMIT = 60.0  # seconds, for what should come at once
NEVER = 3600.0  # seconds
MODEL = fake_manifest().model


class Charges(Unmetered):
    def __init__(self) -> None:
        self.made: list[tuple[ModelId, int, float]] = []

    def assessed(self, model: ModelId, pictures: int, seconds: float) -> None:
        self.made.append((model, pictures, seconds))


class Held(nn.Module):
    """Says that it computes, and ends when it may; a white picture breaks it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def forward(self, pictures: Tensor) -> Tensor:
        self.begun.release()
        assert self.may_end.acquire(timeout=LIMIT)
        if bool((pictures == 1.0).all()):
            raise RuntimeError("white")
        return pictures.mean(dim=(1, 2, 3))[:, None]


class Announcing:
    """A lock that tells who comes to it."""

    def __init__(self) -> None:
        self.came = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@dataclass
class Clock:
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Bench:
    """A model whose network is held, in a pool of threads that ask it."""

    clock: Clock
    pool: ThreadPoolExecutor
    network: Held = field(default_factory=Held)
    lock: Announcing = field(default_factory=Announcing)
    charges: Charges = field(default_factory=Charges)

    def __post_init__(self) -> None:
        runtime = native(self.network)
        runtime._lock = self.lock  # type: ignore[assignment]
        self.model = MeteredModel(
            NetworkModel(fake_manifest(), Recipe(size=32, intensity=Intensity.UNIT), runtime),
            self.charges,
        )

    def ask(self, model: Model | None = None, grey: float = 0.5) -> Future[Sequence[Assessment]]:
        pictures = [Picture(np.full((32, 32), grey, np.float32))]
        return self.pool.submit((model or self.model).assess, pictures)

    def began(self) -> None:
        assert self.network.begun.acquire(timeout=LIMIT)

    def came(self) -> None:
        assert self.lock.came.acquire(timeout=LIMIT)

    def end(self, at: float) -> None:
        self.clock.now = at
        self.network.may_end.release()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    clock = Clock()
    monkeypatch.setattr("inference.domain.computing.time", clock)
    with ThreadPoolExecutor(4) as pool:
        yield Bench(clock, pool)


def test_of_two_jobs_at_a_time_each_is_charged_what_ran_and_not_what_waited(bench: Bench) -> None:
    first = bench.ask()
    bench.began()
    second = bench.ask()
    for _ in range(2):
        bench.came()
    bench.end(at=10.0)
    first.result(LIMIT)
    bench.began()
    bench.end(at=12.0)
    second.result(LIMIT)
    assert bench.charges.made == [(MODEL, 1, 10.0), (MODEL, 1, 2.0)]


def test_a_batch_of_two_jobs_is_charged_once(bench: Bench) -> None:
    batching = Batching(8, NEVER)
    with batching.share(bench.model) as one, batching.share(bench.model) as other:
        asked = [bench.ask(one), bench.ask(other)]
        bench.began()
        bench.end(at=10.0)
        for each in asked:
            each.result(LIMIT)
    assert bench.charges.made == [(MODEL, 2, 10.0)]


def test_what_ran_is_charged_also_where_it_failed(bench: Bench) -> None:
    asked = bench.ask(grey=1.0)
    bench.began()
    bench.end(at=3.0)
    with pytest.raises(ModelFailed, match="white"):
        asked.result(LIMIT)
    assert bench.charges.made == [(MODEL, 1, 3.0)]


def test_a_picture_that_never_comes_to_the_network_is_charged_nothing(bench: Bench) -> None:
    with pytest.raises(ModelFailed, match="finite"):
        bench.ask(grey=float("nan")).result(LIMIT)
    assert bench.charges.made == [(MODEL, 1, 0.0)]


@pytest.mark.parametrize("how", [each for each in Explanation if each is not Explanation.NONE])
def test_explaining_is_charged(how: Explanation) -> None:
    manifest = replace(fake_manifest(), explanation=how)
    explainer = build_explainer(manifest, Recipe(size=64), native(build_network(SMALL, 1)))
    assert explainer is not None
    with stopwatch() as watch:
        explainer.explain(torch.rand(1, 3, 64, 64))
    assert watch.seconds > 0


def test_what_is_computed_while_nobody_is_charged_is_charged_to_nobody() -> None:
    runtime = native(build_network(SMALL, 1))
    with stopwatch() as watch:
        pass
    runtime.run(torch.rand(1, 3, 64, 64))
    assert watch.seconds == 0
