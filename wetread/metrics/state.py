"""What stands in database and archive, counted when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from threading import Lock

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from inference.domain.census import Census
from inference.domain.errors import RepositoryUnavailable, ResourceError
from inference.domain.incident import Decision, IncidentKind
from inference.domain.instance import Priority
from inference.domain.job import JobState
from inference.ports import Clock
from inference.ports.census import CensusTaker

_PATIENCE = 8.0  # seconds; Prometheus gives up on the whole answer after 10


class StateCollector(Collector):
    """The same numbers from every process that asks the same database: take the maximum.

    Nothing is told as 0, for each of the `models` and `destinations` and each model that has
    had a Job: what appears out of nowhere has not grown, so no alert would see the first.
    Without the database, or where it is silent for `patience` seconds, there is only
    `wetread_database_up`, as 0.
    """

    def __init__(
        self,
        census: CensusTaker,
        clock: Clock,
        free_bytes: Callable[[], int],
        destinations: Sequence[str] = (),
        models: Sequence[str] = (),
        patience: float = _PATIENCE,
    ) -> None:
        self._census = census
        self._clock = clock
        self._free_bytes = free_bytes
        self._destinations = tuple(destinations)
        self._models = tuple(models)
        self._patience = patience
        self._asking = ThreadPoolExecutor(1, "census")
        self._asked: Future[Census] | None = None
        self._lock = Lock()

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("wetread_database_up", "1 while the database answers")
        try:
            census = self._take()
        except RepositoryUnavailable:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        now = self._clock.now()

        studies = _gauge("studies", "Studies", "state")
        for state, count in census.studies.items():
            studies.add_metric([state.value], count)
        yield studies

        instances = _gauge("instances", "Instances, and those that retention took away", "state")
        instances.add_metric(["held"], census.instances)
        instances.add_metric(["removed"], census.removed)
        yield instances

        incidents = _gauge("incidents", "What was set aside, and nobody has resolved", "kind")
        for kind in IncidentKind:
            incidents.add_metric([kind.value], census.incidents.get(kind, 0))
        yield incidents

        compare = _gauge("incidents_to_compare", "Those that wait to be compared", "kind")
        for kind in IncidentKind:
            compare.add_metric([kind.value], census.to_compare.get(kind, 0))
        yield compare

        resolved = _gauge("incidents_resolved", "What was set aside, and resolved", "decision")
        for decision in Decision:
            resolved.add_metric([decision.value], census.resolved.get(decision, 0))
        yield resolved

        jobs = _gauge("jobs", "Jobs that are not in shadow", "state", "model")
        models = sorted({*self._models, *(model for _, model in census.jobs)})
        for model in models:
            for job_state in JobState:
                jobs.add_metric([job_state.value, model], census.jobs.get((job_state, model), 0))
        yield jobs

        depth = _gauge("queue_depth", "Jobs that wait for a worker", "model", "priority")
        oldest: dict[str, datetime] = {}
        for each in census.queued:
            depth.add_metric([each.model, each.priority.name], each.jobs)
            oldest[each.model] = min(each.oldest, oldest.get(each.model, each.oldest))
        for model in models:
            if model in oldest:
                continue
            depth.add_metric([model, Priority.MEDIUM.name], 0)
            oldest[model] = now
        yield depth

        age = _gauge("queue_age_seconds", "How long the oldest of them has waited", "model")
        for model, since in oldest.items():
            age.add_metric([model], max(0.0, (now - since).total_seconds()))
        yield age

        waiting = _gauge("deliveries_waiting", "Results on their way", "destination")
        for destination in sorted({*self._destinations, *census.waiting}):
            waiting.add_metric([destination], census.waiting.get(destination, 0))
        yield waiting

        failed = _gauge("deliveries_failed", "Results that were given up", "destination")
        for destination in sorted({*self._destinations, *census.failed}):
            failed.add_metric([destination], census.failed.get(destination, 0))
        yield failed

        text = "Free space on the disk on which images arrive"
        try:
            free_bytes = self._free_bytes()
        except ResourceError:  # there is no room for anything
            free_bytes = 0
        yield GaugeMetricFamily("wetread_archive_free_bytes", text, free_bytes)

    def _take(self) -> Census:
        # Asked in a thread of its own, at most once at a time: a connection that is cut between
        # two machines says nothing for half a minute.
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._asking.submit(self._census.take)
            asked = self._asked
        try:
            return asked.result(self._patience)
        except TimeoutError:
            raise RepositoryUnavailable("The database does not answer in time.") from None


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"wetread_{name}", text, labels=labels)
