"""The content of the report, checked against the templates of PS3.16."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence, Region
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Result
from inference.ports import Evidence
from structured_reports.encoder import DicomResultEncoder
from tests.support.sources import (
    MANIFEST,
    assessed,
    evidence_of,
    finding_of,
    not_assessed,
    outline,
    write_raw,
)
from tests.support.tid1500 import dcm, template, violations
from tests.unit.structured_reports.conftest import IDENTITY, read

_MEASURED = dcm("126000")
_NOT_ASSESSED = ("NOTASSESSED", "99WETREAD")
_EFFUSION = Code("60046008", "SCT", "Pleural effusion")


def _report(encoder: DicomResultEncoder, result: Result, *evidence: Evidence) -> Dataset:
    manifest = MANIFEST if result.model else None
    return read(encoder.encode(result, manifest, list(evidence), None)[0])


def _groups(report: Dataset) -> list[Dataset]:
    container = next(
        each
        for each in report.ContentSequence
        if each.ConceptNameCodeSequence[0].CodeValue == "126010"
    )
    return list(container.ContentSequence)


def _named(container: Dataset, value: str) -> list[Dataset]:
    return [
        each
        for each in container.ContentSequence
        if each.ConceptNameCodeSequence[0].CodeValue == value
    ]


def _doubt(reason: Reason, detail: str, evidence: Evidence) -> Refusal:
    return Refusal(reason, detail, evidence.instance.sop_instance_uid)


@pytest.mark.parametrize("presence", Presence)
def test_findings_follow_tid_1500(
    encoder: DicomResultEncoder, evidence: Evidence, presence: Presence
) -> None:
    doubts = [
        _doubt(Reason.AGE_UNKNOWN, "no age", evidence),
        _doubt(Reason.VIEW_UNKNOWN, "no view", evidence),
    ]
    findings = [
        finding_of(
            evidence.instance, presence, doubts=doubts if presence is Presence.UNDETERMINED else ()
        ),
        finding_of(
            evidence.instance, Presence.ABSENT, 0.1, region=outline(16, 16), finding=_EFFUSION
        ),
    ]
    report = _report(encoder, assessed(evidence.instance, findings), evidence)
    assert violations(report, template(measured=True, refused=False), _MEASURED) == []
    assert len(_groups(report)) == 2


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_follows_tid_1500(
    encoder: DicomResultEncoder, evidence: Evidence, reason: Reason
) -> None:
    result = not_assessed(evidence.instance, [_doubt(reason, "a sentence", evidence)])
    report = _report(encoder, result, evidence)
    assert violations(report, template(measured=False, refused=True), _NOT_ASSESSED) == []
    result = dataclasses.replace(result, model=None)
    report = _report(encoder, result, evidence)
    rows = template(measured=False, refused=True, by_model=False)
    assert violations(report, rows, _NOT_ASSESSED) == []


def test_a_partial_assessment_states_both(
    encoder: DicomResultEncoder, evidence: Evidence, tmp_path: Path
) -> None:
    second = evidence_of(write_raw(tmp_path / "second.dcm", IDENTITY))
    refusal = _doubt(Reason.WRONG_VIEW, "View Position is LL", second)
    result = assessed(evidence.instance, [finding_of(evidence.instance)], [refusal])
    report = _report(encoder, result, evidence, second)
    assert violations(report, template(measured=True, refused=True), _MEASURED) == []
    said = _named(report, "C0034375")[0]
    assert _named(said, "111065")[0].ConceptCodeSequence[0].CodeValue == "111223"
    reason = _named(said, "WHYNOT")[0]
    assert reason.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == (
        second.instance.sop_instance_uid
    )


def test_the_checker_sees_what_is_wrong(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    rows = template(measured=True, refused=False)

    def spoilt(spoil: str) -> list[str]:
        report = _report(
            encoder, assessed(evidence.instance, [finding_of(evidence.instance)]), evidence
        )
        group = _groups(report)[0]
        match spoil:
            case "no region":
                group.ContentSequence = [
                    each for each in group.ContentSequence if each.ValueType != "SCOORD"
                ]
            case "unit":
                measured = _named(group, "111012")[0].MeasuredValueSequence[0]
                measured.MeasurementUnitsCodeSequence[0].CodeValue = "1"
            case "relationship":
                group.ContentSequence[0].RelationshipType = "CONTAINS"
            case "presence":
                _named(group, "233604007")[0].ConceptCodeSequence[0].CodeValue = "1"
            case "extra":
                report.ContentSequence.append(report.ContentSequence[0])
            case "template":
                report.ContentTemplateSequence[0].TemplateIdentifier = "2000"
            case "title":
                report.ConceptNameCodeSequence[0].CodeValue = "1"
        return violations(report, rows, _MEASURED)

    assert spoilt("nothing") == []
    assert len(spoilt("no region")) == 2  # the template's, and what OHIF makes of it
    for spoil in ("unit", "relationship", "presence", "extra", "template", "title"):
        assert len(spoilt(spoil)) == 1, spoil


def test_flags(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    report = _report(
        encoder, assessed(evidence.instance, [finding_of(evidence.instance)]), evidence
    )
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34"
    assert report.CompletionFlag == "COMPLETE"
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.PreliminaryFlag == "PRELIMINARY"
    assert report.SpecificCharacterSet == "ISO_IR 192"


def test_the_numbers(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    finding = finding_of(evidence.instance, certainty=0.87349)
    group = _groups(_report(encoder, assessed(evidence.instance, [finding]), evidence))[0]
    assert float(_named(group, "111012")[0].MeasuredValueSequence[0].NumericValue) == 87.35
    assert [each.TextValue for each in _named(group, "111002")] == [
        "threshold=0.5",
        f"weights_sha256={MANIFEST.weights_sha256}",
        "calibration=temperature 1.37",
    ]


def _graphic_data(encoder: DicomResultEncoder, finding: Finding, evidence: Evidence) -> list[float]:
    group = _groups(_report(encoder, assessed(evidence.instance, [finding]), evidence))[0]
    return [float(each) for each in _named(group, "111030")[0].GraphicData]


def test_a_region_is_moved_from_pixel_centres_to_corners(
    encoder: DicomResultEncoder, evidence: Evidence
) -> None:
    """PS3.3 C.18.6.1.2: 0\\0 is the top left corner of the top left pixel."""
    region = Region(((0, 0), (3, 0), (3, 20)))  # 20 is outside of 16 rows
    finding = finding_of(evidence.instance, region=region)
    assert _graphic_data(encoder, finding, evidence) == [0.5, 0.5, 3.5, 0.5, 3.5, 16, 0.5, 0.5]


def test_no_polygon_becomes_the_image(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    finding = finding_of(evidence.instance, region=Region(((1, 1),)))
    data = _graphic_data(encoder, finding, evidence)
    assert data == [0.5, 0.5, 15.5, 0.5, 15.5, 15.5, 0.5, 15.5, 0.5, 0.5]


def test_a_frame_is_named_only_where_there_are_many(
    encoder: DicomResultEncoder, evidence: Evidence
) -> None:
    finding = finding_of(evidence.instance)
    group = _groups(_report(encoder, assessed(evidence.instance, [finding]), evidence))[0]
    reference = _named(group, "111030")[0].ContentSequence[0].ReferencedSOPSequence[0]
    assert "ReferencedFrameNumber" not in reference
    attributes = dataclasses.replace(evidence.instance.attributes, frames=5)
    description = dataclasses.replace(evidence.instance.description, attributes=attributes)
    many = dataclasses.replace(
        evidence, instance=dataclasses.replace(evidence.instance, description=description)
    )
    finding = dataclasses.replace(finding, frame=3)
    group = _groups(_report(encoder, assessed(many.instance, [finding]), many))[0]
    reference = _named(group, "111030")[0].ContentSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedFrameNumber == 3


def test_evidence_is_every_source_and_every_overlay(
    encoder: DicomResultEncoder, evidence: Evidence, tmp_path: Path
) -> None:
    second = evidence_of(write_raw(tmp_path / "second.dcm", IDENTITY))
    objects = encoder.encode(
        assessed(evidence.instance, [finding_of(evidence.instance)]),
        MANIFEST,
        [second, evidence],
        None,
    )
    listed = {
        instance.ReferencedSOPInstanceUID
        for study in read(objects[0]).CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert listed >= {
        evidence.instance.sop_instance_uid,
        objects[1].sop_instance_uid,
    }


def test_many_refusals_of_one_kind_are_one_sentence(
    encoder: DicomResultEncoder, evidence: Evidence, tmp_path: Path
) -> None:
    slices = [evidence_of(write_raw(tmp_path / f"{n}.dcm", IDENTITY)) for n in range(3)]
    refusals = [_doubt(Reason.WRONG_MODALITY, "Modality is CT", each) for each in slices]
    report = _report(encoder, not_assessed(slices[0].instance, refusals), *slices)
    said = _named(report, "C0034375")[0]
    assert [each.TextValue for each in _named(said, "121106")] == ["Modality is CT (3 images)"]
    assert len(_named(said, "WHYNOT")[0].ContentSequence) == 3


@pytest.mark.parametrize(("failed", "status"), [(False, "111225"), (True, "111224")])
def test_never_silent(
    encoder: DicomResultEncoder, evidence: Evidence, failed: bool, status: str
) -> None:
    report = _report(encoder, not_assessed(evidence.instance, [], failed=failed), evidence)
    said = _named(report, "C0034375")[0]
    assert _named(said, "111065")[0].ConceptCodeSequence[0].CodeValue == status
    assert len(_named(said, "WHYNOT")) == 1
    assert "no AI finding" in _named(said, "121111")[0].TextValue
    assert "NOT ASSESSED" in report.SeriesDescription
