from __future__ import annotations

from dataclasses import replace

import pytest

from inference.domain.accounting import Account

BALANCED = Account(
    studies_received=5,
    studies_receiving=2,
    studies_stable=3,
    revisions=4,
    instances=50,
    removed=9,
    instances_by_study=50,
    removed_by_study=9,
    jobs=15,
    jobs_queued=1,
    jobs_running=2,
    jobs_done=3,
    jobs_refused=4,
    jobs_failed=5,
    results=12,
    shadow_jobs=16,
    shadow_queued=2,
    shadow_running=1,
    shadow_done=6,
    shadow_refused=4,
    shadow_failed=3,
    shadow_results=13,
    shadow_deliveries=0,
    deliveries=6,
    deliveries_pending=1,
    deliveries_delivered=2,
    deliveries_failed=3,
    incidents=19,
    conflicts=7,
    unreadable=8,
    incidents_resolved=4,
    incidents_same=2,
    incidents_removed=3,
)


def test_an_account_that_adds_up() -> None:
    assert BALANCED.problems == ()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"studies_received": 6}, "studies received = receiving + stable"),
        ({"instances": 49}, "instances = those of all studies"),
        ({"removed": 8}, "instances removed = those that studies miss"),
        ({"jobs_queued": 0}, "jobs = queued + running + done + refused + failed"),
        ({"revisions": 16}, "every revision has a job"),
        ({"results": 11}, "every ended job has a result"),
        ({"shadow_jobs": 15}, "shadow jobs = queued + running + done + refused + failed"),
        ({"shadow_results": 12}, "every ended shadow job has a result"),
        ({"shadow_deliveries": 1}, "no shadow job is delivered"),
        ({"deliveries_pending": 0}, "deliveries = pending + delivered + failed"),
        ({"conflicts": 6}, "incidents = conflicts + unreadable + resolved"),
        ({"incidents_same": 5}, "only resolved incidents were the same image"),
        ({"incidents_removed": 5}, "what open incidents set aside is there"),
    ],
)
def test_what_is_missing_is_told(changes: dict[str, int], problem: str) -> None:
    assert replace(BALANCED, **changes).problems == (problem,)
