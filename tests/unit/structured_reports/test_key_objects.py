"""The slices to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset

from inference.domain.finding import Finding, Presence
from inference.domain.result import Role
from inference.ports import Evidence
from structured_reports.encoder import DicomResultEncoder
from tests.support.series import SEGMENTER, classified, number_of, segmented
from tests.support.sources import assessed
from tests.unit.structured_reports.conftest import read


def _made(
    encoder: DicomResultEncoder, evidence: Sequence[Evidence], findings: Sequence[Finding]
) -> list[Dataset]:
    objects = encoder.encode(assessed(evidence[0].instance, findings), SEGMENTER, evidence, None)
    return [read(each) for each in objects if each.role is Role.KEY_OBJECTS]


def _named(made: Dataset) -> list[str]:
    return [
        str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        for item in made.ContentSequence
        if item.ValueType == "IMAGE"
    ]


def test_the_key_slices_strongest_first(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = classified(tmp_path)
    (made,) = _made(encoder, evidence, findings)
    uids = {each.instance.sop_instance_uid: number_of(each) for each in evidence}
    assert [uids[each] for each in _named(made)] == [5, 6, 2]
    title = made.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator) == ("113000", "DCM")
    (words,) = [each.TextValue for each in made.ContentSequence if each.ValueType == "TEXT"
                and each.ConceptNameCodeSequence[0].CodeValue == "113012"]  # fmt: skip
    assert words == (
        "AI result, not verified. Pneumonia: present, certainty 93.1 %. "
        "Key slices: 5 (93.1 %), 6 (90.0 %), 2 (61.0 %)."
    )
    assert made.Modality == "KO"
    listed = {
        instance.ReferencedSOPInstanceUID
        for study in made.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert listed == set(_named(made))


def test_a_slice_of_two_findings_is_named_once(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = segmented(tmp_path)
    findings[1] = replace(findings[1], slices=findings[0].slices[:2])
    (made,) = _made(encoder, evidence, findings)
    assert len(_named(made)) == len(set(_named(made))) == 3


def test_what_is_absent_is_of_no_interest(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = classified(tmp_path)
    assert _made(encoder, evidence, [replace(findings[0], presence=Presence.ABSENT)]) == []
    undetermined = replace(findings[0], presence=Presence.UNDETERMINED)
    assert len(_made(encoder, evidence, [undetermined])) == 1
