"""Masks as Segmentation: what is read back is what was marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence
from inference.domain.manifest import Manifest, Scope
from inference.domain.result import Role
from inference.ports import Evidence
from structured_reports.encoder import DicomResultEncoder
from tests.support.series import (
    COLUMNS,
    ROWS,
    SEGMENTER,
    mask_of,
    number_of,
    segmented,
    series_finding,
    slices_of,
    volume_ml,
    with_masks,
    write_slice,
)
from tests.support.sources import assessed, evidence_of, finding_of, instance_of, write_raw
from tests.unit.structured_reports.conftest import IDENTITY, read


def _made(
    encoder: DicomResultEncoder,
    evidence: Sequence[Evidence],
    findings: Sequence[Finding],
    manifest: Manifest = SEGMENTER,
) -> list[hd.seg.Segmentation]:
    objects = encoder.encode(assessed(evidence[0].instance, findings), manifest, evidence, None)
    return [
        hd.seg.segread(BytesIO(each.part10)) for each in objects if each.role is Role.SEGMENTATION
    ]


def _frames(made: Dataset, segment: int) -> dict[str, np.ndarray]:
    """Return the frames of `segment` by the source that they are derived from."""
    pixels = np.atleast_3d(made.pixel_array)
    pixels = pixels if made.NumberOfFrames > 1 else made.pixel_array[None]
    found = {}
    for frame, group in zip(pixels, made.PerFrameFunctionalGroupsSequence, strict=True):
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == segment:
            source = group.DerivationImageSequence[0].SourceImageSequence[0]
            found[str(source.ReferencedSOPInstanceUID)] = frame.astype(bool)
    return found


def test_every_pixel_of_a_series_comes_back(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = segmented(tmp_path)
    (made,) = _made(encoder, evidence, findings)
    assert (made.SegmentationType, made.Rows, made.Columns) == ("BINARY", ROWS, COLUMNS)
    for segment, name in enumerate(("consolidation", "effusion"), start=1):
        frames = _frames(made, segment)
        for each in evidence:
            mask = mask_of(number_of(each), name)
            uid = each.instance.sop_instance_uid
            assert (uid in frames) == mask.any()  # empty frames are left out
            assert np.array_equal(frames.get(uid, np.zeros_like(mask)), mask)


def test_the_volume_is_that_of_the_measurement(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = segmented(tmp_path)
    (made,) = _made(encoder, evidence, findings)
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    area = float(measures.PixelSpacing[0]) * float(measures.PixelSpacing[1])
    voxel_ml = area * float(measures.SpacingBetweenSlices) / 1000
    for segment, finding in enumerate(findings, start=1):
        voxels = sum(int(each.sum()) for each in _frames(made, segment).values())
        assert voxels * voxel_ml == pytest.approx(finding.measurements[0].value)


def test_each_frame_lies_where_its_slice_does(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = segmented(tmp_path)
    (made,) = _made(encoder, evidence, findings)
    positions = {each.instance.sop_instance_uid: read_position(each) for each in evidence}
    for group in made.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        found = [float(each) for each in group.PlanePositionSequence[0].ImagePositionPatient]
        assert found == positions[str(source.ReferencedSOPInstanceUID)]
        assert source.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    volume = made.get_volume(segment_numbers=[2], combine_segments=True)
    assert volume.spacing == pytest.approx((2.5, 0.8, 0.7))


def read_position(evidence: Evidence) -> list[float]:
    return [-30.5, -41.25, 10 + 2.5 * (number_of(evidence) - 1)]


def test_what_a_segment_says(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = segmented(tmp_path)
    category = Code("123037004", "SCT", "Anatomical Structure")
    outputs = (SEGMENTER.outputs[0], replace(SEGMENTER.outputs[1], category=category))
    manifest = replace(SEGMENTER, outputs=outputs)
    objects = encoder.encode(assessed(evidence[0].instance, findings), manifest, evidence, None)
    made = next(read(each) for each in objects if each.role is Role.SEGMENTATION)
    report = read(objects[0])
    tracked = {
        item.UID
        for group in report.ContentSequence[-1].ContentSequence
        for item in group.ContentSequence
        if item.ValueType == "UIDREF" and item.ConceptNameCodeSequence[0].CodeValue == "112040"
    }
    first, second = made.SegmentSequence
    assert {first.TrackingUID, second.TrackingUID} == tracked
    assert (first.SegmentNumber, second.SegmentNumber) == (1, 2)
    assert (first.SegmentLabel, second.SegmentLabel) == ("Pneumonia", "Pleural effusion")
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    identified = first.SegmentationAlgorithmIdentificationSequence[0]
    assert (identified.AlgorithmName, identified.AlgorithmVersion) == ("chest-pneumonia", "1.2.0")
    assert first.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    assert second.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == "233604007"
    assert first.AnatomicRegionSequence[0].CodeValue == "39607008"
    assert first.TrackingID == "Pneumonia (chest-pneumonia)"


def test_outputs_of_one_meaning_have_labels_of_their_own(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    evidence, findings, _ = segmented(tmp_path)
    findings[1] = replace(findings[1], finding=findings[0].finding)
    (made,) = _made(encoder, evidence, findings)
    assert [each.SegmentLabel for each in made.SegmentSequence] == [
        "Pneumonia (consolidation)",
        "Pneumonia (effusion)",
    ]
    assert len({each.TrackingUID for each in made.SegmentSequence}) == 2


def test_an_empty_output_is_no_segment(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = segmented(tmp_path)
    evidence = [
        replace(each, masks=each.masks | {"consolidation": np.zeros((ROWS, COLUMNS), np.bool_)})
        for each in evidence
    ]
    findings[0] = replace(findings[0], presence=Presence.ABSENT)
    (made,) = _made(encoder, evidence, findings)
    assert [each.SegmentLabel for each in made.SegmentSequence] == ["Pleural effusion"]


def test_a_radiograph_that_lies_nowhere(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    path = write_raw(tmp_path / "x.dcm", IDENTITY | {0x00200020: b"R\\F"})
    mask = np.zeros((16, 16), np.bool_)
    mask[3:9, 2:5] = True
    mask[15, 15] = True
    evidence = replace(evidence_of(path), heat_map=None, masks={"consolidation": mask})
    finding = replace(finding_of(evidence.instance), output="consolidation")
    (made,) = _made(encoder, [evidence], [finding], replace(SEGMENTER, reads=Scope.IMAGE))
    assert np.array_equal(made.pixel_array.astype(bool), mask)
    assert "FrameOfReferenceUID" not in made
    assert "PlanePositionSequence" not in made.PerFrameFunctionalGroupsSequence[0]
    assert list(made.PatientOrientation) == ["R", "F"]


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (5, 9), (7, 7), (1, 1), (8, 8)])
def test_sizes_that_fill_no_byte(
    encoder: DicomResultEncoder, tmp_path: Path, rows: int, columns: int
) -> None:
    size = {0x00280010: bytes([rows, 0]), 0x00280011: bytes([columns, 0])}
    path = write_raw(tmp_path / "x.dcm", IDENTITY | size | {0x7FE00010: bytes(rows * columns)})
    mask = np.random.default_rng(rows).random((rows, columns)) < 0.5
    mask[0, 0] = True
    evidence = replace(evidence_of(path), heat_map=None, masks={"consolidation": mask})
    finding = replace(finding_of(evidence.instance), output="consolidation")
    (made,) = _made(encoder, [evidence], [finding])
    assert np.array_equal(np.atleast_2d(made.pixel_array).astype(bool).reshape(mask.shape), mask)
    bits = np.unpackbits(np.frombuffer(made.PixelData, np.uint8))
    assert int(bits.sum()) == int(mask.sum())  # nothing is set in the padding


@pytest.mark.parametrize(
    "changes",
    [
        {"FrameOfReferenceUID": None},
        {"ImagePositionPatient": None},
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
        {"ImagePositionPatient": [0, 0, 0]},  # all slices at one place
        {"PixelSpacing": [0, 0]},
    ],
)
def test_a_series_that_is_no_stack_has_none(
    encoder: DicomResultEncoder, tmp_path: Path, changes: dict[str, object]
) -> None:
    names = ("consolidation", "effusion")
    evidence = with_masks(slices_of(tmp_path, changes), names)
    finding = series_finding(evidence, {4: 0.9, 3: 0.8}, volume=1.0)
    result = assessed(evidence[0].instance, [finding])
    objects = encoder.encode(result, SEGMENTER, evidence, None)
    assert Role.SEGMENTATION not in {each.role for each in objects}
    assert Role.KEY_OBJECTS in {each.role for each in objects}


def test_slices_of_two_sizes_are_no_stack(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence = with_masks(slices_of(tmp_path), ("consolidation",))
    other = write_slice(tmp_path / "5.dcm", 5, {"Rows": ROWS // 2, "Columns": COLUMNS * 2})
    evidence = [
        replace(
            each,
            instance=instance_of(other),
            picture=None,
            masks={"consolidation": each.masks["consolidation"].reshape(ROWS // 2, COLUMNS * 2)},
        )
        if number_of(each) == 5
        else each
        for each in evidence
    ]
    assert _made(encoder, evidence, [series_finding(evidence, {4: 0.9})]) == []


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((ROWS, COLUMNS), np.uint8),
        np.ones((ROWS, COLUMNS), np.float32),
        np.ones((COLUMNS, ROWS), np.bool_),
        np.ones((1, ROWS, COLUMNS), np.bool_),
    ],
    ids=["uint8", "float32", "transposed", "three axes"],
)
def test_a_mask_of_another_kind_is_an_error(
    encoder: DicomResultEncoder, tmp_path: Path, mask: np.ndarray
) -> None:
    evidence = [
        replace(each, picture=None, masks={"consolidation": mask}) for each in slices_of(tmp_path)
    ]
    with pytest.raises(ValueError, match="mask 'consolidation'"):
        _made(encoder, evidence, [series_finding(evidence, {4: 0.9})])


def test_two_series_have_an_object_each(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = segmented(tmp_path / "one")
    changes = {"SeriesInstanceUID": "1.2.3.4"}
    others = with_masks(slices_of(tmp_path / "two", changes), ("consolidation",))
    others = [
        replace(each, instance=_renamed(each, f"1.2.3.4.{number_of(each)}")) for each in others
    ]
    finding = replace(
        series_finding(others, {4: 0.9}, volume=volume_ml([])), series_instance_uid="1.2.3.4"
    )
    made = _made(encoder, [*evidence, *others], [*findings, finding])
    assert [len(each.SegmentSequence) for each in made] == [2, 1]
    assert len({each.SOPInstanceUID for each in made}) == 2
    assert len({each.SeriesInstanceUID for each in made}) == 1
    assert [each.InstanceNumber for each in made] == [1, 2]


def _renamed(evidence: Evidence, uid: str) -> object:
    description = replace(evidence.instance.description, sop_instance_uid=uid)
    return replace(evidence.instance, description=description)
