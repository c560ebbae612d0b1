"""A made-up CT Series with geometry, and what models say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from inference.domain.finding import Finding, Measurement, Presence, Quantity, Region, Slice
from inference.domain.manifest import Manifest, Output, Scope, Task
from inference.domain.uid import derive_uid
from inference.ports import Evidence, Picture
from tests.support.sources import LUNG, MANIFEST, PNEUMONIA, heat_map, instance_of

ROWS, COLUMNS, SLICES = 96, 80, 8
SPACING_MM = (0.8, 0.7)  # between rows, between columns
GAP_MM = 2.5
STUDY, SERIES = derive_uid("test", "study"), derive_uid("test", "series")

SEGMENTER = replace(
    MANIFEST,
    task=Task.SEGMENTATION,
    reads=Scope.SERIES,
    outputs=(
        Output("consolidation", PNEUMONIA, LUNG, 0.5),
        Output("effusion", replace(PNEUMONIA, value="60046008", meaning="Pleural effusion"),
               LUNG, 0.5),
    ),
)  # fmt: skip
SERIES_READER = replace(MANIFEST, reads=Scope.SERIES)
DETECTOR = replace(MANIFEST, task=Task.DETECTION)


def write_slice(path: Path, number: int, changes: Mapping[str, object] | None = None) -> Path:
    """Write slice `number` (from one) of the Series; a value of None takes it away."""
    image = pydicom.Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = derive_uid("test", "slice", number)
    image.StudyInstanceUID, image.SeriesInstanceUID = STUDY, SERIES
    image.PatientName, image.PatientID = "Doe^Jane", "P-7"
    image.PatientBirthDate, image.PatientSex = "19700102", "F"
    image.StudyDate, image.StudyTime, image.StudyID = "20260102", "101112", "S-7"
    image.AccessionNumber, image.ReferringPhysicianName = "ACC 7", "Who^Doctor"
    image.ContentDate, image.ContentTime = "20260102", "101112"
    image.AcquisitionNumber = None
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.Modality, image.Manufacturer = "CT", "Maker"
    image.SeriesNumber, image.InstanceNumber = 3, number
    image.FrameOfReferenceUID = derive_uid("test", "frame of reference")
    image.PositionReferenceIndicator = ""
    image.PatientPosition = "HFS"
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [-30.5, -41.25, 10 + GAP_MM * (number - 1)]
    image.PixelSpacing = list(SPACING_MM)
    image.SliceThickness, image.KVP = GAP_MM, 120
    image.Rows, image.Columns = ROWS, COLUMNS
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = 0, 1, "HU"
    for keyword, value in (changes or {}).items():
        if value is None:
            delattr(image, keyword)
        else:
            setattr(image, keyword, value)
    image.PixelData = (tissue(number) * 1200 - 1000).astype("<i2").tobytes()
    image.save_as(path, enforce_file_format=True)
    return path


def tissue(number: int) -> NDArray[np.float32]:
    """Return a body with two lungs, (rows, columns), 0 to 1."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    u, v = x / COLUMNS - 0.5, y / ROWS - 0.5
    body = (u / 0.46) ** 2 + (v / 0.38) ** 2 < 1
    size = 0.5 + 0.06 * number
    lungs = sum(
        ((u - side * 0.21) / (0.16 * size)) ** 2 + (v / (0.27 * size)) ** 2 < 1 for side in (-1, 1)
    )
    noise = np.random.default_rng(number).normal(0, 0.03, (ROWS, COLUMNS))
    return np.clip(body * 0.8 - lungs * 0.6 + noise, 0, 1).astype(np.float32)


def slices_of(folder: Path, changes: Mapping[str, object] | None = None) -> list[Evidence]:
    """Return the Series as evidence without pictures, not in the order of the slices."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [3, 1, 2, *range(4, SLICES + 1)]
    paths = [write_slice(folder / f"{number}.dcm", number, changes) for number in numbers]
    return [Evidence(instance_of(path), path) for path in paths]


def number_of(evidence: Evidence) -> int:
    return int(evidence.part10.stem)


def mask_of(number: int, output: str) -> NDArray[np.bool_]:
    """Return a ball around slice 4, or a wedge at the bottom of slices 5 to 7."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    if output == "effusion":
        return (number in (5, 6, 7)) & (y > 60) & (x > 45) & (y - x < 20) & (x < 70)
    return (x - 24) ** 2 + (y - 50) ** 2 < 90 - 25 * (number - 4) ** 2


