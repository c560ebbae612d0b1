"""The helpers in tests/support that start real programs."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from tests.support.servers import OrthancServer, StorescpServer, echoscu, storescu


@pytest.mark.shared
def test_storescu_sends_every_file_as_it_is(
    storescp_server: StorescpServer, shared_data: Path
) -> None:
    for file in sorted((shared_data / "dicom-samples" / "compressed").rglob("*.dcm")):
        storescu([file], storescp_server.port, called=storescp_server.aet)
        sent = pydicom.dcmread(file)
        received = [pydicom.dcmread(path) for path in storescp_server.files]
        assert (sent.SOPInstanceUID, sent.file_meta.TransferSyntaxUID) in [
            (other.SOPInstanceUID, other.file_meta.TransferSyntaxUID) for other in received
        ]


def test_orthanc_answers_on_all_its_ways(orthanc_server: OrthancServer) -> None:
    assert echoscu(orthanc_server.dicom_port, called=orthanc_server.aet).returncode == 0
    assert orthanc_server.get("/system")["DicomAet"] == orthanc_server.aet
    if orthanc_server.dicomweb:
        assert orthanc_server.get("/dicom-web/studies") == []


def test_a_killed_orthanc_keeps_what_it_stored(
    orthanc_server: OrthancServer, pydicom_data: Path
) -> None:
    orthanc_server.upload(pydicom_data / "693_J2KR.dcm")
    orthanc_server.kill()
    assert not orthanc_server.answers()
    orthanc_server.start()

    assert orthanc_server.get("/statistics")["CountInstances"] == 1
