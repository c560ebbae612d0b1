"""The worklist with everything faked but the desk and the keeper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from inference.domain import workitem as ups
from inference.domain.job import Job
from inference.domain.workitem import Workitem, items, text
from inference.domain.workitem_search import WorkitemSearch
from inference.fakes.archive import FakeArchive
from inference.fakes.clock import FixedClock
from inference.fakes.memory import (
    MemoryCursors,
    MemoryIndex,
    MemoryJobQueue,
    MemoryResults,
    MemoryStore,
    MemoryWorkitems,
)
from tests.contracts.repositories import LEASE, QUIET, STUDY, T0, make_instance, make_result
from tests.support.worklist import WorklistBench

FIRST, SECOND = f"{STUDY}.1.1", f"{STUDY}.1.2"


@dataclass
class Bench:
    archive: FakeArchive
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FixedClock = field(default_factory=lambda: FixedClock(T0))

    def __post_init__(self) -> None:
        self.index = MemoryIndex(self.store)
        self.queue = MemoryJobQueue(self.store)
        self.results = MemoryResults(self.store)
        self.workitems = MemoryWorkitems(self.store)
        made = WorklistBench(
            workitems=self.workitems,
            queue=self.queue,
            index=self.index,
            results=self.results,
            cursors=MemoryCursors(self.store),
            archive=self.archive,
            clock=self.clock,
        )
        self.desk, self.keeper = made.desk, made.keeper

    def receive(self, *uids: str, stable: bool = True) -> None:
        for uid in uids:
            self.index.add(make_instance(uid, accession_number="A1"), T0, QUIET)
        if stable:
            study = self.index.study(STUDY)
            assert study is not None
            assert self.index.close_revision(study, (), T0)

    def work(self, **changes: Any) -> Job:
        """End the Job that is due."""
        lease = self.queue.claim("w", self.clock.now(), LEASE)
        assert lease is not None
        made = changes.pop("result", None) or make_result(**changes)
        self.results.record(lease, made, [])
        return lease.job

    def keep(self) -> None:
        while self.keeper.tick():
            pass

    def all(self) -> list[Workitem]:
        return [self.desk.complete(each) for each in self.desk.search(WorkitemSearch())]

    def told(self, ae_title: str = "AE") -> list[Any]:
        return [
            text(each.event.data, ups.STATE) or each.event.kind.name
            for each in self.desk.events(ae_title)
        ]


def outputs(item: Workitem) -> list[str]:
    (performed,) = items(item.data, ups.PERFORMED)
    path = (ups.REFERENCED_SOPS, ups.REFERENCED_SOP_INSTANCE)
    return [str(each) for each in ups.values(performed, ups.OUTPUTS, *path)]


def states(found: Iterable[Workitem]) -> list[str]:
    return [each.state.value for each in found]
