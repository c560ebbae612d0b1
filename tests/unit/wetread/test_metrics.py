"""What Prometheus gets to see."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from inference.domain.census import Census, Queued
from inference.domain.drift import document_of, spread_of
from inference.domain.errors import RepositoryUnavailable
from inference.domain.incident import Decision, IncidentKind
from inference.domain.instance import Origin, Priority, Receipt, Source
from inference.domain.job import JobState, ModelId
from inference.domain.refusal import Reason
from inference.domain.review import Verdict
from inference.domain.study import StudyState
from inference.fakes.clock import FixedClock
from inference.ports.meter import DeliveryOutcome, Stage
from wetread.metrics.drift import REFERENCE, Drift
from wetread.metrics.meter import PrometheusMeter
from wetread.metrics.state import StateCollector

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MODEL = ModelId("chest", "1.0.0")


def samples(registry: CollectorRegistry) -> dict[str, float]:
    """The numbers by name and labels, these by name, as the text that is scraped has them."""
    return {
        " ".join([each.name, *(value for _, value in sorted(each.labels.items()))]): each.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for each in family.samples
        if not each.name.endswith("_created")
    }


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def meter(registry: CollectorRegistry) -> PrometheusMeter:
    return PrometheusMeter(registry, tenant="north", device=lambda: "cpu")


def test_instances_and_bytes_by_who_sent_them(
    registry: CollectorRegistry, meter: PrometheusMeter
) -> None:
    for ae, size in (("CT1", 100), ("CT1", 50), ("XR1", 7)):
        meter.received(Origin(Source.DIMSE, calling_ae=ae), Receipt.STORED, size)
    meter.received(Origin(Source.DIMSE, calling_ae="CT1"), Receipt.HELD_ALREADY, 100)
    found = samples(registry)
    assert found["wetread_instances_received_total CT1 dimse"] == 2
    assert found["wetread_received_bytes_total CT1 dimse"] == 150
    assert found["wetread_received_bytes_total XR1 dimse"] == 7


def test_a_stranger_cannot_fill_memory_with_ae_titles(
    registry: CollectorRegistry, meter: PrometheusMeter
) -> None:
    for number in range(1000):
        meter.received(Origin(Source.DIMSE, calling_ae=f"AE{number}"), Receipt.STORED, 1)
    found = samples(registry)
    assert sum(each.startswith("wetread_instances_received_total") for each in found) == 201
    assert found["wetread_instances_received_total others dimse"] == 800


def test_a_model_is_told_by_version_tenant_and_device(
    registry: CollectorRegistry, meter: PrometheusMeter
) -> None:
    meter.assessed(MODEL, 3, 0.5)
    meter.assessed(MODEL, 5, 0.25)
    found = samples(registry)
    assert found["wetread_model_seconds_total cpu chest north 1.0.0"] == 0.75
    assert found["wetread_batch_size_sum chest"] == 8
    assert found["wetread_batch_size_count chest"] == 2


def test_stages_refusals_deliveries_and_reviews(
    registry: CollectorRegistry, meter: PrometheusMeter
) -> None:
    meter.took(Stage.READ, 0.2)
    meter.refused(MODEL, Reason.ROTATED)
    meter.refused(None, Reason.NO_RULE)
    meter.delivered("pacs", DeliveryOutcome.UNREACHABLE)
    meter.reviewed(MODEL, Verdict.DISAGREE)
    found = samples(registry)
    assert found["wetread_stage_seconds_count read"] == 1
    assert found["wetread_refusals_total chest rotated image"] == 1
    assert found["wetread_refusals_total  no rule takes this study"] == 1
    assert found["wetread_deliveries_total pacs unreachable"] == 1
    assert found["wetread_reviews_total chest disagree 1.0.0"] == 1


class Census1:
    def take(self) -> Census:
        return Census(
            studies={StudyState.STABLE: 3},
            jobs={(JobState.DONE, "chest"): 2, (JobState.REFUSED, "ct"): 1},
            queued=(
                Queued("chest", Priority.MEDIUM, 4, NOW - timedelta(seconds=30)),
                Queued("chest", Priority.HIGH, 1, NOW - timedelta(seconds=5)),
            ),
            waiting={"pacs": 6},
            failed={"pacs": 1},
            instances=40,
            removed=7,
            incidents={IncidentKind.CONFLICT: 2},
            to_compare={IncidentKind.CONFLICT: 1},
            resolved={Decision.SAME: 5, Decision.KEPT: 1},
        )


class Away:
    def take(self) -> Census:
        raise RepositoryUnavailable()


def test_what_waits_is_counted_when_it_is_asked_for(registry: CollectorRegistry) -> None:
    registry.register(
        StateCollector(Census1(), FixedClock(NOW), lambda: 1 << 30, ["archive", "pacs"], ["new"])
    )
    found = samples(registry)
    # Of a job that fails no alert would hear if its number came from nowhere.
    assert {name: count for name, count in found.items() if "_jobs " in name and not count} == {
        f"wetread_jobs {model} {state}": 0
        for model in ("chest", "ct", "new")
        for state in ("queued", "running", "done", "refused", "failed")
        if (model, state) not in {("chest", "done"), ("ct", "refused")}
    }
    assert {name: count for name, count in found.items() if "_jobs " not in name or count} == {
        "wetread_database_up": 1,
        "wetread_studies stable": 3,
        "wetread_instances held": 40,
        "wetread_instances removed": 7,
        "wetread_incidents conflict": 2,
        "wetread_incidents unreadable": 0,
        "wetread_incidents_to_compare conflict": 1,
        "wetread_incidents_to_compare unreadable": 0,
        "wetread_incidents_resolved kept": 1,
        "wetread_incidents_resolved resent": 0,
        "wetread_incidents_resolved dismissed": 0,
        "wetread_incidents_resolved same": 5,
        "wetread_jobs chest done": 2,
        "wetread_jobs ct refused": 1,
        "wetread_queue_depth chest MEDIUM": 4,
        "wetread_queue_depth chest HIGH": 1,
        "wetread_queue_age_seconds chest": 30,
        "wetread_queue_depth ct MEDIUM": 0,
        "wetread_queue_age_seconds ct": 0,
        "wetread_queue_depth new MEDIUM": 0,
        "wetread_queue_age_seconds new": 0,
        "wetread_deliveries_waiting archive": 0,
        "wetread_deliveries_waiting pacs": 6,
        "wetread_deliveries_failed archive": 0,
        "wetread_deliveries_failed pacs": 1,
        "wetread_archive_free_bytes": 1 << 30,
    }


def test_without_the_database_it_says_just_that(registry: CollectorRegistry) -> None:
    registry.register(StateCollector(Away(), FixedClock(NOW), lambda: 1))
    assert samples(registry) == {"wetread_database_up": 0}


class Silent:
    """Says nothing until it is `freed`, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.freed = Event()

    def take(self) -> Census:
        self.asked += 1
        self.freed.wait()
        return Census1().take()


