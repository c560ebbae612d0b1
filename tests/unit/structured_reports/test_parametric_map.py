"""Heat maps as Parametric Maps: the numbers come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from highdicom.pm.sop import pmread

from inference.domain.finding import Finding
from inference.domain.manifest import Explanation, Manifest
from inference.domain.result import Role
from inference.ports import Evidence
from structured_reports.encoder import DicomResultEncoder
from tests.support.series import (
    COLUMNS,
    ROWS,
    SERIES_READER,
    classified,
    number_of,
    series_finding,
    slices_of,
    with_heat,
)
from tests.support.sources import MANIFEST, assessed, evidence_of, finding_of, heat_map, write_raw
from tests.unit.structured_reports.conftest import IDENTITY


def _made(
    encoder: DicomResultEncoder,
    evidence: Sequence[Evidence],
    findings: Sequence[Finding],
    manifest: Manifest = MANIFEST,
) -> list[hd.pm.ParametricMap]:
    objects = encoder.encode(assessed(evidence[0].instance, findings), manifest, evidence, None)
    return [pmread(BytesIO(each.part10)) for each in objects if each.role is Role.PARAMETRIC_MAP]


def _of_image(encoder: DicomResultEncoder, evidence: Evidence) -> hd.pm.ParametricMap:
    (made,) = _made(encoder, [evidence], [finding_of(evidence.instance)])
    return made


def test_the_numbers_of_a_radiograph_come_back(
    encoder: DicomResultEncoder, evidence: Evidence
) -> None:
    made = _of_image(encoder, evidence)
    values = made.get_frame(1, apply_real_world_transform=True)
    assert np.abs(values - heat_map(16, 16)).max() <= 0.5 / 255 + 1e-6
    mapping = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert (quantity.CodeValue, quantity.CodingSchemeDesignator) == ("130403", "DCM")
    assert made.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80"  # JPEG-LS, lossless
    assert made.ContentQualification == "RESEARCH"
    source = made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    reference = source.SourceImageSequence[0]
    assert reference.ReferencedSOPInstanceUID == evidence.instance.sop_instance_uid
    assert reference.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.1"


@pytest.mark.parametrize(
    ("explanation", "code"),
    [
        (Explanation.GRAD_CAM, "130403"),
        (Explanation.INTEGRATED_GRADIENTS, "130404"),
        (Explanation.OCCLUSION, "130404"),
        (Explanation.NONE, "130402"),
    ],
)
def test_the_quantity_says_how_the_map_was_made(
    encoder: DicomResultEncoder, evidence: Evidence, explanation: Explanation, code: str
) -> None:
    manifest = replace(MANIFEST, explanation=explanation)
    (made,) = _made(encoder, [evidence], [finding_of(evidence.instance)], manifest)
    mapping = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == code


@pytest.mark.parametrize(
    ("orientation", "cosines"),
    [
        (b"L\\F", [1, 0, 0, 0, 0, -1]),
        (b"R\\F", [-1, 0, 0, 0, 0, -1]),
        (b"P\\F", [0, 1, 0, 0, 0, -1]),
        (b"LP\\FL", [1, 0, 0, 0, 0, -1]),
        (b"", [1, 0, 0, 0, 0, -1]),
        (b"L\\R", [1, 0, 0, 0, 0, -1]),  # no two axes
    ],
)
def test_a_radiograph_has_a_place_of_its_own(
    encoder: DicomResultEncoder, tmp_path: Path, orientation: bytes, cosines: list[int]
) -> None:
    path = write_raw(tmp_path / "x.dcm", IDENTITY | {0x00200020: orientation})
    made = _of_image(encoder, evidence_of(path))
    shared = made.SharedFunctionalGroupsSequence[0]
    plane = shared.PlaneOrientationSequence[0]
    assert [float(each) for each in plane.ImageOrientationPatient] == cosines
    assert "PixelSpacing" not in shared.PixelMeasuresSequence[0]
    assert made.FrameOfReferenceUID.startswith("2.25.")
    assert "made up" in made.ImageComments
    other = _of_image(encoder, evidence_of(write_raw(tmp_path / "y.dcm", IDENTITY)))
    assert made.FrameOfReferenceUID != other.FrameOfReferenceUID


def test_the_slices_of_a_series_are_one_object(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, manifest = classified(tmp_path)
    (made,) = _made(encoder, evidence, findings, manifest)
    assert (made.NumberOfFrames, made.Rows, made.Columns) == (3, ROWS, COLUMNS)
    by_uid = {each.instance.sop_instance_uid: each for each in evidence}
    for frame, group in enumerate(made.PerFrameFunctionalGroupsSequence, start=1):
        uid = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        position = group.PlanePositionSequence[0].ImagePositionPatient
        assert float(position[2]) == 10 + 2.5 * (number_of(by_uid[uid]) - 1)
        heat = by_uid[uid].heat_map
        assert heat is not None
        values = made.get_frame(frame, apply_real_world_transform=True)
        assert np.abs(values - heat).max() <= 0.5 / 255 + 1e-6
    assert made.FrameOfReferenceUID != ""
    assert "ImageComments" not in made


def test_slices_that_are_no_stack_have_an_object_each(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    evidence = with_heat(slices_of(tmp_path, {"ImagePositionPatient": None}), (4, 5))
    made = _made(encoder, evidence, [series_finding(evidence, {4: 0.9, 5: 0.8})], SERIES_READER)
    assert [each.NumberOfFrames for each in made] == [1, 1]
    assert len({each.SOPInstanceUID for each in made}) == 2
    # A Series has one Frame of Reference at most (PS3.3 C.7.4.1).
    assert len({each.FrameOfReferenceUID for each in made}) == 2
    assert len({each.SeriesInstanceUID for each in made}) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -3.0, 7.0])
def test_numbers_that_are_none(
    encoder: DicomResultEncoder, evidence: Evidence, value: float
) -> None:
    odd = replace(evidence, heat_map=np.full((16, 16), value, np.float32))
    values = _of_image(encoder, odd).get_frame(1, apply_real_world_transform=True)
    assert set(np.unique(values)) == {1.0 if value > 1 else 0.0}


def test_a_map_of_another_size_is_left_out(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    odd = replace(evidence, heat_map=np.zeros((4, 4), np.float32))
    assert _made(encoder, [odd], [finding_of(evidence.instance)]) == []


def test_a_frame_of_many_is_named(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    attributes = replace(evidence.instance.attributes, frames=5)
    description = replace(evidence.instance.description, attributes=attributes)
    many = replace(evidence, instance=replace(evidence.instance, description=description))
    (made,) = _made(encoder, [many], [replace(finding_of(many.instance), frame=3)])
    source = made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    assert source.SourceImageSequence[0].ReferencedFrameNumber == 3


def test_the_order_of_evidence_does_not_matter(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, manifest = classified(tmp_path)
    (one,) = _made(encoder, evidence, findings, manifest)
    ordered = sorted(evidence, key=number_of)
    (other,) = _made(encoder, ordered, findings, manifest)
    assert np.array_equal(one.pixel_array, other.pixel_array)
