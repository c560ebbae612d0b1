"""What every Workitems promises to those who listen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from inference.domain import workitem as ups
from inference.domain.matching import AnyOf, Between, Empty, Like
from inference.domain.workitem import StepState
from inference.domain.workitem_event import (
    FILTERED,
    GLOBAL,
    EventKind,
    WorkitemEvent,
    reports,
    restarted,
)
from inference.domain.workitem_search import Key, KeyCondition
from tests.contracts.repositories import T0, Repositories, RepositoriesContract, at
from tests.contracts.workitems import become, make_workitem


class SubscribersContract(RepositoriesContract):
    def kinds(self, repositories: Repositories, ae_title: str = "AE") -> list[tuple[str, Any]]:
        return [
            (each.event.workitem_uid, ups.text(each.event.data, ups.STATE) or each.event.kind)
            for each in repositories.workitems.events(ae_title)
        ]

    def test_its_subscribers_are_told_of_a_workitem(self, repositories: Repositories) -> None:
        workitems = repositories.workitems
        item = make_workitem()
        for each in (item, make_workitem(2)):
            workitems.add(each, reports(None, each))
        workitems.subscribe("AE", "2.25.1", events=reports(None, item), at=T0)
        workitems.subscribe("OTHER", "2.25.2", at=T0)
        claimed = become(item, StepState.IN_PROGRESS)
        workitems.replace(claimed, reports(item, claimed))
        assert self.kinds(repositories) == [("2.25.1", "SCHEDULED"), ("2.25.1", "IN PROGRESS")]
        assert self.kinds(repositories, "OTHER") == []
        first, second = workitems.events("AE")
        assert second.event == reports(item, claimed)[0]
        assert second.occurred_at == at(1)
        assert workitems.events("AE", limit=1) == (first,)
        workitems.forget("OTHER", [second.number])
        workitems.forget("AE", [first.number])
        assert workitems.events("AE") == (second,)
        assert workitems.unsubscribe("AE", "2.25.1")
        assert not workitems.unsubscribe("AE", "2.25.1")
        assert workitems.events("AE") == (second,)

    def test_a_change_that_is_not_made_tells_nobody(self, repositories: Repositories) -> None:
        item = make_workitem()
        repositories.workitems.add(item, ())
        repositories.workitems.subscribe("AE", "2.25.1", at=T0)
        late = become(replace(item, version=7), StepState.IN_PROGRESS)
        assert not repositories.workitems.replace(late, reports(item, late))
        assert self.kinds(repositories) == []

    def test_who_subscribes_to_all_is_told_of_all(self, repositories: Repositories) -> None:
        workitems = repositories.workitems
        first, second = make_workitem(1), make_workitem(2)
        workitems.add(first, ())
        workitems.subscribe("AE", GLOBAL, at=T0)
        workitems.add(second, reports(None, second))
        claimed = become(first, StepState.IN_PROGRESS)
        workitems.replace(claimed, reports(first, claimed))
        assert self.kinds(repositories) == [("2.25.2", "SCHEDULED"), ("2.25.1", "IN PROGRESS")]
        assert workitems.suspend("AE", GLOBAL)
        assert not workitems.suspend("AE", GLOBAL)
        workitems.add(make_workitem(3), reports(None, make_workitem(3)))
        ended = become(second, StepState.CANCELED)
        workitems.replace(ended, reports(second, ended))
        assert self.kinds(repositories)[2:] == [("2.25.2", "CANCELED")]
        assert workitems.subscribers() == ["AE"]
        assert workitems.unsubscribe("AE", GLOBAL)
        assert workitems.subscribers() == []

    def test_who_subscribes_to_some_is_told_of_those(self, repositories: Repositories) -> None:
        workitems = repositories.workitems
        for number in (1, 2):
            workitems.add(make_workitem(number), ())
        conditions = (
            KeyCondition(Key.PATIENT_ID, AnyOf(("P2", "P4"))),
            KeyCondition(Key.PATIENT_NAME, Like("muller*")),
            KeyCondition(Key.START, Between("20260101", "")),
            KeyCondition(Key.STATION_CODE, Empty()),
        )
        workitems.subscribe("AE", FILTERED, conditions=conditions, at=T0)
        for number in (3, 4):
            workitems.add(make_workitem(number), reports(None, make_workitem(number)))
        assert self.kinds(repositories) == [("2.25.4", "SCHEDULED")]
        for number in (1, 2):
            before = make_workitem(number)
            claimed = become(before, StepState.IN_PROGRESS)
            workitems.replace(claimed, reports(before, claimed))
        assert self.kinds(repositories)[1:] == [("2.25.2", "IN PROGRESS")]

    def test_a_subscription_ends_with_its_workitem_unless_it_is_locked(
        self, repositories: Repositories
    ) -> None:
        workitems = repositories.workitems
        workitems.add(make_workitem(), ())
        workitems.subscribe("AE", "2.25.1", at=T0)
        workitems.subscribe("LOCKED", "2.25.1", locked=True, at=T0)
        ended = become(make_workitem(), StepState.CANCELED)
        workitems.replace(ended, reports(make_workitem(), ended))
        assert self.kinds(repositories) == [("2.25.1", "CANCELED")]
        assert workitems.subscribers() == ["LOCKED"]

    def test_subscribing_again_changes_the_lock(self, repositories: Repositories) -> None:
        workitems = repositories.workitems
        workitems.add(make_workitem(), ())
        workitems.subscribe("AE", "2.25.1", locked=True, at=T0)
        workitems.subscribe("AE", "2.25.1", at=T0)
        workitems.replace(become(make_workitem(), StepState.CANCELED), ())
        assert workitems.subscribers() == []

    def test_all_are_told_that_the_node_is_back(self, repositories: Repositories) -> None:
        workitems = repositories.workitems
        workitems.subscribe("AE", GLOBAL, at=T0)
        workitems.subscribe("FILTERED", FILTERED, at=T0)
        workitems.announce(restarted(), at(1))
        for ae_title in ("AE", "FILTERED"):
            (kept,) = workitems.events(ae_title)
            assert kept.event == restarted()

    def test_events_wait_for_a_week_and_not_without_end(self, repositories: Repositories) -> None:
        workitems = repositories.workitems
        item = make_workitem()
        workitems.add(item, ())
        event = WorkitemEvent(EventKind.PROGRESS_REPORT, "2.25.1", {})
        workitems.subscribe("AE", "2.25.1", events=[event], at=T0)
        workitems.subscribe("AE", "2.25.1", events=[event], at=T0 + timedelta(days=8))
        (kept,) = workitems.events("AE")
        assert kept.occurred_at == T0 + timedelta(days=8)
        workitems.subscribe("AE", "2.25.1", events=[event] * 1005, at=T0 + timedelta(days=8))
        waiting = workitems.events("AE", limit=2000)
        assert len(waiting) == 1000
        assert waiting[0].number > kept.number

    def test_events_that_nobody_fetches_are_pruned(self, repositories: Repositories) -> None:
        workitems = repositories.workitems
        workitems.add(make_workitem(), ())
        event = WorkitemEvent(EventKind.PROGRESS_REPORT, "2.25.1", {})
        for ae_title in ("GONE", "AE"):
            workitems.subscribe(ae_title, "2.25.1", events=[event, event], at=T0)
        workitems.subscribe("AE", "2.25.1", events=[event], at=at(1))
        assert workitems.prune_events(T0) == 0
        assert workitems.prune_events(at(1), limit=3) == 3
        assert workitems.prune_events(at(1)) == 1
        assert workitems.events("GONE") == ()
        assert [each.occurred_at for each in workitems.events("AE")] == [at(1)]