def test_a_database_that_says_nothing_keeps_nobody_waiting(registry: CollectorRegistry) -> None:
    database = Silent()
    collector = StateCollector(database, FixedClock(NOW), lambda: 1, patience=0.01)
    registry.register(collector)
    assert samples(registry) == samples(registry) == {"wetread_database_up": 0}
    database.freed.set()
    assert database.asked == 1


def test_an_archive_that_is_away_has_no_room_and_hides_nothing_else(
    registry: CollectorRegistry,
) -> None:
    def away() -> int:
        raise RepositoryUnavailable()

    registry.register(StateCollector(Census1(), FixedClock(NOW), away))
    found = samples(registry)
    assert found["wetread_archive_free_bytes"] == 0
    assert found["wetread_studies stable"] == 3


def test_drift_is_told_when_enough_was_seen(registry: CollectorRegistry, tmp_path: Path) -> None:
    usual = {"brightness": spread_of([number / 1000 for number in range(1000)])}
    (tmp_path / REFERENCE).write_text(json.dumps(document_of(usual, 1000)))
    drift = Drift(lambda model: tmp_path)
    registry.register(drift)
    meter = PrometheusMeter(registry, "", lambda: "cpu", drift)
    meter.saw(MODEL, {"brightness": [0.5] * 99, "unknown": [1.0] * 200})
    assert samples(registry) == {}
    meter.saw(MODEL, {"brightness": [0.5]})
    (found,) = samples(registry).items()
    assert found[0] == "wetread_input_drift chest brightness 1.0.0"
    assert found[1] > 0.25


@pytest.mark.parametrize("content", [None, "{", "[]", '{"statistics": {"brightness": 1}}'])
def test_a_model_without_a_reference_is_not_watched(
    registry: CollectorRegistry, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / REFERENCE).write_text(content)
    drift = Drift(lambda model: tmp_path)
    registry.register(drift)
    drift.saw(MODEL, {"brightness": [0.5] * 500})
    assert samples(registry) == {}
