from pathlib import Path

import pytest

from inference.domain.errors import (
    DeliveryError,
    DestinationRefused,
    DestinationUnreachable,
    SettingsError,
)
from inference.domain.result import ResultObject, Role
from orthanc.destination import OrthancDestination
from tests.support.programs import HOST, free_port
from tests.support.stub_http import Answer, StubServer

MADE = ResultObject(Role.REPORT, "1.2", "1.2.3", "1.2.4", "1.2.5", "key")


@pytest.fixture
def part10(tmp_path: Path) -> Path:
    path = tmp_path / "object"
    path.write_bytes(b"DICM")
    return path


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, DestinationRefused),
        (413, DestinationRefused),
        (415, DestinationRefused),
        (422, DestinationRefused),
        (401, DestinationUnreachable),
        (403, DestinationUnreachable),
        (404, DestinationUnreachable),
        (500, DestinationUnreachable),
        (502, DestinationUnreachable),
        (503, DestinationUnreachable),
        (507, DestinationUnreachable),
    ],
)
def test_what_a_status_means(status: int, error: type[DeliveryError], part10: Path) -> None:
    with StubServer(lambda method, path: Answer(status, b"not JSON")) as server:
        destination = OrthancDestination("pacs", server.url, "user", "hidden")
        with pytest.raises(error) as caught:
            destination.send([(MADE, part10)])
    assert str(status) in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_an_object_that_cannot_be_found_afterwards_is_not_delivered(part10: Path) -> None:
    def answer(method: str, path: str) -> Answer:
        return Answer(body=b'{"ID": "x"}' if path == "/instances" else b"[]")

    with (
        StubServer(answer) as server,
        pytest.raises(DestinationRefused, match="does not hold it"),
    ):
        OrthancDestination("pacs", server.url).send([(MADE, part10)])


def test_something_that_is_not_orthanc_is_not_a_destination(part10: Path) -> None:
    with (
        StubServer(lambda method, path: Answer(body=b"<html>")) as server,
        pytest.raises(DestinationUnreachable),
    ):
        OrthancDestination("pacs", server.url).send([(MADE, part10)])


def test_nobody_there(part10: Path) -> None:
    with pytest.raises(DestinationUnreachable):
        OrthancDestination("pacs", f"http://{HOST}:{free_port()}").send([(MADE, part10)])


def test_a_bad_address_is_refused_at_once() -> None:
    with pytest.raises(SettingsError):
        OrthancDestination("pacs", "localhost:8042")
