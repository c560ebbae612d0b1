"""A node whose archive is an object store: Success means that the store has it."""

from __future__ import annotations

import shutil
from pathlib import Path

import boto3.session
import pytest
import requests
from dicomweb_client.api import DICOMwebClient

from dicom_node.dimse.send import send_files
from tests.support.node import Node
from tests.support.programs import HOST
from tests.support.radiographs import radiograph
from tests.support.seaweedfs import SeaweedServer


def test_a_study_outlives_the_machine_that_took_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "image.dcm"
    source = radiograph(image)
    late = tmp_path / "late.dcm"
    radiograph(late, seed=2)
    session = requests.Session()
    session.trust_env = False
    with SeaweedServer(tmp_path) as objects:
        for name, value in objects.environment.items():
            monkeypatch.setenv(name, value)
        s3 = boto3.session.Session().client("s3", endpoint_url=objects.url, region_name="any")
        s3.create_bucket(Bucket="hospital")
        settings = {
            "archive": "s3://hospital/wetread",
            "s3_endpoint_url": objects.url,
            "s3_region": "any",
        }
        with Node(tmp_path, **settings) as node:

            def send(file: Path) -> bool:
                (outcome,) = send_files(
                    [file], host=HOST, port=node.port, called_ae="WETREAD", calling_ae="XR1"
                )
                return outcome.taken

            assert send(image)
            node.settle(1)
            node.kill()
            assert not (node.home / "archive").exists()
            shutil.rmtree(node.home / "scratch")
            node.start()
            client = DICOMwebClient(f"{node.url}/dicom-web", session=session)
            held = client.retrieve_study(str(source.StudyInstanceUID))
            assert {"SR", source.Modality} <= {each.Modality for each in held}
            (again,) = [each for each in held if each.SOPInstanceUID == source.SOPInstanceUID]
            assert again == source

            objects.kill()
            assert not send(late)
            objects.start()
            assert send(late)
            account = node.settle(2)["account"]
            assert account["instances"] == account["results"] == 2
