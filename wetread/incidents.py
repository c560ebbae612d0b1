"""Incidents as JSON: what the API answers and `wetread incidents` prints.

There is no patient data in it unless values are asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dicom_node.archive.difference import Difference, compare
from inference.domain.errors import UnreadableInstance
from inference.domain.incident import Incident, IncidentKind
from inference.intake.incidents import IncidentDesk
from inference.intake.retention import Retention
from wetread.bootstrap import Stores, SystemClock


def build_desk(stores: Stores) -> IncidentDesk:
    retention = Retention(stores.removals, stores.archive, SystemClock())
    return IncidentDesk(stores.incidents, retention, SystemClock())


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


def describe_difference(
    stores: Stores, incident: Incident, *, values: bool = False
) -> dict[str, Any]:
    """Return how what was set aside differs from what the archive holds under the same UID.

    `comparable` is False where there is nothing to compare, and `detail` says why.
    """
    try:
        found = _compare(stores, incident, values)
    except UnreadableInstance as error:
        found = str(error)
    if isinstance(found, str):
        return {
            "comparable": False,
            "detail": found,
            "pixels": None,
            "transfer_syntaxes": None,
            "attributes": [],
        }
    archived, aside = found.transfer_syntaxes
    return {
        "comparable": True,
        "detail": _summary(found),
        "pixels": found.pixels,
        "transfer_syntaxes": {"archived": archived, "set_aside": aside},
        "attributes": [
            {
                "path": list(each.path),
                "tag": each.tag,
                "keyword": each.keyword or None,
                "change": each.change.value,
                "archived": each.first,
                "set_aside": each.other,
            }
            for each in found.attributes
        ],
    }


def bytes_of(stores: Stores, incident: Incident) -> Path | None:
    """Return where the bytes lie; None where they were removed."""
    if not incident.key:
        return None
    path = stores.archive.path(incident.key)
    return path if path.is_file() else None


def _compare(stores: Stores, incident: Incident, values: bool) -> Difference | str:
    if incident.kind is not IncidentKind.CONFLICT:
        return "it is not readable, so there is nothing to compare it with"
    aside = bytes_of(stores, incident)
    if aside is None:
        return "its bytes were removed"
    held = stores.index.find(incident.sop_instance_uid)
    archived = stores.archive.path(held.key) if held else None
    if archived is None or not archived.is_file():
        return "the archive holds no Instance of this UID any more"
    return compare(archived, aside, values=values)


def _summary(found: Difference) -> str:
    count = len(found.attributes)
    if not count:
        return "every attribute is the same; only how they are encoded differs"
    attributes = f"{count} attribute differs" if count == 1 else f"{count} attributes differ"
    if not found.pixels:
        return f"{attributes}; the pixels are the same"
    if len(set(found.transfer_syntaxes)) > 1:
        return f"{attributes}, pixels among them, which are encoded otherwise"
    return f"{attributes}, pixels among them"
