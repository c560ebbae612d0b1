"""A source on disk, and the encoder."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.ports import EncodedObject, Evidence
from structured_reports.encoder import DicomResultEncoder
from tests.support.sources import evidence_of, write_raw

IDENTITY = {
    0x00080020: b"20260102",
    0x00080030: b"101112",
    0x00080050: b"ACC 7",
    0x00080090: b"Who^Doctor",
    0x00081030: b"Chest pa",
    0x00100010: b"Doe^Jane",
    0x00100020: b"P-7",
    0x00100030: b"19700102",
    0x00100040: b"F ",
    0x00101010: b"056Y",
    0x00200010: b"S-7",
}


@pytest.fixture
def encoder() -> DicomResultEncoder:
    return DicomResultEncoder(software_version="0.1.0")


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return evidence_of(write_raw(tmp_path / "source.dcm", IDENTITY))


def read(encoded: EncodedObject) -> Dataset:
    return pydicom.dcmread(BytesIO(encoded.part10))
