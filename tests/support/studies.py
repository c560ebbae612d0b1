"""Two small studies that every DICOMweb test asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from tests.support.origin import radiograph
from tests.unit.dicom_node.images import item

STUDY, SERIES = "1.2.826.0.1.3680043.9.1", "1.2.826.0.1.3680043.9.1.1"
STACK = f"{STUDY}.2"  # a Series of one multi-frame Instance
OTHER = "1.2.826.0.1.3680043.9.2"
IMAGE, FRAMES = f"{SERIES}.1", f"{STACK}.1"
PIXELS = (np.arange(64 * 64) % 4096).astype(np.uint16).reshape(64, 64)
STACKED = np.stack([(PIXELS + each * 256) % 4096 for each in range(4)]).astype(np.uint16)


def fill() -> Iterator[FileDataset]:
    patient: dict[str, Any] = {
        "PatientName": "Müller^Jörg",
        "PatientID": "P-1",
        "PatientBirthDate": "19700101",
        "PatientSex": "M",
        "SpecificCharacterSet": "ISO_IR 100",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "AccessionNumber": "A-1",
        "ReferringPhysicianName": "Ref^Errer",
        "StudyID": "S-1",
        "StudyDescription": "Chest",
        "PatientComments": "none",
        "WindowCenter": 2048,
        "WindowWidth": 4096,
        "RequestAttributesSequence": [
            item(ScheduledProcedureStepID="SPS-1", RequestedProcedureID="RP-1")
        ],
    }
    for number in (1, 2, 3):
        made = radiograph(
            study=STUDY,
            series=SERIES,
            sop_instance=f"{SERIES}.{number}",
            values=PIXELS,
            bits_stored=12,
            Modality="DX",
            SeriesNumber=1,
            InstanceNumber=number,
            **patient,
        )
        if number == 2:
            made.compress(RLELossless, generate_instance_uid=False)
        if number == 3:
            made.compress(JPEGLSLossless, generate_instance_uid=False)
        yield made
    yield radiograph(
        study=STUDY,
        series=STACK,
        sop_instance=FRAMES,
        values=STACKED,
        frames=4,
        bits_stored=12,
        Modality="CT",
        SeriesNumber=2,
        InstanceNumber=1,
        **patient,
    )
    other = radiograph(
        study=OTHER,
        series=f"{OTHER}.1",
        sop_instance=f"{OTHER}.1.1",
        values=PIXELS,
        bits_stored=12,
        PatientName="Doe^Jane",
        PatientID="P-2",
        StudyDate="20260301",
        StudyTime="2300",
        Modality="MR",
    )
    other.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    other.set_original_encoding(True, True)
    yield other
