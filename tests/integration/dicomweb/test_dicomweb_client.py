"""Every method of dicomweb-client against the origin server."""

from __future__ import annotations

import ast
import inspect
import io
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image

from tests.support.origin import OriginServer, radiograph
from tests.support.studies import FRAMES, IMAGE, OTHER, PIXELS, SERIES, STACK, STACKED, STUDY


@pytest.fixture
def client(origin: OriginServer) -> DICOMwebClient:
    session = requests.Session()
    session.trust_env = False
    return DICOMwebClient(origin.url, session=session)


def uids(found: Any, tag: str) -> list[str]:
    return [each[tag]["Value"][0] for each in found]


def test_every_method_is_called() -> None:
    source = ast.parse(Path(__file__).read_text())
    called = {
        node.func.attr
        for node in ast.walk(source)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    methods = {
        name for name, _ in inspect.getmembers(DICOMwebClient, callable) if not name.startswith("_")
    }
    assert methods <= called


def test_searches(client: DICOMwebClient) -> None:
    assert uids(client.search_for_studies(), "0020000D") == [OTHER, STUDY]
    found = client.search_for_studies(
        search_filters={"PatientName": "MULLER*", "StudyDate": "20260101-20260131"},
        fields=["PatientComments"],
        fuzzymatching=True,
        limit=5,
        offset=0,
    )
    assert uids(found, "0020000D") == [STUDY]
    assert found[0]["00104000"]["Value"] == ["none"]
    assert uids(client.search_for_studies(limit=1, get_remaining=True), "0020000D") == [
        OTHER,
        STUDY,
    ]
    assert uids(client.search_for_series(STUDY), "0020000E") == [SERIES, STACK]
    assert len(client.search_for_series(search_filters={"Modality": "MR"})) == 1
    assert len(client.search_for_instances(STUDY, SERIES)) == 3
    assert len(client.search_for_instances(STUDY)) == 4
    assert len(client.search_for_instances(search_filters={"00100020": "P-2"})) == 1
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    with pytest.raises(requests.HTTPError, match="400"):
        client.search_for_studies(search_filters={"PatientComments": "x"})


@pytest.mark.parametrize("syntax", [None, "1.2.840.10008.1.2.1", "*"])
def test_retrieves_instances(client: DICOMwebClient, syntax: str | None) -> None:
    media: Any = {} if syntax is None else {"media_types": (("application/dicom", syntax),)}
    for found in (
        client.retrieve_study(STUDY, **media),
        list(client.iter_study(STUDY, **media)),
    ):
        assert [each.SOPInstanceUID for each in found][-1] == FRAMES
        for each in found[:3]:
            np.testing.assert_array_equal(each.pixel_array, PIXELS)
    assert len(client.retrieve_series(STUDY, SERIES, **media)) == 3
    assert len(list(client.iter_series(STUDY, SERIES, **media))) == 3
    one = client.retrieve_instance(STUDY, STACK, FRAMES, **media)
    np.testing.assert_array_equal(one.pixel_array, STACKED)


def test_retrieves_metadata_and_bulk_data(client: DICOMwebClient) -> None:
    assert len(client.retrieve_study_metadata(STUDY)) == 4
    assert len(client.retrieve_series_metadata(STUDY, SERIES)) == 3
    metadata = client.retrieve_instance_metadata(STUDY, SERIES, IMAGE)
    assert metadata["00100010"]["Value"] == [{"Alphabetic": "Müller^Jörg"}]
    uri = metadata["7FE00010"]["BulkDataURI"]
    (whole,) = client.retrieve_bulkdata(uri)
    assert whole == PIXELS.tobytes()
    (again,) = client.iter_bulkdata(uri, media_types=("application/octet-stream",))
    assert again == whole
    (part,) = client.retrieve_bulkdata(
        uri, media_types=("application/octet-stream",), byte_range=(0, 99)
    )
    assert part in (whole, whole[:100])


def test_retrieves_frames(client: DICOMwebClient) -> None:
    for media in (None, ("application/octet-stream",)):
        found = client.retrieve_instance_frames(STUDY, STACK, FRAMES, [4, 1], media_types=media)
        assert found == [STACKED[3].tobytes(), STACKED[0].tobytes()]
    (frame,) = client.iter_instance_frames(STUDY, SERIES, f"{SERIES}.2", [1])
    assert frame == PIXELS.tobytes()
    (jls,) = client.retrieve_instance_frames(
        STUDY, SERIES, f"{SERIES}.3", [1], media_types=(("image/jls", "1.2.840.10008.1.2.4.80"),)
    )
    assert jls.startswith(b"\xff\xd8\xff\xf7")


def test_retrieves_pictures(client: DICOMwebClient) -> None:
    def shown(content: bytes) -> Any:
        return Image.open(io.BytesIO(content))

    instance = client.retrieve_instance_rendered(
        STUDY, SERIES, IMAGE, media_types=("image/png",), params={"viewport": "32,32"}
    )
    assert (shown(instance).format, shown(instance).size) == ("PNG", (32, 32))
    jpeg = ("image/jpeg",)
    assert shown(client.retrieve_instance_rendered(STUDY, SERIES, IMAGE)).format == "JPEG"
    series = client.retrieve_series_rendered(STUDY, SERIES, media_types=jpeg)
    assert shown(series).format == "JPEG"
    frame = client.retrieve_instance_frames_rendered(
        STUDY, STACK, FRAMES, [2], media_types=jpeg, params={"quality": 50}
    )
    assert shown(frame).size == (64, 64)


def test_stores(client: DICOMwebClient, tmp_path_factory: pytest.TempPathFactory) -> None:
    with OriginServer(tmp_path_factory.mktemp("empty")) as empty:
        session = requests.Session()
        session.trust_env = False
        sender = DICOMwebClient(empty.url, session=session)
        made = [radiograph(study="1.2.3"), radiograph(study="1.2.3")]
        answer = sender.store_instances(made)
        assert [each.ReferencedSOPInstanceUID for each in answer.ReferencedSOPSequence] == [
            each.SOPInstanceUID for each in made
        ]
        assert answer.RetrieveURL == f"{empty.url}/studies/1.2.3"
        other = radiograph(study="1.2.4")
        with pytest.raises(requests.HTTPError, match="409"):
            sender.store_instances([other], study_instance_uid="1.2.3")
        assert len(sender.retrieve_study("1.2.3")) == 2


def test_sends_and_receives_in_pieces(tmp_path_factory: pytest.TempPathFactory) -> None:
    with OriginServer(tmp_path_factory.mktemp("pieces")) as empty:
        session = requests.Session()
        session.trust_env = False
        sender = DICOMwebClient(empty.url, session=session)
        sender.set_chunk_size(1000)  # bytes
        sender.store_instances([radiograph(study="1.2.5"), radiograph(study="1.2.5")])
        assert len(list(sender.iter_study("1.2.5"))) == 2


def test_what_is_not_there_is_not_asked_for_again(client: DICOMwebClient) -> None:
    # A 404 would be retried until the client gives up, were it answered with another status.
    client.set_http_retry_params(
        max_attempts=2,
        wait_exponential_multiplier=1,  # ms
        retriable_error_codes=(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR),
    )
    with pytest.raises(requests.HTTPError, match="404"):
        client.retrieve_study("1.2.3.4")
    assert len(client.retrieve_study_metadata(STUDY)) == 4


def test_nothing_is_deleted(client: DICOMwebClient) -> None:
    for delete in (
        lambda: client.delete_study(STUDY),
        lambda: client.delete_series(STUDY, SERIES),
        lambda: client.delete_instance(STUDY, SERIES, IMAGE),
    ):
        with pytest.raises(requests.HTTPError, match="405"):
            delete()
    assert len(client.search_for_instances(STUDY)) == 4


def test_names_are_tags(client: DICOMwebClient) -> None:
    assert client.lookup_tag(client.lookup_keyword("00100020")) == "00100020"
