"""Keeps the worklist true: Jobs become workitems, and workitems follow their Jobs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from inference.domain.job import Job, JobState
from inference.domain.workitem import DataSet, Workitem
from inference.domain.workitem_event import reports, restarted
from inference.domain.workitem_job import WorklistCodes, followed, inputs, workitem_of
from inference.intake.requested import Requested
from inference.ports import Clock, Cursors, Index, Results, Workitems

_log = logging.getLogger(__name__)

_PAUSE = 0.5  # seconds between looks at the queue
_BATCH = 100  # workitems in one step
_FEW = 50  # Instances whose references are kept twice
_CURSOR = "worklist"  # the number of the last Job that was listed
_AT_WORK = (JobState.QUEUED, JobState.RUNNING)


class WorklistKeeper:
    """Implements `Service`. `told` is called when subscribers have something to hear.

    What it does is found by comparing, and never remembered: after a crash it goes on.
    """

    name = "worklist"

    def __init__(
        self,
        *,
        workitems: Workitems,
        index: Index,
        results: Results,
        cursors: Cursors,
        requested: Requested,
        codes: WorklistCodes,
        clock: Clock,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._workitems = workitems
        self._index = index
        self._results = results
        self._cursors = cursors
        self._requested = requested
        self._codes = codes
        self._clock = clock
        self._told = told
        self._last_waiting = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def announce(self) -> None:
        """Tell subscribers that the node is back. Raises `RepositoryUnavailable`."""
        self._workitems.announce(restarted(), self._clock.now())

    def tick(self) -> int:
        """Bring workitems up to date; return how many changed. Raises `RepositoryUnavailable`."""
        changed = self._list() + self._take_up() + self._follow()
        if changed:
            self._told()
        return changed

    def _list(self) -> int:
        """Make workitems of Jobs that nobody asked for."""
        last = self._cursors.cursor(_CURSOR) or 0
        found = self._workitems.unlisted(last, _BATCH)
        now = self._clock.now()
        for job in found:
            study = self._index.study(job.request.study_instance_uid)
            item = workitem_of(job, study, self._codes, now, self._read(job))
            self._workitems.add(item, reports(None, item))
            if job.job_id > last:
                self._cursors.set_cursor(_CURSOR, last := job.job_id)
        return len(found)

    def _read(self, job: Job) -> Sequence[DataSet]:
        """Return what a Job reads, if that is so little that it is kept with the workitem."""
        request = job.request
        if len(request.instances) > _FEW:
            return ()
        return inputs(
            request.instances, self._index.instances(request.study_instance_uid), self._codes
        )

    def _take_up(self) -> int:
        """Make Jobs of workitems that ask for a reading, once their Study is there."""
        waiting = self._workitems.waiting(_BATCH, self._last_waiting)
        # All are looked at in turn, however many there are that nobody will ever do.
        self._last_waiting = waiting[-1].workitem_uid if len(waiting) == _BATCH else ""
        return sum(self._requested.take_up(each) for each in waiting)

    def _follow(self) -> int:
        return sum(self._bring(item, job) for item, job in self._workitems.performed())

    def _bring(self, item: Workitem, job: Job) -> bool:
        result = None if job.state in _AT_WORK else self._results.of_job(job.job_id)
        steps = followed(item, job, result, self._codes, self._clock.now())
        if not steps:
            return False
        told = [
            event
            for before, after in zip((item, *steps), steps, strict=False)
            for event in reports(before, after)
        ]
        return self._workitems.replace(steps[-1], told)

    def _run(self) -> None:
        announced = False
        while not self._stopping.is_set():
            try:
                if not announced:
                    self.announce()
                    announced = True
                busy = self.tick() > 0
            except Exception as error:  # boundary: the thread goes on
                # Nothing is lost: the next look compares again.
                _log.error("the worklist cannot be kept now: %s", error)
                busy = False
            if not busy:
                self._stopping.wait(_PAUSE)
