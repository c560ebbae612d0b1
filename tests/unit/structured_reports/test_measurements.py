"""What is measured, and where a report puts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.domain.finding import Finding, Measurement, Presence, Quantity
from inference.domain.manifest import Manifest
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Role
from inference.ports import Evidence
from structured_reports.encoder import DicomResultEncoder
from structured_reports.text import report_as_text
from tests.support.series import (
    DETECTOR,
    SEGMENTER,
    boxed,
    classified,
    segmented,
    series_finding,
    slices_of,
    with_masks,
)
from tests.support.sources import assessed, finding_of
from tests.support.tid1500 import dcm, template, violations
from tests.unit.structured_reports.conftest import read

_ROWS = template(measured=True, refused=False)
_TITLE = dcm("126000")


def _objects(
    encoder: DicomResultEncoder,
    evidence: Sequence[Evidence],
    findings: Sequence[Finding],
    manifest: Manifest = SEGMENTER,
) -> tuple[Dataset, hd.sr.Comprehensive3DSR, Dataset | None, str]:
    """Return the report, by pydicom and by highdicom, the segmentation, the report as text."""
    objects = encoder.encode(assessed(evidence[0].instance, findings), manifest, evidence, None)
    masks = [read(each) for each in objects if each.role is Role.SEGMENTATION]
    report = hd.sr.srread(BytesIO(objects[0].part10))
    text = report_as_text(objects[0].part10)
    return read(objects[0]), report, masks[0] if masks else None, text


def _numbers(group: Dataset) -> dict[str, float]:
    return {
        each.ConceptNameCodeSequence[0].CodeValue: float(each.MeasuredValueSequence[0].NumericValue)
        for each in group.ContentSequence
        if each.ValueType == "NUM"
    }


def test_a_series_has_its_volume_on_the_segment(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    evidence, findings, _ = segmented(tmp_path)
    report, parsed, masks, text = _objects(encoder, evidence, findings)
    assert violations(report, _ROWS, _TITLE) == []
    assert masks is not None
    groups = parsed.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == len(findings)
    for number, (group, finding) in enumerate(zip(groups, findings, strict=True), start=1):
        segment = group.referenced_segment
        assert segment.referenced_sop_instance_uid == masks.SOPInstanceUID
        assert segment.referenced_segment_numbers == [number]
        assert segment.source_series_for_segmentation.value == finding.series_instance_uid
        (volume,) = group.get_measurements()
        assert volume.name == hd.sr.CodedConcept("118565006", "SCT", "Volume")
        assert volume.unit == hd.sr.CodedConcept("mL", "UCUM", "milliliter")
        assert volume.value == pytest.approx(finding.measurements[0].value)
        assert group.tracking_uid == masks.SegmentSequence[number - 1].TrackingUID
    planar = parsed.content.get_planar_roi_measurement_groups()
    assert [each.tracking_uid for each in planar] == [each.tracking_uid for each in groups]
    assert text.count("Finding ") == 2
    assert "Volume        0.9506 mL" in text
    assert "Key slices    4 (97.0 %), 5 (90.0 %), 3 (88.0 %)" in text
    assert f"{masks.SOPInstanceUID}, segment 2" in text


def test_an_image_has_its_area_on_the_frame(
    encoder: DicomResultEncoder, evidence: Evidence
) -> None:
    mask = np.zeros((16, 16), np.bool_)
    mask[4:8, 4:8] = True
    masked = replace(evidence, masks={"consolidation": mask})
    finding = replace(
        finding_of(evidence.instance),
        output="consolidation",
        measurements=(Measurement(Quantity.AREA, 123.456789123),),
    )
    report, parsed, masks, text = _objects(encoder, [masked], [finding])
    assert violations(report, _ROWS, _TITLE) == []
    assert masks is not None
    region, segment = parsed.content.get_planar_roi_measurement_groups()
    assert region.tracking_uid == segment.tracking_uid
    assert [each.name.value for each in region.get_measurements()] == ["111012"]
    (area,) = segment.get_measurements()
    assert (area.name.value, area.unit.value, area.value) == ("42798000", "mm2", 123.45679)
    frame = segment.referenced_segmentation_frame
    assert frame.referenced_sop_instance_uid == masks.SOPInstanceUID
    assert frame.referenced_frame_numbers == [1]
    assert "Area          123.5 mm2" in text


def test_without_a_segment_the_first_group_has_the_measurement(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    unplaced = with_masks(slices_of(tmp_path, {"FrameOfReferenceUID": None}), ("consolidation",))
    finding = series_finding(unplaced, {4: 0.9}, volume=3.25)
    report, _, masks, text = _objects(encoder, unplaced, [finding])
    assert masks is None
    assert violations(report, _ROWS, _TITLE) == []
    (group,) = report.ContentSequence[-1].ContentSequence
    assert _numbers(group) == {"111012": 90.0, "118565006": 3.25}
    assert "Volume        3.25 mL" in text


def test_both_groups_say_that_a_finding_is_undetermined(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    evidence, findings, _ = segmented(tmp_path)
    doubt = Refusal(Reason.SLICES_MISSING, "12 mm between two slices", "")
    findings = [replace(findings[0], presence=Presence.UNDETERMINED, doubts=(doubt,))]
    report, _, _, text = _objects(encoder, evidence, findings)
    assert violations(report, _ROWS, _TITLE) == []
    for group in report.ContentSequence[-1].ContentSequence:
        (said,) = [
            each.ConceptCodeSequence[0].CodeValue
            for each in group.ContentSequence
            if each.ConceptNameCodeSequence[0].CodeValue == "233604007"
        ]
        assert said == "373068000"
    assert "Undetermined  Slices missing: 12 mm between two slices" in text
    assert "Key slices    4 (97.0 %)" in text


def test_a_classified_series_names_its_key_slices(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    evidence, findings, manifest = classified(tmp_path)
    report, parsed, _, text = _objects(encoder, evidence, findings, manifest)
    assert violations(report, _ROWS, _TITLE) == []
    (group,) = parsed.content.get_planar_roi_measurement_groups()
    (certainty,) = group.get_measurements()
    assert [each.referenced_sop_instance_uid for each in certainty.referenced_images] == [
        each.sop_instance_uid for each in findings[0].slices
    ]
    assert certainty.value == 93.1
    assert "Key slices    5 (93.1 %), 6 (90.0 %), 2 (61.0 %)" in text


def test_each_box_is_a_group(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    findings = boxed(evidence, (1, 1, 8, 8), (4, 4, 12, 12))
    report, parsed, masks, _ = _objects(encoder, [evidence], findings, DETECTOR)
    assert masks is None
    assert violations(report, _ROWS, _TITLE) == []
    groups = parsed.content.get_planar_roi_measurement_groups()
    assert len({each.tracking_uid for each in groups}) == 2
    assert [each.get_measurements()[0].value for each in groups] == [90.0, 80.0]
    assert [each.roi.value[0].tolist() for each in groups] == [[1.5, 1.5], [4.5, 4.5]]


def test_the_key_slice_may_change_and_the_finding_is_tracked_on(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    evidence, _, _ = classified(tmp_path)
    first, second = (
        _objects(encoder, evidence, [series_finding(evidence, {key: 0.9})])[1]
        .content.get_planar_roi_measurement_groups()[0]
        .tracking_uid
        for key in (4, 6)
    )
    assert first == second


def test_the_checker_sees_a_group_that_is_not_drawn(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    evidence, findings, _ = segmented(tmp_path)
    report, *_ = _objects(encoder, evidence, findings)
    container = report.ContentSequence[-1]
    container.ContentSequence = container.ContentSequence[1:]
    assert any("OHIF" in each for each in violations(report, _ROWS, _TITLE))
