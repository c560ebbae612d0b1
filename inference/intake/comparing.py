"""Looks at what was set aside as a conflict: is it the same image, encoded otherwise?"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from inference.domain.about import about
from inference.domain.errors import RepositoryUnavailable
from inference.domain.incident import SYSTEM, Comparison, Decision, Incident, Resolution
from inference.ports import Clock, Files, ImageComparer, Incidents, Index

_log = logging.getLogger(__name__)

_PAUSE = 2.0  # seconds between two looks at what was set aside since
WHY = "the same image, encoded otherwise"


class Evidence:
    """Compares an incident with what it contradicts."""

    def __init__(self, index: Index, files: Files, comparer: ImageComparer) -> None:
        self._index = index
        self._files = files
        self._comparer = comparer

    def files(self, incident: Incident) -> tuple[Path, Path] | None:
        """Return what is archived and what was set aside, fetched; None unless both are there.

        None, too, where what is archived now is not what it was in conflict with. Raises
        `RepositoryUnavailable`.
        """
        held = self._index.find(incident.sop_instance_uid)
        if held is None or held.sha256 != incident.against or not incident.key:
            return None
        archived, aside = self._files.path(held.key), self._files.path(incident.key)
        return (archived, aside) if archived.is_file() and aside.is_file() else None

    def weigh(
        self, files: tuple[Path, Path], stopping: Callable[[], bool] = lambda: False
    ) -> Comparison:
        try:
            return self._comparer.compare(*files, stopping)
        except OSError:
            return Comparison.FAILED


class Comparing:
    """Implements `Service`. Each conflict is compared once, and once a start where that failed.

    What is the same image is resolved as such; all else stays open, for a person.
    """

    def __init__(self, name: str, incidents: Incidents, evidence: Evidence, clock: Clock) -> None:
        self.name = name
        self._incidents = incidents
        self._evidence = evidence
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def tick(self) -> int:
        """Compare what waits for it; return how many."""
        done = 0
        for each in self._incidents.to_compare():
            if self._stopping.is_set():
                break
            with about(each.study_instance_uid):
                done += self._compare(each)
        return done

    def _compare(self, incident: Incident) -> bool:
        try:
            # Fetched first: that the archive is away says nothing of the image.
            files = self._evidence.files(incident)
            # Kept before they are decoded: who dies of it does not do it again at once.
            if not self._incidents.begin(incident.incident_id):
                return False
        except RepositoryUnavailable as error:
            _log.warning("incident %d cannot be compared now: %s", incident.incident_id, error)
            return False
        comparison = Comparison.FAILED
        if files is not None:
            try:
                comparison = self._evidence.weigh(files, self._stopping.is_set)
            except Exception as error:  # boundary: decoders of bytes that anybody may have written
                _log.warning(
                    "incident %d cannot be compared: %s",
                    incident.incident_id,
                    type(error).__name__,
                )
        self._persist(incident, comparison)
        return True

    def _persist(self, incident: Incident, comparison: Comparison) -> None:
        number = incident.incident_id
        while True:
            try:
                if comparison is Comparison.SAME:
                    said = Resolution(
                        Decision.SAME, WHY, SYSTEM, self._clock.now(), authenticated=True
                    )
                    self._incidents.resolve(number, said)
                else:
                    self._incidents.compared(number, comparison)
                break
            except RepositoryUnavailable as error:
                _log.warning("incident %d: %s", number, error)
                if self._stopping.wait(_PAUSE):
                    return
        _log.info("incident %d compared: %s", number, comparison)

    def _run(self) -> None:
        again = True
        while not self._stopping.is_set():
            try:
                if again:
                    self._incidents.compare_again()
                    again = False
                done = self.tick()
            except Exception as error:  # boundary: the next look finds what this one has left
                _log.warning("what was set aside cannot be compared now: %s", error)
                done = 0
            if not done:
                self._stopping.wait(_PAUSE)
