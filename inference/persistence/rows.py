"""What rows of the index stand for: Studies, Instances, incidents."""

from __future__ import annotations

from typing import Any

from inference.domain.incident import Incident, Resolution
from inference.domain.instance import Attributes, Description, Instance, Origin, Priority
from inference.domain.study import Study
from inference.persistence.codec import from_json, to_json

_LARGEST = 2**63 - 1  # of a BIGINT


def columns_of(instance: Instance) -> dict[str, Any]:
    """Return what a row of `instances` says, but for when it was received."""
    description = instance.description
    return {
        "sop_instance_uid": description.sop_instance_uid,
        "series_instance_uid": description.series_instance_uid,
        "study_instance_uid": description.study_instance_uid,
        "sop_class_uid": description.sop_class_uid,
        "transfer_syntax_uid": description.transfer_syntax_uid,
        "series_number": _sortable(instance.attributes.series_number),
        "instance_number": _sortable(instance.attributes.instance_number),
        "attributes": to_json(instance.attributes),
        "origin": to_json(instance.origin),
        "key": instance.key,
        "sha256": instance.sha256,
        "size": instance.size,
    }


def _sortable(number: int | None) -> int | None:
    # An IS of more than 12 characters is against PS3.5 Section 6.2, and must not stop us.
    return None if number is None or abs(number) > _LARGEST else number


def instance_of(row: Any) -> Instance:
    """Return the Instance of a row of `instances`."""
    return Instance(
        description=Description(
            study_instance_uid=row.study_instance_uid,
            series_instance_uid=row.series_instance_uid,
            sop_instance_uid=row.sop_instance_uid,
            sop_class_uid=row.sop_class_uid,
            transfer_syntax_uid=row.transfer_syntax_uid,
            attributes=from_json(Attributes, row.attributes),
        ),
        origin=from_json(Origin, row.origin),
        key=row.key,
        sha256=row.sha256,
        size=row.size,
    )


def study_of(row: Any) -> Study:
    """Return the Study of a row of `studies`."""
    return Study(
        study_instance_uid=row.study_instance_uid,
        state=row.state,
        revision=row.revision,
        instances=row.instances,
        priority=Priority(row.priority),
        received_at=row.received_at,
        quiet_until=row.quiet_until,
        attributes=from_json(Attributes, row.attributes),
        removed=row.removed,
        removed_at=row.removed_at,
    )


def incident_of(row: Any) -> Incident:
    """Return the Incident of a row of `incidents`."""
    return Incident(
        kind=row.kind,
        reason=row.reason,
        key=row.key,
        origin=from_json(Origin, row.origin),
        sop_instance_uid=row.sop_instance_uid,
        study_instance_uid=row.study_instance_uid,
        sha256=row.sha256,
        against=row.against,
        size=row.size,
        incident_id=row.incident_id,
        occurred_at=row.occurred_at,
        times=row.times,
        last_at=row.last_at or row.occurred_at,
        removed_at=row.removed_at,
        resolution=_resolution(row),
        compared=row.compared,
    )


def _resolution(row: Any) -> Resolution | None:
    if row.decision is None:
        return None
    return Resolution(
        row.decision, row.why, row.resolved_by, row.resolved_at, authenticated=row.authenticated
    )
