"""The desk at which people say what became of bytes that were set aside."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from inference.domain.about import about
from inference.domain.errors import IncidentResolved, UnknownIncident
from inference.domain.incident import Decision, Incident, Resolution, check_resolution
from inference.intake.retention import Retention
from inference.ports import Clock, Incidents

_log = logging.getLogger(__name__)


class IncidentDesk:
    """Resolves incidents. What the archive holds is never changed by it.

    `retention` removes the files of what is let go.
    """

    def __init__(self, incidents: Incidents, retention: Retention, clock: Clock) -> None:
        self._incidents = incidents
        self._retention = retention
        self._clock = clock

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

        With `remove` the bytes go at once, unless an open incident has the same. Raises
        `UnknownIncident`, `IncidentResolved` or `InvalidResolution`.
        """
        incident = self.find(incident_id)
        if incident.resolution is not None:
            raise IncidentResolved(f"incident {incident_id} is resolved already")
        resolution = Resolution(
            decision, why.strip(), who.strip(), self._clock.now(), authenticated=authenticated
        )
        check_resolution(incident, resolution)
        with about(incident.study_instance_uid):
            if not self._incidents.resolve(incident_id, resolution):
                raise IncidentResolved(f"incident {incident_id} is resolved already")
            _log.info("incident %d resolved: %s", incident_id, decision)
            if remove:
                self.remove([incident_id])
        return self.find(incident_id)

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
