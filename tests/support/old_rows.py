"""Rows as older versions wrote them: for whatever tables and columns a database has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, MetaData, Table, insert
from sqlalchemy.types import Boolean, DateTime, Integer, Numeric

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STUDY = "1.2.3"
_NAME = "Doe^Jané"
_ORIGIN = {
    "source": "dimse",
    "source_name": "MODALITY",
    "called_name": "WETREAD",
    "priority": 1,
}
_CODE = {"value": "1", "scheme": "99TEST", "meaning": "Opacity"}
_OBJECT = {
    "role": "report",
    "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.33",
    "sop_instance_uid": "2.25.1",
    "series_instance_uid": "2.25.2",
    "study_instance_uid": STUDY,
    "key": f"results/{STUDY}/2.25.1.dcm",
}
_CATALOGUED = {
    "study_instance_uid": STUDY,
    "patient_name": _NAME,
    "patient_name_key": "doe^jane",
    "modality": "DX",
    "sop_class_uid": "1.2",
    "available_transfer_syntax_uid": "1.2.840.10008.1.2.1",
}
_JOB = {
    "study_instance_uid": STUDY,
    "model_version": "1",
    "instances": ["1.1"],
    "attempts": 1,
    "fence": 1,
    "due_at": NOW,
    "priority": 1,
}

ROWS: dict[str, list[dict[str, Any]]] = {
    "studies": [
        {
            "study_instance_uid": STUDY,
            "state": "stable",
            "revision": 1,
            "instances": 1,
            "priority": 1,
            "attributes": {"patient_name": _NAME, "modality": "DX"},
        }
    ],
    "instances": [
        {
            **_CATALOGUED,
            "sop_instance_uid": "1.1",
            "series_instance_uid": f"{STUDY}.1",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "attributes": {"patient_name": _NAME, "modality": "DX"},
            "origin": _ORIGIN,
            "key": f"studies/{STUDY}/1.1.dcm",
            "sha256": "a" * 64,
            "size": 1234,
        }
    ],
    "revisions": [{"study_instance_uid": STUDY, "revision": 1, "instances": 1}],
    "jobs": [
        {**_JOB, "revision": 1, "model_name": "chest", "state": "done", "finished_at": NOW},
        {**_JOB, "revision": 1, "model_name": "late", "state": "running", "worker": "w"},
    ],
    "results": [
        {
            "job_id": 1,
            "study_instance_uid": STUDY,
            "revision": 1,
            "model_name": "chest",
            "model_version": "1",
            "outcome": "assessed",
            "findings": [
                {
                    "finding": _CODE,
                    "site": _CODE,
                    "presence": "present",
                    "certainty": 0.75,
                    "threshold": 0.5,
                    "sop_instance_uid": "1.1",
                    "region": {"points": [[0.0, 1.0]], "whole_image": True},
                }
            ],
            "refusals": [],
            "seconds": 1.5,
        }
    ],
    "result_objects": [{"result_id": 1, "position": 0, **_OBJECT}],
    "deliveries": [
        {"job_id": 1, "destination": "pacs", "state": "delivered", "objects": [_OBJECT]}
    ],
    "incidents": [{"kind": "unreadable", "key": "quarantine/1", "origin": _ORIGIN}],
    "cursors": [{"name": "orthanc:pacs", "value": 42}],
    "rollouts": [{"model_name": "chest", "number": 1, "active": "1", "fraction": 0.0}],
    "reviews": [
        {
            "job_id": 1,
            "study_instance_uid": STUDY,
            "verdict": "agree",
            "reviewer_id": "ann",
            "sop_instance_uid": "2.25.3",
            "object": _OBJECT | {"sop_instance_uid": "2.25.3", "role": "review"},
        }
    ],
    "catalog_studies": [_CATALOGUED],
    "catalog_series": [
        {
            **_CATALOGUED,
            "study": 1,
            "series_instance_uid": f"{STUDY}.1",
            "instances": 1,
            "sop_classes": ["1.2"],
        },
        {
            "study": 1,
            "series_instance_uid": "2.25.2",
            "modality": "SR",
            "instances": 1,
            "sop_classes": [_OBJECT["sop_class_uid"]],
        },
    ],
    "catalog_instances": [
        {
            **_CATALOGUED,
            "study": 1,
            "series": 1,
            "sop_instance_uid": "1.1",
            "key": f"studies/{STUDY}/1.1.dcm",
            "described": True,
        },
        {"study": 1, "series": 2, "described": True, **_OBJECT},
    ],
}


def fill(connection: Connection) -> None:
    """Insert `ROWS` where there is a table for them, by the columns that it has."""
    held = MetaData()
    held.reflect(connection)
    for table in held.sorted_tables:
        for row in ROWS.get(table.name, ()):
            connection.execute(insert(table).values(_complete(table, row)))


def _complete(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in row.items() if name in table.c}
    for column in table.c:
        numbered = column.primary_key and isinstance(column.type, Integer)
        needed = not column.nullable and column.server_default is None and not numbered
        if needed and column.name not in values:
            values[column.name] = _nothing(column.type)
    return values


def _nothing(kind: Any) -> Any:
    if isinstance(kind, DateTime):
        return NOW - timedelta(seconds=1)
    if isinstance(kind, Boolean):
        return False
    return 0 if isinstance(kind, Integer | Numeric) else ""
