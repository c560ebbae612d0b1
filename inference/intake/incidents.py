"""The desk at which people say what became of bytes that were set aside."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from inference.domain.about import about
from inference.domain.errors import IncidentResolved, InvalidResolution, UnknownIncident
from inference.domain.incident import (
    Comparison,
    Decision,
    Incident,
    Resolution,
    check_resolution,
)
from inference.intake.comparing import Evidence
from inference.intake.retention import Retention
from inference.ports import Clock, Incidents

_log = logging.getLogger(__name__)


class IncidentDesk:
    """Resolves incidents. What the archive holds is never changed by it.

    `retention` removes the files of what is let go; `evidence` says what is the same image.
    """

    def __init__(
        self, incidents: Incidents, retention: Retention, clock: Clock, evidence: Evidence
    ) -> None:
        self._incidents = incidents
        self._retention = retention
        self._clock = clock
        self._evidence = evidence

    def find(self, incident_id: int) -> Incident:
        """Raises `UnknownIncident`."""
        found = self._incidents.incident(incident_id)
        if found is None:
            raise UnknownIncident(f"there is no incident {incident_id}")
        return found

    def resolve(
        self,
        incident_id: int,
        decision: Decision,
        why: str,
        who: str,
        *,
        authenticated: bool = False,
        remove: bool = False,
    ) -> Incident:
        """Keep the decision and return the incident with it.

        `Decision.SAME` is a promise to who sends these bytes again, so both images are compared
        first. With `remove` the bytes go at once, unless an open incident has the same. Raises
        `UnknownIncident`, `IncidentResolved` or `InvalidResolution`.
        """
        incident = self.find(incident_id)
        if incident.resolution is not None:
            raise IncidentResolved(f"incident {incident_id} is resolved already")
        resolution = Resolution(
            decision, why.strip(), who.strip(), self._clock.now(), authenticated=authenticated
        )
        check_resolution(incident, resolution)
        if decision is Decision.SAME:
            self._check_same(incident)
        with about(incident.study_instance_uid):
            if not self._incidents.resolve(incident_id, resolution):
                raise IncidentResolved(f"incident {incident_id} is resolved already")
            _log.info("incident %d resolved: %s", incident_id, decision)
            if remove:
                self.remove([incident_id])
        return self.find(incident_id)

    def _check_same(self, incident: Incident) -> None:
        files = self._evidence.files(incident)
        if files is None or self._evidence.weigh(files) is not Comparison.SAME:
            raise InvalidResolution(
                f"incident {incident.incident_id} was compared with what the archive holds, and "
                "cannot be called the same image: say kept, resent or dismissed"
            )

    def settled(self, before: datetime) -> Sequence[int]:
        """Return the incidents, resolved before, whose bytes nothing refers to any more."""
        return self._incidents.settled(before)

    def remove(self, incident_ids: Sequence[int]) -> int:
        """Remove the bytes of resolved incidents; return of how many."""
        if not incident_ids:
            return 0
        self._retention.finish()
        removed = self._incidents.remove(incident_ids, self._clock.now())
        self._retention.finish()
        return removed
