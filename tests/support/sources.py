"""Source Instances for tests of what comes after the archive."""

from __future__ import annotations

import struct
import uuid
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence, Region
from inference.domain.instance import Attributes, Description, Instance, Origin, Source
from inference.domain.job import ModelId
from inference.domain.manifest import Manifest, Output
from inference.domain.refusal import Refusal
from inference.domain.result import Outcome, Result
from inference.ports import Evidence, Picture

PNEUMONIA = Code("233604007", "SCT", "Pneumonia")
LUNG = Code("39607008", "SCT", "Lung")
PRODUCED_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

MANIFEST = Manifest(
    model=ModelId("chest-pneumonia", "1.2.0"),
    title="Pneumonia on frontal chest radiographs",
    manufacturer="Wetread",
    architecture="efficientnet_lite0",
    weights_file="weights.safetensors",
    weights_sha256="9f" * 32,
    device_uid="2.25.111222333444555666777888999",
    calibration="temperature 1.37",
    intended_use="Demonstration",
    licence="Apache-2.0",
    outputs=(Output("pneumonia", PNEUMONIA, LUNG, 0.5),),
)


def _integer(value: object, default: int) -> int:
    try:
        return int(str(value))
    except ValueError:
        return default


def instance_of(path: Path) -> Instance:
    """Return the Instance that the file at `path` holds, by pydicom's reading."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        attributes = Attributes(
            patient_id=str(header.get("PatientID") or ""),
            patient_name=str(header.get("PatientName") or ""),
            modality=str(header.get("Modality") or ""),
            rows=_integer(header.get("Rows"), 0),
            columns=_integer(header.get("Columns"), 0),
            frames=_integer(header.get("NumberOfFrames"), 1),
            has_pixels="Rows" in header,
        )
        description = Description(
            study_instance_uid=str(header.StudyInstanceUID),
            series_instance_uid=str(header.SeriesInstanceUID),
            sop_instance_uid=str(header.SOPInstanceUID),
            sop_class_uid=str(header.SOPClassUID),
            transfer_syntax_uid=str(header.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2")),
            attributes=attributes,
        )
    return Instance(
        description, Origin(Source.DIMSE), key=path.name, sha256="0" * 64, size=path.stat().st_size
    )


def write_raw(path: Path, elements: Mapping[int, bytes], pixels: bool = True) -> Path:
    """Write a radiograph of 16 x 16 pixels with `elements`, by tag, exactly as given.

    Implicit VR Little Endian, byte for byte: pydicom would refuse most of what is in use.
    """
    uid = uuid.uuid4().int
    basic = {
        0x00080016: b"1.2.840.10008.5.1.4.1.1.1",
        0x00080018: f"2.25.{uid}".encode(),
        0x00080060: b"CR",
        0x0020000D: f"2.25.{uid + 1}".encode(),
        0x0020000E: f"2.25.{uid + 2}".encode(),
    }
    if pixels:
        basic |= {
            0x00280002: b"\x01\x00",
            0x00280004: b"MONOCHROME2",
            0x00280010: b"\x10\x00",
            0x00280011: b"\x10\x00",
            0x00280100: b"\x08\x00",
            0x00280101: b"\x08\x00",
            0x00280102: b"\x07\x00",
            0x00280103: b"\x00\x00",
            0x7FE00010: bytes(256),
        }
    body = b""
    for tag, value in sorted((basic | dict(elements)).items()):
        even = value + b"\x00" if len(value) % 2 else value
        body += struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(even)) + even
    syntax = b"1.2.840.10008.1.2\x00"
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
    path.write_bytes(bytes(128) + b"DICM" + length + meta + body)
    return path


def heat_map(rows: int, columns: int) -> NDArray[np.float32]:
    """Return one warm spot, left of the middle and low."""
    y, x = np.mgrid[0:rows, 0:columns]
    distance = ((x / columns - 0.32) / 0.14) ** 2 + ((y / rows - 0.62) / 0.17) ** 2
    return np.exp(-distance).astype(np.float32)


def spot(rows: int, columns: int) -> Region:
    """Return the outline of that spot."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return Region(
        tuple(
            (
                float((0.32 + 0.12 * np.cos(a)) * (columns - 1)),
                float((0.62 + 0.15 * np.sin(a)) * (rows - 1)),
            )
            for a in angles
        )
    )


def outline(rows: int, columns: int) -> Region:
    right, bottom = float(columns - 1), float(rows - 1)
    return Region(((0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom)), whole_image=True)


def evidence_of(path: Path, picture: Picture | None = None) -> Evidence:
    """Return the file as assessed evidence; a grey ramp where no picture is given."""
    instance = instance_of(path)
    rows, columns = max(instance.attributes.rows, 8), max(instance.attributes.columns, 8)
    if picture is None:
        ramp = np.linspace(0, 1, columns, dtype=np.float32)
        picture = Picture(np.tile(ramp, (rows, 1)))
    return Evidence(instance, path, picture, heat_map(*picture.pixels.shape))


def finding_of(
    instance: Instance,
    presence: Presence = Presence.PRESENT,
    certainty: float = 0.873,
    doubts: Sequence[Refusal] = (),
    region: Region | None = None,
    finding: Code = PNEUMONIA,
) -> Finding:
    attributes = instance.attributes
    return Finding(
        finding=finding,
        site=LUNG,
        presence=presence,
        certainty=certainty,
        threshold=0.5,
        sop_instance_uid=instance.sop_instance_uid,
        region=region or spot(max(attributes.rows, 8), max(attributes.columns, 8)),
        doubts=tuple(doubts),
    )


def assessed(
    instance: Instance,
    findings: Sequence[Finding],
    refusals: Sequence[Refusal] = (),
    revision: int = 1,
) -> Result:
    return Result(
        study_instance_uid=instance.study_instance_uid,
        revision=revision,
        model=MANIFEST.model,
        outcome=Outcome.ASSESSED,
        findings=tuple(findings),
        refusals=tuple(refusals),
        produced_at=PRODUCED_AT,
        seconds=1.5,
    )


def not_assessed(
    instance: Instance,
    refusals: Sequence[Refusal],
    model: ModelId | None = MANIFEST.model,
    failed: bool = False,
) -> Result:
    return Result(
        study_instance_uid=instance.study_instance_uid,
        revision=1,
        model=model,
        outcome=Outcome.NOT_ASSESSED,
        findings=(),
        refusals=tuple(refusals),
        produced_at=PRODUCED_AT,
        seconds=0.1,
        failed=failed,
    )
