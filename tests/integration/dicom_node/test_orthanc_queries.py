"""Orthanc as the one who asks: C-FIND, and C-MOVE to itself."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless

from tests.support.dimse import AE_TITLE, DimseNode
from tests.support.origin import radiograph
from tests.support.programs import HOST
from tests.support.servers import OrthancServer
from tests.unit.dicom_node.images import ramp

VALUES = ramp()


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancServer]:
    # Its own default is Latin 1, which has no Ł.
    options = {"DefaultEncoding": "Utf8"}
    directory = tmp_path_factory.mktemp("orthanc")
    with OrthancServer(directory, dicomweb=False, options=options) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def node(tmp_path_factory: pytest.TempPathFactory, orthanc: OrthancServer) -> Iterator[DimseNode]:
    queries = {"destinations": {orthanc.aet: (HOST, orthanc.dicom_port)}}
    with DimseNode(tmp_path_factory.mktemp("node"), sqlite=True, queries=queries) as node:
        with orthanc.http() as http:
            peer = {"AET": AE_TITLE, "Host": HOST, "Port": node.port}
            http.put("/modalities/wetread", json=peer).raise_for_status()
        for number in (1, 2):
            made = radiograph(
                study="1.2.3",
                series=f"1.2.3.{number}",
                sop_instance=f"1.2.3.{number}.1",
                values=VALUES,
                SpecificCharacterSet="ISO_IR 192",
                PatientName="Łukasiewicz^Zoë",
                PatientID="P1",
                AccessionNumber="A1",
                StudyDate="20260102",
                Modality="DX",
            )
            if number == 2:
                made.compress(JPEG2000Lossless, generate_instance_uid=False)
            node.add(made)
        node.add(radiograph(study="1.2.4", PatientName="Doe^Jane", PatientID="P2", Modality="CT"))
        yield node


def query(orthanc: OrthancServer, level: str, **keys: str) -> tuple[str, list[dict[str, Any]]]:
    with orthanc.http() as http:
        answer = http.post("/modalities/wetread/query", json={"Level": level, "Query": keys})
        path: str = answer.raise_for_status().json()["Path"]
    return path, orthanc.get(f"{path}/answers?expand&simplify")


@pytest.mark.parametrize(
    ("keys", "studies"),
    [
        ({"PatientID": "P1"}, ["1.2.3"]),
        ({"PatientName": "ŁUKASIEWICZ*"}, ["1.2.3"]),
        ({"PatientName": "*zoe"}, ["1.2.3"]),
        ({"StudyDate": "20260101-20260103"}, ["1.2.3"]),
        ({"ModalitiesInStudy": "CT"}, ["1.2.4"]),
        ({}, ["1.2.4", "1.2.3"]),
    ],
)
def test_studies(orthanc: OrthancServer, keys: dict[str, str], studies: list[str]) -> None:
    _, answers = query(orthanc, "Study", **keys)
    assert [each["StudyInstanceUID"] for each in answers] == studies


def test_names_come_whole(orthanc: OrthancServer) -> None:
    _, (answer,) = query(orthanc, "Study", PatientID="P1", PatientName="")
    assert answer["PatientName"] == "Łukasiewicz^Zoë"


def test_series_and_instances(orthanc: OrthancServer) -> None:
    _, series = query(orthanc, "Series", StudyInstanceUID="1.2.3", Modality="")
    assert [(each["SeriesInstanceUID"], each["Modality"]) for each in series] == [
        ("1.2.3.1", "DX"),
        ("1.2.3.2", "DX"),
    ]
    _, instances = query(orthanc, "Instance", StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.2")
    assert [each["SOPInstanceUID"] for each in instances] == ["1.2.3.2.1"]


def test_retrieve(orthanc: OrthancServer) -> None:
    path, answers = query(orthanc, "Study", PatientID="P1")
    assert len(answers) == 1
    with orthanc.http() as http:
        done = http.post(f"{path}/retrieve", json={"TargetAet": orthanc.aet, "Synchronous": True})
        done.raise_for_status()
        found = [orthanc.find(f"1.2.3.{number}.1") for number in (1, 2)]
        files = [http.get(f"/instances/{identifier}/file").content for (identifier,) in found]
    held = [dcmread(io.BytesIO(file)) for file in files]
    assert held[1].file_meta.TransferSyntaxUID == JPEG2000Lossless
    for each in held:
        assert np.array_equal(each.pixel_array, VALUES)
        assert each.PatientName == "Łukasiewicz^Zoë"


def test_retrieve_one_series(orthanc: OrthancServer, node: DimseNode) -> None:
    node.add(radiograph(study="1.2.8", series="1.2.8.1", sop_instance="1.2.8.1.1"))
    node.add(radiograph(study="1.2.8", series="1.2.8.2", sop_instance="1.2.8.2.1"))
    path, _ = query(orthanc, "Series", StudyInstanceUID="1.2.8", SeriesInstanceUID="1.2.8.2")
    with orthanc.http() as http:
        done = http.post(f"{path}/retrieve", json={"TargetAet": orthanc.aet, "Synchronous": True})
        done.raise_for_status()
    assert orthanc.find("1.2.8.2.1")
    assert not orthanc.find("1.2.8.1.1")
