"""A study comes in by STOW-RS, is read, and its results are part of it for every client."""

from __future__ import annotations

from pathlib import Path

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient

from tests.support.instances import make_instance
from tests.support.node import Node


def test_results_are_part_of_the_study(tmp_path: Path, pydicom_data: Path) -> None:
    source = make_instance(pydicom_data / "RG1_UNCI.dcm", tmp_path / "chest.dcm")
    study = str(source.StudyInstanceUID)
    session = requests.Session()
    session.trust_env = False
    origins = ["https://viewer.example.org"]
    with Node(tmp_path, cors_origins=origins, rules=[]) as node:
        client = DICOMwebClient(f"{node.url}/dicom-web", session=session)
        stored = client.store_instances([source])
        assert stored.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        node.settle(1)
        (found,) = client.search_for_studies(search_filters={"PatientName": "wetread*"})
        modalities = found["00080061"]["Value"]
        assert "SR" in modalities
        reports = client.search_for_series(study, search_filters={"Modality": "SR"})
        assert reports[0]["00200011"]["Value"][0] >= 9000
        objects = client.retrieve_study(study)
        assert len(objects) == found["00201208"]["Value"][0]
        kinds = {each.Modality for each in objects}
        assert kinds == set(modalities)
        report = next(each for each in objects if each.Modality == "SR")
        assert isinstance(report, pydicom.Dataset)
        assert len(client.retrieve_study_metadata(study)) == len(objects)
        answer = session.get(
            f"{node.url}/dicom-web/studies", headers={"Origin": origins[0]}, timeout=30
        )
        assert answer.headers["access-control-allow-origin"] == origins[0]
        other = session.get(f"{node.url}/api/v1/status", headers={"Origin": origins[0]}, timeout=30)
        assert "access-control-allow-origin" not in other.headers
        nowhere = session.get(f"{node.url}/dicom-web/nowhere", timeout=30)
        assert (nowhere.status_code, nowhere.json()["status"]) == (404, 404)
        assert (
            session.delete(f"{node.url}/dicom-web/studies/{study}", timeout=30).status_code == 405
        )
