"""A `ResultEncoder` that writes no DICOM."""

from __future__ import annotations

import json
from collections.abc import Sequence

from inference.domain.manifest import Manifest
from inference.domain.result import Result, Role
from inference.domain.uid import derive_uid
from inference.ports import EncodedObject, Evidence

_COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"  # PS3.4 Annex B.5
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


class FakeResultEncoder:
    """Makes as many objects as the real one, with UIDs as stable; `part10` is JSON.

    `error`, once set, is raised by the next calls. `calls` are the Results that came in.
    """

    def __init__(self) -> None:
        self.calls: list[Result] = []
        self.error: Exception | None = None

    def encode(
        self,
        result: Result,
        manifest: Manifest | None,
        evidence: Sequence[Evidence],
        predecessor: Result | None,
    ) -> Sequence[EncodedObject]:
        self.calls.append(result)
        if self.error is not None:
            raise self.error
        if not evidence:
            raise ValueError("a result needs at least one Instance as its evidence")
        found = {each.sop_instance_uid for each in result.findings}
        pictured = [
            each.instance.sop_instance_uid
            for each in evidence
            if each.picture is not None and each.instance.sop_instance_uid in found
        ]
        return [
            _object(result, Role.REPORT, "", predecessor),
            *(_object(result, Role.OVERLAY, uid, None) for uid in pictured),
        ]


def _object(result: Result, role: Role, source: str, predecessor: Result | None) -> EncodedObject:
    parts = (result.study_instance_uid, result.revision, str(result.model), role.value)
    said = {
        "role": role.value,
        "source": source,
        "outcome": result.outcome.value,
        "findings": [each.finding.meaning for each in result.findings],
        "refusals": [each.reason.value for each in result.refusals],
        "predecessor": predecessor.revision if predecessor else None,
    }
    return EncodedObject(
        role=role,
        sop_class_uid=_COMPREHENSIVE_3D_SR if role is Role.REPORT else _SECONDARY_CAPTURE,
        sop_instance_uid=derive_uid(*parts, source),
        series_instance_uid=derive_uid(*parts, "series"),
        part10=json.dumps(said, sort_keys=True).encode(),
    )
