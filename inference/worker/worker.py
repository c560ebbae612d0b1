"""The worker: takes Jobs, reads, encodes, records."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from inference.domain.about import about
from inference.domain.errors import (
    DamagedFile,
    InputError,
    LeaseLost,
    RepositoryUnavailable,
    ResourceError,
    WetreadError,
)
from inference.domain.instance import Description, Instance
from inference.domain.job import JobRequest, Lease
from inference.domain.manifest import Manifest
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import ResultObject
from inference.ports import (
    Archive,
    Clock,
    Gate,
    Index,
    JobQueue,
    ModelRegistry,
    ResultEncoder,
    Results,
)
from inference.ports.meter import Meter, Stage, Unmetered
from inference.worker.backoff import backoff
from inference.worker.batching import Batching
from inference.worker.crew import Crew
from inference.worker.heartbeat import heartbeat
from inference.worker.metered import MeteredGate, MeteredModel
from inference.worker.reading import Reader, Reading
from inference.worker.revisions import earlier_is_read
from inference.worker.turns import Turns

_log = logging.getLogger(__name__)

_IDLE = 0.5  # seconds between looks at an empty queue
_GRACE = 90.0  # seconds
_FIRST_RETRY = timedelta(seconds=2)
_LONGEST_RETRY = timedelta(minutes=10)
_GIVES_WAY = 10  # that a Job gives up for an earlier revision's, lest that one hangs
_LONGEST_WAY = timedelta(seconds=10)
_REPORTS = 3  # tries at a report that processing failed
_LONGEST_AWAY = timedelta(minutes=1)  # of what a Job needs and cannot be blamed for


class Worker:
    """Works on so many `jobs` at a time; any number of workers may share a queue.

    Each Job has a thread, which decodes, reads, encodes and records; what they ask of one model
    or gate meets in `batching`. Told to stop, a worker takes no further Job, and gives back those
    that are not finished within `grace` seconds.

    A Job that breaks is tried again, `maximum_attempts` times in all; then its report says
    that processing failed. A Job that kills the process counts its attempts just the same.
    Where that report breaks, too, it fails without one.
    An attempt does not count where database or archive were away, or the worker was stopped.
    A Job in shadow ends in a Result alone: no report, and nothing to deliver.
    `idle` is how many seconds pass between two looks at an empty queue unless it is woken.
    """

    def __init__(
        self,
        *,
        name: str,
        queue: JobQueue,
        index: Index,
        results: Results,
        archive: Archive,
        registry: ModelRegistry,
        reader: Reader,
        encoder: ResultEncoder,
        clock: Clock,
        destinations: Sequence[str],
        lease: timedelta,
        maximum_attempts: int,
        meter: Meter | None = None,
        idle: float = _IDLE,
        jobs: int = 1,
        batching: Batching | None = None,
        grace: float = _GRACE,
    ) -> None:
        self.name = name
        self._queue = queue
        self._index = index
        self._results = results
        self._archive = archive
        self._registry = registry
        self._reader = reader
        self._encoder = encoder
        self._clock = clock
        self._destinations = tuple(destinations)
        self._lease = lease
        self._maximum_attempts = maximum_attempts
        self._meter = meter or Unmetered()
        self._batching = batching or Batching()
        self._grace = grace
        self._turns = Turns()
        self._crew = Crew(name, jobs, self.tick, idle)

    @property
    def alive(self) -> bool:
        return self._crew.alive

    def start(self) -> None:
        self._crew.start()

    def wake(self) -> None:
        """Say that there may be a Job. Never blocks."""
        self._crew.wake()

    def stop(self) -> None:
        if not self._crew.stop(self._grace):
            self._give_back()

    def _give_back(self) -> None:
        """Queue again what is still worked on; its results are refused from here on."""
        try:
            given_back = self._queue.release(self.name, counts=False)
        except RepositoryUnavailable as error:
            _log.warning("what is not finished returns when its lease ends: %s", error)
        else:
            _log.warning("%d jobs were not finished in time and are given back", given_back)

    def tick(self) -> bool:
        """Work on one Job if one is due; return whether there was one."""
        lease = self._turns.begin(
            lambda: self._queue.claim(self.name, self._clock.now(), self._lease)
        )
        if lease is None:
            return False
        try:
            with about(lease.job.request.study_instance_uid, lease.job.job_id):
                if not self._gives_way(lease):
                    self._attempt(lease)
        finally:
            if self._turns.end(lease):
                self._crew.wake()
        return True

    def _gives_way(self, lease: Lease) -> bool:
        """Give the Job back while an earlier revision is read."""
        if lease.fence > _GIVES_WAY or not earlier_is_read(self._queue, lease.job.request):
            return False
        due = self._clock.now() + backoff(lease.fence, _FIRST_RETRY, _LONGEST_WAY)
        self._queue.retry(lease, lease.job.error, due, counts=False)
        return True

    def _attempt(self, lease: Lease) -> None:
        job = lease.job
        try:
            with heartbeat(self._queue, self._clock, lease, self._lease, f"job {job.job_id}"):
                self._turns.wait(lease)
                self._work(lease)
        except LeaseLost:
            _log.warning("job %d: another worker holds it by now; nothing recorded", job.job_id)
        # A process boundary: whatever broke, the Job is given back with its reason.
        except Exception as error:
            if _is_away(error):
                # However long it lasts: the Study is as good as before, and so is its Job.
                _log.warning("job %d waits: %s", job.job_id, error)
                wait = backoff(lease.fence, _FIRST_RETRY, _LONGEST_AWAY)
            else:
                _log.exception("job %d: attempt %d broke", job.job_id, job.attempts)
                wait = backoff(job.attempts, _FIRST_RETRY, _LONGEST_RETRY)
            self._queue.retry(
                lease, _reason(error), self._clock.now() + wait, counts=not _is_away(error)
            )

    def _work(self, lease: Lease) -> None:
        job = lease.job
        request = job.request
        started = time.monotonic()
        instances = self._instances(lease)
        if job.started_at is not None:
            self._meter.took(Stage.QUEUE, (job.started_at - job.enqueued_at).total_seconds())
        manifest, reading = self._read(lease, instances)
        read = time.monotonic()
        self._meter.took(Stage.READ, read - started)
        silent = request.shadow or job.attempts > self._maximum_attempts + _REPORTS
        objects = () if silent else self._encode(request, manifest, reading)
        encoded = time.monotonic()
        self._meter.took(Stage.ENCODE, encoded - read)
        result = replace(reading.result, objects=objects, seconds=encoded - started)
        destinations = () if silent else self._destinations
        self._results.record(lease, result, destinations, self._descriptions(objects))
        self._meter.took(Stage.RECORD, time.monotonic() - encoded)
        for each in result.refusals:
            self._meter.refused(request.model, each.reason)
        _log.info(
            "job %d%s: %s, study %s revision %d, %s, %.2f s",
            job.job_id,
            " in shadow" if request.shadow else "",
            result.outcome.value,
            request.study_instance_uid,
            request.revision,
            request.model or "no model",
            result.seconds,
        )

    def _encode(
        self, request: JobRequest, manifest: Manifest | None, reading: Reading
    ) -> tuple[ResultObject, ...]:
        predecessor = self._results.predecessor(
            request.study_instance_uid, request.model, request.revision
        )
        encoded = self._encoder.encode(reading.result, manifest, reading.evidence, predecessor)
        return tuple(
            ResultObject(
                role=each.role,
                sop_class_uid=each.sop_class_uid,
                sop_instance_uid=each.sop_instance_uid,
                series_instance_uid=each.series_instance_uid,
                study_instance_uid=request.study_instance_uid,
                key=self._archive.keep_result(
                    request.study_instance_uid, each.sop_instance_uid, each.part10
                ),
            )
            for each in encoded
        )

    def _descriptions(self, objects: Sequence[ResultObject]) -> dict[str, Description]:
        described: dict[str, Description] = {}
        for each in objects:
            with suppress(InputError):  # what cannot be read is catalogued by its UIDs
                path = self._archive.path(each.key)
                described[each.sop_instance_uid] = self._archive.describe(path)
        return described

    def _read(self, lease: Lease, instances: Sequence[Instance]) -> tuple[Manifest | None, Reading]:
        job = lease.job
        request = job.request
        now = self._clock.now()
        if request.model is None:
            refusal = Refusal(self._why_unread(request), request.why)
            return None, self._reader.decline(request, instances, refusal, now)
        last = job.attempts >= self._maximum_attempts
        if job.attempts > self._maximum_attempts:
            # Claimed once too often: the attempts before did not live to say why.
            cause = job.error or "every attempt ended without a word"
            return self._give_up(lease, instances, cause)
        try:
            metered = MeteredModel(self._registry.load(request.model), self._meter)
            before = metered.manifest
            with self._batching.share(metered) as model, self._gate(before, instances) as gate:
                reading = self._reader.read(request, model, instances, now, gate=gate)
                return before, reading
        # A process boundary: the last attempt ends in a report whatever broke.
        except Exception as error:
            if not last or _is_away(error):
                raise
            _log.exception("job %d: the last attempt broke", job.job_id)
            return self._give_up(lease, instances, _reason(error))

    @contextmanager
    def _gate(self, before: Manifest, instances: Sequence[Instance]) -> Iterator[Gate | None]:
        """What looks before the model does, asked together with the other Jobs."""
        gate = self._reader.gate(before, instances)
        if gate is None:
            yield None
            return
        with self._batching.share_gate(MeteredGate(gate, self._meter), before) as shared:
            yield shared

    def _why_unread(self, request: JobRequest) -> Reason:
        study = self._index.study(request.study_instance_uid)
        return Reason.IMAGES_REMOVED if study and study.removed else Reason.NO_RULE

    def _give_up(
        self, lease: Lease, instances: Sequence[Instance], cause: str
    ) -> tuple[Manifest | None, Reading]:
        request = lease.job.request
        refusal = Refusal(
            Reason.PROCESSING_FAILED,
            f"{request.model} did not finish in {self._maximum_attempts} attempts: {cause}",
        )
        manifest = next(
            (each for each in self._registry.manifests() if each.model == request.model), None
        )
        now = self._clock.now()
        return manifest, self._reader.decline(request, instances, refusal, now, failed=True)

    def _instances(self, lease: Lease) -> list[Instance]:
        request = lease.job.request
        held = {
            each.sop_instance_uid: each
            for each in self._index.instances(request.study_instance_uid)
        }
        return [held[uid] for uid in request.instances if uid in held]


def _is_away(error: Exception) -> bool:
    """Is it database or archive that cannot be used now, whatever the Job?"""
    return isinstance(error, ResourceError) and not isinstance(error, DamagedFile)


def _reason(error: Exception) -> str:
    """Return what may be shown: our own errors speak; others only say what they are.

    The text of a foreign error may quote the header, and with it the patient.
    """
    return str(error) if isinstance(error, WetreadError) else type(error).__name__
