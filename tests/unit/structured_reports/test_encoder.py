"""What comes out of an encoder, the real one or the fake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from inference.domain.finding import Presence
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Result, ResultObject, Role
from inference.fakes.encoder import FakeResultEncoder
from inference.ports import EncodedObject, Evidence, ResultEncoder
from structured_reports.encoder import DicomResultEncoder
from tests.support.series import DETECTOR, boxed, classified, segmented, with_heat
from tests.support.sources import (
    MANIFEST,
    assessed,
    evidence_of,
    finding_of,
    not_assessed,
    write_raw,
)
from tests.unit.structured_reports.conftest import IDENTITY, read

_MADE = (
    Role.REPORT, Role.OVERLAY, Role.SEGMENTATION, Role.PARAMETRIC_MAP, Role.KEY_OBJECTS,
)  # fmt: skip


@pytest.fixture(params=["dicom", "fake"])
def either(request: pytest.FixtureRequest) -> ResultEncoder:
    return _encoder(request.param)


def _encoder(kind: str, roles: frozenset[Role] = frozenset(Role)) -> ResultEncoder:
    if kind == "dicom":
        return DicomResultEncoder(software_version="0.1.0", roles=roles)
    return FakeResultEncoder(roles=roles)


def _assessed(*evidence: Evidence) -> Result:
    return assessed(evidence[0].instance, [finding_of(each.instance) for each in evidence])


def test_a_report_an_overlay_and_a_heat_map_for_each_picture(
    either: ResultEncoder, evidence: Evidence, tmp_path: Path
) -> None:
    second = evidence_of(write_raw(tmp_path / "second.dcm", IDENTITY))
    objects = either.encode(_assessed(evidence, second), MANIFEST, [evidence, second], None)
    assert [each.role for each in objects] == [
        Role.REPORT, Role.OVERLAY, Role.OVERLAY, Role.PARAMETRIC_MAP, Role.PARAMETRIC_MAP,
    ]  # fmt: skip
    assert len({each.sop_instance_uid for each in objects}) == 5
    assert objects[1].series_instance_uid == objects[2].series_instance_uid
    assert objects[0].series_instance_uid != objects[1].series_instance_uid


def _kinds(objects: Sequence[EncodedObject]) -> list[tuple[Role, str]]:
    return [(each.role, each.sop_class_uid) for each in objects]


@pytest.mark.parametrize("case", ["segmented", "classified", "boxed", "nothing marked"])
def test_both_make_the_same_kinds(case: str, evidence: Evidence, tmp_path: Path) -> None:
    seen: Sequence[Evidence] = [evidence]
    findings = boxed(evidence, (1, 1, 8, 8), (4, 4, 12, 12))
    manifest = DETECTOR
    if case == "segmented":
        seen, findings, manifest = segmented(tmp_path)
    if case == "classified":
        seen, findings, manifest = classified(tmp_path)
    if case == "nothing marked":
        seen, findings, manifest = segmented(tmp_path)
        seen = [
            replace(each, masks={name: mask & False for name, mask in each.masks.items()})
            for each in seen
        ]
        findings = [replace(each, presence=Presence.ABSENT) for each in findings]
    result = assessed(seen[0].instance, findings)
    real, fake = (
        _kinds(_encoder(kind).encode(result, manifest, seen, None)) for kind in ("dicom", "fake")
    )
    assert real == fake
    assert [role for role, _ in real] == {
        "segmented": [Role.REPORT, Role.OVERLAY, Role.SEGMENTATION, Role.KEY_OBJECTS],
        "classified": [Role.REPORT, Role.OVERLAY, Role.PARAMETRIC_MAP, Role.KEY_OBJECTS],
        "boxed": [Role.REPORT, Role.OVERLAY, Role.PARAMETRIC_MAP],
        "nothing marked": [Role.REPORT, Role.OVERLAY],
    }[case]


@pytest.mark.parametrize("kind", ["dicom", "fake"])
@pytest.mark.parametrize("role", _MADE)
def test_courtesies_can_be_left_out(kind: str, role: Role, tmp_path: Path) -> None:
    seen, findings, manifest = segmented(tmp_path)
    seen = with_heat(seen, (4,))
    result = assessed(seen[0].instance, findings)
    objects = _encoder(kind, frozenset({role})).encode(result, manifest, seen, None)
    assert [each.role for each in objects] == list(dict.fromkeys([Role.REPORT, role]))


def test_the_report_lists_all_that_was_made(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    seen, findings, manifest = segmented(tmp_path)
    seen = with_heat(seen, (4, 5))
    report, *others = encoder.encode(assessed(seen[0].instance, findings), manifest, seen, None)
    assert [each.role for each in others] == list(_MADE[1:])
    listed = {
        instance.ReferencedSOPInstanceUID
        for study in read(report).CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert listed == {
        *(each.sop_instance_uid for each in others),
        *(each.instance.sop_instance_uid for each in seen),
    }
    numbers = {each.role: read(each).SeriesNumber for each in others}
    assert numbers == {
        Role.OVERLAY: 9001, Role.SEGMENTATION: 9002, Role.PARAMETRIC_MAP: 9003,
        Role.KEY_OBJECTS: 9004,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["dicom", "fake"])
def test_a_retry_on_a_series_is_the_same_to_the_byte(kind: str, tmp_path: Path) -> None:
    seen, findings, manifest = segmented(tmp_path)
    result = assessed(seen[0].instance, findings)
    first, second = (
        _encoder(kind).encode(result, manifest, with_heat(seen, (4, 5)), None) for _ in range(2)
    )
    assert first == second


def test_what_was_not_assessed_has_no_overlay(either: ResultEncoder, evidence: Evidence) -> None:
    refusal = Refusal(Reason.WRONG_VIEW, "View Position is LL", evidence.instance.sop_instance_uid)
    for result in (
        not_assessed(evidence.instance, [refusal]),
        not_assessed(evidence.instance, [refusal], model=None),
        not_assessed(evidence.instance, [], failed=True),
    ):
        objects = either.encode(result, MANIFEST if result.model else None, [evidence], None)
        assert [each.role for each in objects] == [Role.REPORT]


def test_a_retry_makes_the_same_objects(either: ResultEncoder, evidence: Evidence) -> None:
    first, second = (
        either.encode(_assessed(evidence), MANIFEST, [evidence], None) for _ in range(2)
    )
    assert first == second  # to the byte


def test_another_revision_makes_others(either: ResultEncoder, evidence: Evidence) -> None:
    result = _assessed(evidence)
    uids = {
        each.sop_instance_uid
        for revision in (1, 2)
        for each in either.encode(replace(result, revision=revision), MANIFEST, [evidence], None)
    }
    assert len(uids) == 6


def test_no_evidence_is_an_error(either: ResultEncoder, evidence: Evidence) -> None:
    with pytest.raises(ValueError, match="evidence"):
        either.encode(_assessed(evidence), MANIFEST, [], None)


def test_the_fake_can_fail(evidence: Evidence) -> None:
    fake = FakeResultEncoder()
    fake.error = RuntimeError("on purpose")
    with pytest.raises(RuntimeError, match="on purpose"):
        fake.encode(_assessed(evidence), MANIFEST, [evidence], None)
    assert len(fake.calls) == 1


def test_series_are_behind_all_others(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    result = _assessed(evidence)
    numbers = [
        read(each).SeriesNumber
        for revision in (1, 2)
        for each in encoder.encode(replace(result, revision=revision), MANIFEST, [evidence], None)
    ]
    assert numbers == [9000, 9001, 9003, 9010, 9011, 9013]


def test_who_and_what_is_the_source(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    for each in map(read, encoder.encode(_assessed(evidence), MANIFEST, [evidence], None)):
        assert each.PatientName == "Doe^Jane"
        assert (each.PatientID, each.PatientBirthDate, each.PatientSex) == ("P-7", "19700102", "F")
        assert each.StudyInstanceUID == evidence.instance.study_instance_uid
        assert (each.StudyDate, each.StudyTime, each.StudyID) == ("20260102", "101112", "S-7")
        assert (each.AccessionNumber, each.ReferringPhysicianName) == ("ACC 7", "Who^Doctor")
        assert each.SeriesInstanceUID != evidence.instance.series_instance_uid
        assert each.Manufacturer == "Wetread"  # by which intake knows its own results
        assert each.SoftwareVersions == "0.1.0"


def test_the_model_is_a_contributor(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    for each in map(read, encoder.encode(_assessed(evidence), MANIFEST, [evidence], None)):
        models = [
            item for item in each.ContributingEquipmentSequence
            if item.get("DeviceUID") == MANIFEST.device_uid
        ]  # fmt: skip
        assert len(models) == 1
        assert models[0].Manufacturer == MANIFEST.manufacturer
        assert models[0].ManufacturerModelName == "chest-pneumonia"
        assert models[0].SoftwareVersions == "1.2.0"
        assert models[0].PurposeOfReferenceCodeSequence[0].CodeValue == "109102"


def test_a_revision_names_what_it_replaces(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    first = _assessed(evidence)
    made = encoder.encode(first, MANIFEST, [evidence], None)
    kept = tuple(
        ResultObject(
            each.role, each.sop_class_uid, each.sop_instance_uid, each.series_instance_uid,
            first.study_instance_uid, "key",
        )
        for each in made
    )  # fmt: skip
    second = replace(first, revision=2)
    report = read(encoder.encode(second, MANIFEST, [evidence], replace(first, objects=kept))[0])
    study = report.PredecessorDocumentsSequence[0]
    assert study.StudyInstanceUID == first.study_instance_uid
    series = study.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == made[0].series_instance_uid
    assert [each.ReferencedSOPInstanceUID for each in series.ReferencedSOPSequence] == [
        made[0].sop_instance_uid
    ]
    assert "PredecessorDocumentsSequence" not in read(made[0])


def test_all_presences_and_extremes(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    for presence in Presence:
        for certainty in (0.0, 1e-12, 1 / 3, 1.0):
            finding = finding_of(evidence.instance, presence, certainty)
            result = assessed(evidence.instance, [finding])
            assert len(encoder.encode(result, MANIFEST, [evidence], None)) == 3
