"""What C-GET and C-MOVE retrieve in the tests, and how their answers are read."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, SecondaryCaptureImageStorage
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from tests.support.dimse import DimseNode
from tests.support.origin import radiograph
from tests.support.programs import wait_for
from tests.unit.dicom_node.images import ramp

GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove
SC = str(SecondaryCaptureImageStorage)
VALUES = ramp()
COMPRESSED = {
    "1.2.3.2.1": RLELossless,
    "1.2.3.2.2": JPEG2000Lossless,
    "1.2.3.2.3": JPEGLSLossless,
}
UIDS = ["1.2.3.1.1", "1.2.3.1.2", *COMPRESSED]
BROKEN = "1.2.9"  # a Study that holds an image that cannot be decoded, and one that can


def fill(node: DimseNode) -> None:
    for number in (1, 2):
        node.add(
            radiograph(
                study="1.2.3",
                series="1.2.3.1",
                sop_instance=f"1.2.3.1.{number}",
                values=VALUES,
                PatientName="Doe^Jane",
            )
        )
    for uid, syntax in COMPRESSED.items():
        made = radiograph(study="1.2.3", series="1.2.3.2", sop_instance=uid, values=VALUES)
        made.compress(syntax, generate_instance_uid=False)
        node.add(made)
    for number in range(2):
        made = radiograph(
            study=BROKEN, series="1.2.9.1", sop_instance=f"1.2.9.1.{number}", values=VALUES
        )
        made.compress(JPEG2000Lossless, generate_instance_uid=False)
        if number:
            made.PixelData = made.PixelData[:40] + bytes(len(made.PixelData) - 40)
        node.add(made)


def query(study: str) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel = "STUDY"
    made.StudyInstanceUID = study
    return made


def counts(answer: Dataset) -> tuple[int, int, int, int]:
    return (
        answer.get("NumberOfRemainingSuboperations", 0),
        answer.NumberOfCompletedSuboperations,
        answer.NumberOfFailedSuboperations,
        answer.NumberOfWarningSuboperations,
    )


def nothing_left(node: DimseNode) -> None:
    listener = node.scp._listener
    assert listener is not None
    wait_for(lambda: not listener.active_associations, "every association has ended")
    assert list((node.root / "archive" / "spool").iterdir()) == []
