"""The queue in the database does what the one in memory does, whatever is asked of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from inference.domain.errors import LeaseLost
from inference.domain.instance import Priority
from inference.domain.job import Lease, ModelId
from inference.fakes.memory import (
    MemoryCatalog,
    MemoryCensusTaker,
    MemoryCursors,
    MemoryEvents,
    MemoryIncidents,
    MemoryIndex,
    MemoryJobQueue,
    MemoryListing,
    MemoryOutbox,
    MemoryReadingList,
    MemoryRemovals,
    MemoryResults,
    MemoryReviews,
    MemoryRollouts,
    MemoryStore,
    MemoryWorkitems,
)
from inference.persistence.engine import Database, sqlite_url
from tests.contracts.repositories import (
    LEASE,
    STUDY,
    Repositories,
    at,
    make_failure,
    make_request,
    make_result,
)
from tests.support.postgresql import PostgresqlServer
from tests.unit.persistence.conftest import repositories_on, with_clock

WORKERS = st.sampled_from(["a", "b"])
JOBS = st.integers(1, 8)


@contextmanager
def on_sqlite(template: Path) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(sqlite_url(Path(shutil.copy(template, folder))))
        yield database
        database.close()


@contextmanager
def on_postgresql(server: PostgresqlServer, template: str) -> Iterator[Database]:
    name = with_clock(server, template)
    database = Database(server.url(name))
    yield database
    database.close()
    server.drop(name)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_both_queues_do_the_same(kind: str, request: pytest.FixtureRequest) -> None:
    def opened() -> AbstractContextManager[Database]:
        if kind == "sqlite":
            return on_sqlite(request.getfixturevalue("migrated"))
        template = request.getfixturevalue("postgresql_template")
        return on_postgresql(request.getfixturevalue("postgresql"), template)

    class Machine(QueueMachine):
        opened_anew = staticmethod(opened)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


class QueueMachine(RuleBasedStateMachine):
    opened_anew: Callable[[], AbstractContextManager[Database]]
    leases: Bundle[Lease] = Bundle("leases")

    @initialize()
    def open(self) -> None:
        self.stack = ExitStack()
        self.database = self.stack.enter_context(self.opened_anew())
        store = MemoryStore()
        workitems = MemoryWorkitems(store)
        self.sql = repositories_on(self.database)
        self.memory = Repositories(
            MemoryIndex(store),
            MemoryJobQueue(store),
            MemoryResults(store),
            MemoryOutbox(store),
            MemoryCursors(store),
            MemoryRollouts(store),
            MemoryCatalog(store),
            MemoryReviews(store),
            MemoryReadingList(store),
            MemoryListing(store),
            workitems,
            MemoryEvents(store),
            MemoryCensusTaker(store),
            MemoryRemovals(store, workitems),
            MemoryIncidents(store),
        )
        self.now = 0.0
        self.sql.receive()
        self.memory.receive()

    def teardown(self) -> None:
        self.stack.close()

    def same(self, act: Callable[[Repositories], object]) -> object:
        """Do it to both: they answer the same, "lost" included."""
        answers: list[object] = []
        for each in (self.sql, self.memory):
            try:
                answers.append(act(each))
            except LeaseLost:
                answers.append("lost")
        assert answers[0] == answers[1]
        return answers[0]

    @rule(seconds=st.sampled_from([0.5, 30, 60, 61]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        revision=st.integers(1, 3),
        model=st.sampled_from([None, ModelId("m", "1"), ModelId("m", "2"), ModelId("n", "1")]),
        priority=st.sampled_from(Priority),
        shadow=st.booleans(),
    )
    def enqueue(
        self, revision: int, model: ModelId | None, priority: Priority, shadow: bool
    ) -> None:
        request = make_request(revision=revision, model=model, priority=priority, shadow=shadow)
        self.now += 1e-6  # nothing happens at quite the same time
        self.same(lambda each: each.queue.enqueue([request], at(self.now)))

    @rule(target=leases, worker=WORKERS)
    def claim(self, worker: str) -> object:
        lease = self.same(lambda each: each.queue.claim(worker, at(self.now), LEASE))
        return multiple() if lease is None else lease

    @rule(target=leases, lease=leases)
    def extend(self, lease: Lease) -> object:
        extended = self.same(lambda each: each.queue.extend(lease, at(self.now), LEASE))
        return multiple() if extended == "lost" else extended

    @rule(lease=leases, seconds=st.sampled_from([0, 45]))
    def retry(self, lease: Lease, seconds: float) -> None:
        self.same(lambda each: each.queue.retry(lease, "broke", at(self.now + seconds)))

    @rule(lease=leases, failed=st.booleans())
    def record(self, lease: Lease, failed: bool) -> None:
        make = make_failure if failed else make_result
        request = lease.job.request
        result = make(revision=request.revision, model=request.model, produced_at=at(self.now))
        destinations = ["x", "y"]
        if request.shadow:
            result, destinations = replace(result, objects=()), []
        self.same(lambda each: each.results.record(lease, result, destinations))

    @rule(worker=WORKERS)
    def release(self, worker: str) -> None:
        self.same(lambda each: each.queue.release(worker))

    @rule(job_id=JOBS)
    def replay(self, job_id: int) -> None:
        self.now += 1e-6
        self.same(lambda each: each.queue.replay(job_id, at(self.now)))

    @rule()
    def deliver(self) -> None:
        delivery = self.sql.outbox.claim(at(self.now), LEASE)
        assert delivery == self.memory.outbox.claim(at(self.now), LEASE)
        if delivery is not None:
            self.same(lambda each: each.outbox.delivered(delivery, at(self.now)))

    @invariant()
    def agree(self) -> None:
        self.same(lambda each: each.queue.jobs())
        self.same(lambda each: each.outbox.deliveries())
        self.same(lambda each: each.results.of_study(STUDY))
        self.same(lambda each: each.results.of_study(STUDY, shadow=True))
        self.same(lambda each: each.results.beside(ModelId("m", "1")))
        self.same(lambda each: each.index.account())
        assert self.same(lambda each: each.index.account().problems) == ()
