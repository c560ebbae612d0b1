"""What a viewer may ask of Orthanc, and nothing else."""

from __future__ import annotations

import pytest

from orthanc.client import OrthancError
from orthanc.dicomweb import OrthancDicomWeb
from tests.support.stub_http import Answer, StubServer


def test_a_resource_is_asked_for_with_its_query() -> None:
    body = b"x" * 600_000
    with StubServer(lambda method, path: Answer(206, body, headers={"Server": "x"})) as server:
        web = OrthancDicomWeb(server.url, "/dicom-web/", "user", "password")
        answer = web.get("studies/1.2/series/3.4/instances/5/frames/1,2", "a=b%20c&limit=2", {})
        assert answer is not None
        assert answer.status == 206
        assert b"".join(answer.chunks) == body
        assert set(answer.headers) == {"content-length"}
    (asked,) = server.requests
    assert asked == (
        "GET",
        "/dicom-web/studies/1.2/series/3.4/instances/5/frames/1,2?a=b%20c&limit=2",
    )


@pytest.mark.parametrize(
    "path",
    ["", "servers", "studies/../servers", "studies//x", "tools/find", "studies/./1", "studies/a?b"],
)
def test_nothing_else_of_orthanc_is_asked_for(path: str) -> None:
    with StubServer(lambda method, asked: Answer()) as server:
        assert OrthancDicomWeb(server.url, "dicom-web").get(path, "", {}) is None
    assert server.requests == []


def test_no_answer_is_an_error() -> None:
    with StubServer(lambda method, path: Answer()) as server:
        gone = server.url
    with pytest.raises(OrthancError):
        OrthancDicomWeb(gone, "/dicom-web/").get("studies", "", {})
