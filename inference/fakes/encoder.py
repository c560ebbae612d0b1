"""A `ResultEncoder` that writes no DICOM."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from inference.domain.finding import Finding, Presence
from inference.domain.manifest import Manifest
from inference.domain.result import Result, Role
from inference.domain.uid import derive_uid
from inference.ports import EncodedObject, Evidence

_SOP_CLASSES = {  # PS3.4 Annex B.5
    Role.REPORT: "1.2.840.10008.5.1.4.1.1.88.34",
    Role.OVERLAY: "1.2.840.10008.5.1.4.1.1.7",
    Role.SEGMENTATION: "1.2.840.10008.5.1.4.1.1.66.4",
    Role.PARAMETRIC_MAP: "1.2.840.10008.5.1.4.1.1.30",
    Role.KEY_OBJECTS: "1.2.840.10008.5.1.4.1.1.88.59",
}
_MULTI_FRAME_TRUE_COLOR = "1.2.840.10008.5.1.4.1.1.7.4"


class FakeResultEncoder:
    """Makes as many objects as the real one, with UIDs as stable; `part10` is JSON.

    It takes every Series for a stack, and every heat map for one of its picture's size.
    `error`, once set, is raised by the next calls. `calls` are the Results that came in.
    """

    def __init__(self, *, roles: frozenset[Role] = frozenset(Role)) -> None:
        self.calls: list[Result] = []
        self.error: Exception | None = None
        self._roles = roles

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
        about = list(_subjects(result, evidence))
        made = [
            (role, uid, is_series)
            for role in Role
            if role in self._roles
            for uid, is_series, findings, seen in about
            if _has(role, manifest, is_series, findings, seen)
        ]
        keys = [each for each in made if each[0] is Role.KEY_OBJECTS][:1]
        others = [each for each in made if each[0] is not Role.KEY_OBJECTS]
        return [
            _object(result, Role.REPORT, "", False, predecessor),
            *(_object(result, *each, None) for each in others),
            *(_object(result, role, "", False, None) for role, _, _ in keys),
        ]


def _subjects(
    result: Result, evidence: Sequence[Evidence]
) -> Iterator[tuple[str, bool, list[Finding], list[Evidence]]]:
    """Yield each Series and each image that has findings, with its evidence."""
    series = dict.fromkeys(each.instance.series_instance_uid for each in evidence)
    for uid in series:
        findings = [each for each in result.findings if each.series_instance_uid == uid]
        if findings:
            seen = [each for each in evidence if each.instance.series_instance_uid == uid]
            yield uid, True, findings, seen
    for each in evidence:
        uid = each.instance.sop_instance_uid
        findings = [
            one
            for one in result.findings
            if not one.series_instance_uid and one.sop_instance_uid == uid
        ]
        if findings:
            yield uid, False, findings, [each]


def _has(
    role: Role,
    manifest: Manifest | None,
    is_series: bool,
    findings: Sequence[Finding],
    seen: Sequence[Evidence],
) -> bool:
    """Is there something to say in `role`?"""
    keys = {
        uid
        for finding in findings
        for uid in (
            [each.sop_instance_uid for each in finding.slices] or [finding.sop_instance_uid]
        )
    }
    match role:
        case Role.OVERLAY:
            return any(
                each.picture is not None and each.instance.sop_instance_uid in keys for each in seen
            )
        case Role.SEGMENTATION:
            return any(
                bool(each.masks[finding.output].any())
                for each in seen
                for finding in findings
                if finding.output in each.masks
            )
        case Role.PARAMETRIC_MAP:
            return manifest is not None and any(each.heat_map is not None for each in seen)
        case Role.KEY_OBJECTS:
            return is_series and any(each.presence is not Presence.ABSENT for each in findings)
        case _:
            return False


def _object(
    result: Result, role: Role, source: str, is_series: bool, predecessor: Result | None
) -> EncodedObject:
    parts = (result.study_instance_uid, result.revision, str(result.model), role.value)
    said = {
        "role": role.value,
        "source": source,
        "outcome": result.outcome.value,
        "findings": [each.finding.meaning for each in result.findings],
        "refusals": [each.reason.value for each in result.refusals],
        "predecessor": predecessor.revision if predecessor else None,
    }
    many = is_series and role is Role.OVERLAY
    return EncodedObject(
        role=role,
        sop_class_uid=_MULTI_FRAME_TRUE_COLOR if many else _SOP_CLASSES[role],
        sop_instance_uid=derive_uid(*parts, source),
        series_instance_uid=derive_uid(*parts, "series"),
        part10=json.dumps(said, sort_keys=True).encode(),
    )
