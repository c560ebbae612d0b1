"""Incidents as JSON: what the API answers and `wetread incidents` prints.

There is no patient data in it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.domain.incident import Comparison, Incident, IncidentKind
from inference.intake.comparing import Evidence
from inference.intake.incidents import IncidentDesk
from inference.intake.retention import Retention
from wetread.bootstrap import Stores

_COMPARED = {
    None: "not yet",
    Comparison.BEGUN: "begun, and not ended",
    Comparison.SAME: "the same image, encoded otherwise",
    Comparison.DIFFERS: "they differ",
    Comparison.FAILED: "not known for sure to be the same image",
}


def say_compared(incident: Incident) -> str:
    """Return what came of comparing it with what is archived, "" where nothing is."""
    return _COMPARED[incident.compared] if incident.kind is IncidentKind.CONFLICT else ""


class LazyComparer:
    """`ImageComparer` that imports decoders when there is something to decode."""

    def compare(self, archived: Path, aside: Path, stopping: Callable[[], bool]) -> Comparison:
        from dicom_node.pixels.sameness import DicomImageComparer

        return DicomImageComparer().compare(archived, aside, stopping)


def build_evidence(stores: Stores) -> Evidence:
    return Evidence(stores.index, stores.archive, LazyComparer())


def build_desk(stores: Stores) -> IncidentDesk:
    retention = Retention(stores.removals, stores.archive, stores.clock)
    return IncidentDesk(stores.incidents, retention, stores.clock, build_evidence(stores))


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
        "compared": incident.compared.value if incident.compared else None,
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
