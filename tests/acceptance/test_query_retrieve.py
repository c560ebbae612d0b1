"""A study is sent in, and its report is found and fetched by a PACS that only speaks DIMSE."""

from __future__ import annotations

from pathlib import Path

import pydicom

from tests.support.dcmtk import findscu, getscu, movescu, storescu
from tests.support.instances import PATIENT, make_instance
from tests.support.node import AE_TITLE, Node
from tests.support.programs import HOST
from tests.support.servers import StorescpServer


def test_the_report_is_found_and_fetched(tmp_path: Path, pydicom_data: Path) -> None:
    source = make_instance(pydicom_data / "RG1_UNCI.dcm", tmp_path / "chest.dcm")
    study = f"StudyInstanceUID={source.StudyInstanceUID}"
    with (
        StorescpServer(tmp_path / "pacs", aet="PACS") as pacs,
        Node(
            tmp_path,
            rules=[],
            move_destinations=[{"ae_title": "PACS", "host": HOST, "port": pacs.port}],
        ) as node,
    ):
        storescu([tmp_path / "chest.dcm"], node.port, called=AE_TITLE)
        node.settle(1)
        (found,), _ = findscu(
            node.port,
            "STUDY",
            *("PatientName=wetread*", "StudyInstanceUID", "ModalitiesInStudy"),
            "NumberOfStudyRelatedInstances",
            directory=tmp_path / "studies",
        )
        assert found.StudyInstanceUID == source.StudyInstanceUID
        assert "SR" in found.ModalitiesInStudy
        (series,), _ = findscu(
            *(node.port, "SERIES", study, "Modality=SR", "SeriesInstanceUID", "SeriesNumber"),
            directory=tmp_path / "series",
        )
        assert series.SeriesNumber >= 9000
        (report,), said = getscu(
            *(node.port, "SERIES", study, f"SeriesInstanceUID={series.SeriesInstanceUID}"),
            directory=tmp_path / "report",
        )
        assert "Received C-GET Response (Success)" in said
        assert report.Modality == "SR"
        assert report.StudyInstanceUID == source.StudyInstanceUID
        said = movescu(node.port, "PACS", "STUDY", study)
        assert "Received Final Move Response (Success)" in said
        moved = {str(each.SOPInstanceUID): each for each in map(pydicom.dcmread, pacs.files)}
        assert len(moved) == found.NumberOfStudyRelatedInstances
        assert moved[str(source.SOPInstanceUID)].pixel_array.shape == source.pixel_array.shape
        assert moved[str(report.SOPInstanceUID)] == report
        assert PATIENT not in node.log_text
        assert "Traceback" not in node.log_text
