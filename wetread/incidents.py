"""Incidents as JSON: what the API answers and `wetread incidents` prints.

There is no patient data in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference.domain.incident import Incident
from inference.intake.incidents import IncidentDesk
from inference.intake.retention import Retention
from wetread.bootstrap import Stores


def build_desk(stores: Stores) -> IncidentDesk:
    retention = Retention(stores.removals, stores.archive, stores.clock)
    return IncidentDesk(stores.incidents, retention, stores.clock)


def describe_incident(incident: Incident) -> dict[str, Any]:
    said = incident.resolution
    return {
        "incident": incident.incident_id,
        "state": incident.state.value,
        "kind": incident.kind.value,
        "reason": incident.reason,
        "occurred_at": incident.occurred_at.isoformat() if incident.occurred_at else None,
        "times": incident.times,
        "last_at": incident.last_at.isoformat() if incident.last_at else None,
        "source": incident.origin.source.value,
        "calling_ae": incident.origin.calling_ae,
        "called_ae": incident.origin.called_ae,
        "study_instance_uid": incident.study_instance_uid or None,
        "sop_instance_uid": incident.sop_instance_uid or None,
        "sha256": incident.sha256 or None,
        "archived_sha256": incident.against or None,
        "bytes": incident.size,
        "key": incident.key or None,
        "removed_at": incident.removed_at.isoformat() if incident.removed_at else None,
        "resolution": {
            "decision": said.decision.value,
            "why": said.why,
            "who": said.who,
            "authenticated": said.authenticated,
            "at": said.at.isoformat(),
        }
        if said
        else None,
    }


def bytes_of(stores: Stores, incident: Incident) -> Path | None:
    """Return where the bytes lie; None where they were removed."""
    if not incident.key:
        return None
    path = stores.archive.path(incident.key)
    return path if path.is_file() else None