def volume_ml(masks: Sequence[NDArray[np.bool_]]) -> float:
    voxel_mm3 = SPACING_MM[0] * SPACING_MM[1] * GAP_MM
    return sum(int(each.sum()) for each in masks) * voxel_mm3 / 1000


def with_masks(
    evidence: Sequence[Evidence], outputs: Sequence[str], pictured: Sequence[int] = (4, 5, 3)
) -> list[Evidence]:
    return [
        replace(
            each,
            masks={name: mask_of(number_of(each), name) for name in outputs},
            picture=Picture(tissue(number_of(each))) if number_of(each) in pictured else None,
        )
        for each in evidence
    ]


def with_heat(evidence: Sequence[Evidence], numbers: Sequence[int]) -> list[Evidence]:
    return [
        replace(each, picture=Picture(tissue(number_of(each))), heat_map=heat_map(ROWS, COLUMNS))
        if number_of(each) in numbers
        else each
        for each in evidence
    ]


def series_finding(
    evidence: Sequence[Evidence],
    key: Mapping[int, float],
    output: Output = SEGMENTER.outputs[0],
    presence: Presence = Presence.PRESENT,
    region: Region | None = None,
    volume: float | None = None,
) -> Finding:
    """Return a finding with `key`: the slices by number, and how sure of each."""
    by_number = {number_of(each): each for each in evidence}
    uids = {number: by_number[number].instance.sop_instance_uid for number in key}
    first = next(iter(key))
    corners = ((0.0, 0.0), (COLUMNS - 1.0, 0.0), (COLUMNS - 1.0, ROWS - 1.0), (0.0, ROWS - 1.0))
    return Finding(
        finding=output.finding,
        site=output.site,
        presence=presence,
        certainty=key[first],
        threshold=output.threshold,
        sop_instance_uid=uids[first],
        region=region or Region(corners, whole_image=True),
        output=output.name,
        measurements=() if volume is None else (Measurement(Quantity.VOLUME, volume),),
        series_instance_uid=SERIES,
        slices=tuple(Slice(uids[number], certainty) for number, certainty in key.items()),
    )


def segmented(folder: Path) -> tuple[list[Evidence], list[Finding], Manifest]:
    """Return a Series in which two outputs were marked."""
    evidence = with_masks(slices_of(folder), ("consolidation", "effusion"))
    findings = []
    for output, key in zip(SEGMENTER.outputs, ({4: 0.97, 5: 0.9, 3: 0.88}, {6: 0.7}), strict=True):
        masks = [each.masks[output.name] for each in evidence]
        findings.append(series_finding(evidence, key, output, volume=volume_ml(masks)))
    return evidence, findings, SEGMENTER


def classified(folder: Path) -> tuple[list[Evidence], list[Finding], Manifest]:
    """Return a Series of which three slices carry the answer."""
    evidence = with_heat(slices_of(folder), (5, 6, 2))
    finding = series_finding(evidence, {5: 0.931, 6: 0.9, 2: 0.61}, MANIFEST.outputs[0])
    return evidence, [finding], SERIES_READER


def boxed(evidence: Evidence, *boxes: tuple[float, float, float, float]) -> list[Finding]:
    """Return a finding for each box (left, top, right, bottom)."""
    return [
        Finding(
            finding=PNEUMONIA,
            site=LUNG,
            presence=Presence.PRESENT,
            certainty=0.9 - 0.1 * place,
            threshold=0.5,
            sop_instance_uid=evidence.instance.sop_instance_uid,
            region=Region(((left, top), (right, top), (right, bottom), (left, bottom))),
            output="pneumonia",
        )
        for place, (left, top, right, bottom) in enumerate(boxes)
    ]
