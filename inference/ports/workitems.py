"""The worklist: what is to be done by anybody, who does it, and who wants to be told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from inference.domain.job import Job, JobRequest
from inference.domain.workitem import DataSet, Workitem
from inference.domain.workitem_event import KeptEvent, WorkitemEvent
from inference.domain.workitem_search import KeyCondition, WorkitemSearch


class Workitems(Protocol):
    """Workitems, subscriptions, and the events that wait for subscribers.

    A change and its events are one transaction. A workitem is written only over the version
    that was read: of two who change it at once, one is told to look again. Raises
    `RepositoryUnavailable`.
    """

    def add(self, item: Workitem, events: Sequence[WorkitemEvent]) -> bool:
        """Keep a new workitem, to which global subscribers are then subscribed.

        False if there is one of this UID.
        """
        ...

    def replace(self, item: Workitem, events: Sequence[WorkitemEvent]) -> bool:
        """Keep what `item` has become; False if it has changed since it was read."""
        ...

    def perform(self, item: Workitem, request: JobRequest, at: datetime) -> bool:
        """In one transaction, enqueue `request` and tie `item` to its Job.

        The Job may be there already. False if `item` has changed since it was read; then
        nothing is enqueued.
        """
        ...

    def find(self, workitem_uid: str) -> Workitem | None: ...

    def search(self, search: WorkitemSearch) -> Sequence[Workitem]: ...

    def waiting(self, limit: int = 100, after: str = "") -> Sequence[Workitem]:
        """Return workitems that are SCHEDULED and READY, and that no Job performs.

        By their UIDs, only those behind `after`.
        """
        ...

    def performed(self) -> Sequence[tuple[Workitem, Job]]:
        """Return workitems that are not final though their Jobs have begun, with these."""
        ...

    def unlisted(self, after: int, limit: int = 100) -> Sequence[Job]:
        """Return Jobs that no workitem stands for, in the order of their numbers.

        Those above `after`; and below, those that are queued or running again, though their
        workitem has ended. Never one in shadow.
        """
        ...

    def subscribe(
        self,
        ae_title: str,
        workitem_uid: str,
        *,
        locked: bool = False,
        conditions: Sequence[KeyCondition] = (),
        events: Sequence[WorkitemEvent] = (),
        at: datetime,
    ) -> None:
        """Subscribe to one workitem, or by `GLOBAL` or `FILTERED` to all, now and later.

        `conditions` narrow `FILTERED`. `events` are then due to this subscriber.
        """
        ...

    def unsubscribe(self, ae_title: str, workitem_uid: str) -> bool:
        """End a subscription, by `GLOBAL` or `FILTERED` every one; False if there is none."""
        ...

    def suspend(self, ae_title: str, workitem_uid: str) -> bool:
        """Stop subscribing to what is new (PS3.4 Section CC.2.3); False if it never was."""
        ...

    def subscribers(self) -> Sequence[str]:
        """Return the AE titles that are subscribed to anything."""
        ...

    def announce(self, event: WorkitemEvent, at: datetime) -> None:
        """Tell all subscribers."""
        ...

    def events(self, ae_title: str, limit: int = 100) -> Sequence[KeptEvent]:
        """Return the events that wait for a subscriber, the oldest first."""
        ...

    def forget(self, ae_title: str, numbers: Sequence[int]) -> None:
        """Forget these events: the subscriber has them.

        Not all up to a number: one with a lower number may be committed later.
        """
        ...

    def prune_events(self, before: datetime, limit: int = 1000) -> int:
        """Forget the oldest events from before `before`, whoever they wait for; return how many.

        Who asks for no events any more is told of nothing, so nothing else would remove them.
        """
        ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """`conditions` narrow a filtered one."""

    ae_title: str
    workitem_uid: str
    locked: bool = False
    conditions: tuple[KeyCondition, ...] = ()


class Worklist(Protocol):
    """The desk at which others make workitems, claim them and ask for them.

    Raises what is below `WorkitemError`, and `ResourceError`.
    """

    def create(self, workitem_uid: str, said: DataSet) -> tuple[Workitem, bool]:
        """Return the new workitem, and whether more was added to it than is due."""
        ...

    def find(self, workitem_uid: str) -> Workitem:
        """Return a workitem with all its attributes."""
        ...

    def search(self, search: WorkitemSearch) -> Sequence[Workitem]:
        """Return a page; each is to be completed before it is shown."""
        ...

    def complete(self, item: Workitem) -> Workitem:
        """Return `item` with all its attributes."""
        ...

    def update(self, workitem_uid: str, changes: DataSet, transaction_uid: str) -> None: ...

    def change_state(self, workitem_uid: str, state: str, transaction_uid: str) -> bool:
        """Claim, complete or cancel; False if it was in that final state already."""
        ...

    def request_cancel(self, workitem_uid: str, said: DataSet, requesting_ae: str) -> bool:
        """Cancel what nobody has claimed, else tell its owner; False if it is canceled."""
        ...

    def subscribe(self, subscription: Subscription) -> None: ...

    def unsubscribe(self, ae_title: str, workitem_uid: str) -> None: ...

    def suspend(self, ae_title: str, workitem_uid: str) -> None: ...

    def events(self, ae_title: str) -> Sequence[KeptEvent]: ...

    def forget(self, ae_title: str, numbers: Sequence[int]) -> None: ...

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called when there may be events; it must return at once.

        Returns what ends that.
        """
        ...
