import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inference.domain.errors import SettingsError
from orthanc import client
from orthanc.client import NotFound, Orthanc, OrthancError, describe, http_status
from tests.support.programs import HOST, free_port
from tests.support.stub_http import Answer, StubServer

STUDY = "6b34d082-d1af1e02-eb3ab3b1-1f03ba3a-e5700065"


@pytest.mark.parametrize("url", ["", "orthanc:8042", "ftp://localhost/", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        Orthanc(url)


def test_credentials_in_the_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        Orthanc("http://user:hidden@localhost:8042/")
    assert "hidden" not in str(caught.value)


def test_a_path_in_the_address_is_kept() -> None:
    with StubServer(lambda method, path: Answer(body=b'{"Last": 3}')) as server:
        assert Orthanc(f"{server.url}/pacs").last_change() == 3
    assert server.requests == [("GET", "/pacs/changes?last")]


class Hasty(BaseHTTPRequestHandler):
    """Answers once on a connection, and closes it when it is asked again."""

    protocol_version = "HTTP/1.1"
    answered = False

    def do_GET(self) -> None:
        if self.answered:
            self.close_connection = True
            return
        self.answered = True
        self.send_response(200)
        self.send_header("Content-Length", "11")
        self.end_headers()
        self.wfile.write(b'{"Last": 3}')

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_who_looks_again_does_so_on_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "IDLE", 0.0)
    server = ThreadingHTTPServer((HOST, 0), Hasty)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        orthanc = Orthanc(f"http://{HOST}:{server.server_port}")
        assert [orthanc.last_change() for _ in range(3)] == [3, 3, 3]
        orthanc.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b"[]", b'{"Changes": [{}]}', b"null", b'{"Changes": 3}']
)
def test_what_is_not_an_answer_of_orthanc_is_an_error(body: bytes) -> None:
    with StubServer(lambda method, path: Answer(body=body)) as server:
        orthanc = Orthanc(server.url)
        with pytest.raises(OrthancError):
            orthanc.changes(0, 10)
        with pytest.raises(OrthancError):
            orthanc.study(STUDY)
        with pytest.raises(OrthancError):
            orthanc.find_studies("1.2.3") if body != b"[]" else orthanc.last_change()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 502, 503, 507])
def test_an_error_has_its_status_and_no_text_of_the_other_side(status: int) -> None:
    body = json.dumps({"Message": "DOE^JANE", "Details": "", "OrthancStatus": 15}).encode()
    with StubServer(lambda method, path: Answer(status, body)) as server:
        orthanc = Orthanc(server.url, "user", "hidden")
        with pytest.raises(OrthancError) as caught:
            orthanc.upload(io.BytesIO(b"x"))
    assert http_status(caught.value) == status
    assert describe(caught.value) == f"HTTP status {status}"
    assert isinstance(caught.value, NotFound) == (status == 404)
    assert "hidden" not in str(caught.value)


def test_what_orthanc_does_not_have_is_gone_and_what_a_proxy_does_not_find_may_be_away() -> None:
    def answer(method: str, path: str) -> Answer:
        if path == "/pacs/system":
            return Answer(body=b'{"ApiVersion": 16}') if there else Answer(404, b"no such route")
        return Answer(404, b"")

    with StubServer(answer) as server:
        orthanc = Orthanc(f"{server.url}/pacs")
        for there in (True, False):
            with pytest.raises(OrthancError) as caught:
                orthanc.study(STUDY)
            assert isinstance(caught.value, NotFound) == there
            assert describe(caught.value) == "HTTP status 404"


def test_no_answer_is_an_error() -> None:
    with pytest.raises(OrthancError) as caught:
        Orthanc(f"http://{HOST}:{free_port()}").last_change()
    assert http_status(caught.value) is None
    assert describe(caught.value) == "ConnectionError"


def test_an_answer_that_does_not_come_is_an_error() -> None:
    enough = threading.Event()

    def answer(method: str, path: str) -> Answer:
        enough.wait()
        return Answer()

    with StubServer(answer) as server:
        try:
            with pytest.raises(OrthancError) as caught:
                Orthanc(server.url, read_timeout=0.1).last_change()
        finally:
            enough.set()
    assert describe(caught.value) == "TimeoutError"


def test_a_download_that_breaks_off_is_an_error() -> None:
    with StubServer(lambda method, path: Answer(body=b"DICM", length=100)) as server:
        pieces = Orthanc(server.url).download(STUDY)
        with pytest.raises(OrthancError):
            list(pieces)


def test_only_identifiers_of_orthanc_go_into_a_path(tmp_path: Path) -> None:
    with StubServer(lambda method, path: Answer()) as server:
        orthanc = Orthanc(server.url)
        with pytest.raises(OrthancError):
            orthanc.study("../system")
        with pytest.raises(OrthancError):
            list(orthanc.download(f"{STUDY}?x"))
    assert server.requests == []
