"""Studies become stable: when they have been quiet, or when all that is awaited is there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Condition, Thread

from inference.domain.about import about
from inference.domain.errors import RepositoryUnavailable
from inference.domain.study import Study
from inference.intake.rules import RuleBook
from inference.ports import Clock, Index

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 1.0  # seconds; another process may receive, and cannot wake us


class Stability:
    """`Service` that closes the revisions that are due, and enqueues their Jobs.

    When a Study is due stands in the index, so nothing is forgotten over a restart, and
    several of these may run at once. `on_stable` is called after each revision; it must
    return at once and not raise.

    A Study that a rule waits for is complete early only the first time. What comes later
    waits for quiet, or each late image of a burst would make a revision of its own.
    """

    def __init__(
        self,
        index: Index,
        rulebook: RuleBook,
        clock: Clock,
        on_stable: Callable[[], None] | None = None,
    ) -> None:
        self._index = index
        self._rulebook = rulebook
        self._clock = clock
        self._on_stable = on_stable or (lambda: None)
        self._condition = Condition()
        self._woken = False
        self._stopping = False
        self._thread: Thread | None = None
        self._next_due: datetime | None = None
        self._looked_at: dict[str, int] = {}  # Instances when last found incomplete

    @property
    def name(self) -> str:
        return "stability"

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        self._stopping = False
        self._thread = Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        """Say that a Study changed. Never blocks."""
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def tick(self) -> int:
        """Close what is due now; return how many revisions that made.

        Raises `RepositoryUnavailable`.
        """
        now = self._clock.now()
        receiving = self._index.receiving()
        self._next_due = min(
            (each.quiet_until for each in receiving if each.quiet_until > now), default=None
        )
        kept = {each.study_instance_uid for each in receiving}
        self._looked_at = {uid: n for uid, n in self._looked_at.items() if uid in kept}
        closed = 0
        for study in receiving:
            with about(study.study_instance_uid):
                try:
                    closed += self._close(study, now)
                except RepositoryUnavailable:
                    raise
                except Exception:  # boundary: one Study must not hold up the others
                    # It stays in state receiving, where `wetread status` shows it.
                    _log.exception("cannot make Study %s stable", study.study_instance_uid)
        return closed

    def _close(self, study: Study, now: datetime) -> bool:
        if study.quiet_until > now and not self._may_be_complete(study):
            return False
        instances = self._index.instances(study.study_instance_uid)
        if study.quiet_until > now and not self._rulebook.is_complete(instances):
            self._looked_at[study.study_instance_uid] = study.instances
            return False
        requests = self._rulebook.requests(study, instances)
        # False where an Instance arrived since `study` was read: its quiet period is new.
        if not self._index.close_revision(study, requests, now):
            return False
        _log.info(
            "Study %s is stable: revision %d, %d Instances, %d Jobs",
            study.study_instance_uid,
            study.revision + 1,
            study.instances,
            len(requests),
        )
        self._on_stable()
        return True

    def _may_be_complete(self, study: Study) -> bool:
        return (
            self._rulebook.awaits
            and study.revision == 0
            and self._looked_at.get(study.study_instance_uid) != study.instances
        )

    def _run(self) -> None:
        while not self._stopping:
            with self._condition:
                self._woken = False
            try:
                self.tick()
            except Exception as error:  # boundary: the thread goes on
                # Nothing was lost: the Studies are still due, and the next tick finds them.
                self._next_due = None
                _log.error("cannot look for stable Studies: %s", error)
            with self._condition:
                self._condition.wait_for(
                    lambda: self._woken or self._stopping, timeout=self._pause()
                )

    def _pause(self) -> float:
        """Return the seconds until the next Study is due."""
        if self._next_due is None:
            return _LONGEST_PAUSE
        due_in = (self._next_due - self._clock.now()).total_seconds()
        return min(max(due_in, 0.0), _LONGEST_PAUSE)
