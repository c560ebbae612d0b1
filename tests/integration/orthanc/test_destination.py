"""The destination against a real Orthanc."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from inference.domain.errors import DestinationRefused, DestinationUnreachable
from inference.domain.result import ResultObject, Role
from orthanc.destination import OrthancDestination
from tests.support.servers import OrthancServer

Make = Callable[..., tuple[Path, pydicom.Dataset]]


@pytest.fixture
def result(make: Make) -> list[tuple[ResultObject, Path]]:
    return [_object(*make(study="1.2.3")), _object(*make(study="1.2.3"))]


def _object(path: Path, made: pydicom.Dataset) -> tuple[ResultObject, Path]:
    return (
        ResultObject(
            Role.OVERLAY,
            str(made.SOPClassUID),
            str(made.SOPInstanceUID),
            str(made.SeriesInstanceUID),
            str(made.StudyInstanceUID),
            path.name,
        ),
        path,
    )


def test_all_objects_arrive_and_again_is_fine(
    orthanc_server: OrthancServer, result: list[tuple[ResultObject, Path]]
) -> None:
    destination = OrthancDestination("pacs", orthanc_server.url)
    destination.send(result)
    destination.send(result)

    (study,) = orthanc_server.find("1.2.3")
    held = orthanc_server.get(f"/studies/{study}/instances")
    assert {instance["MainDicomTags"]["SOPInstanceUID"] for instance in held} == {
        made.sop_instance_uid for made, _ in result
    }


def test_away_and_back(
    orthanc_server: OrthancServer, result: list[tuple[ResultObject, Path]]
) -> None:
    destination = OrthancDestination("pacs", orthanc_server.url)
    orthanc_server.kill()
    with pytest.raises(DestinationUnreachable):
        destination.send(result)
    orthanc_server.start()
    destination.send(result)

    assert orthanc_server.get("/statistics")["CountInstances"] == 2


def test_what_is_not_dicom_is_refused(
    orthanc_server: OrthancServer, result: list[tuple[ResultObject, Path]]
) -> None:
    result[0][1].write_bytes(b"not DICOM")
    with pytest.raises(DestinationRefused, match="400"):
        OrthancDestination("pacs", orthanc_server.url).send(result)


def test_an_object_of_another_study_is_not_taken_for_this_one(
    orthanc_server: OrthancServer, make: Make, result: list[tuple[ResultObject, Path]]
) -> None:
    made, _ = result[0]
    other, _ = make(study="1.2.4", sop_instance=made.sop_instance_uid)
    orthanc_server.upload(result[1][1])
    with pytest.raises(DestinationRefused, match="does not hold it"):
        OrthancDestination("pacs", orthanc_server.url).send([(made, other)])


def test_an_object_that_a_filter_drops_is_not_delivered(
    make_orthanc: Callable[..., OrthancServer],
    tmp_path: Path,
    result: list[tuple[ResultObject, Path]],
) -> None:
    script = tmp_path / "filter.lua"
    script.write_text("function ReceivedInstanceFilter(dicom, origin) return false end")
    server = make_orthanc(options={"LuaScripts": [str(script)]})
    with pytest.raises(DestinationRefused):
        OrthancDestination("pacs", server.url).send(result)


def test_a_password(
    make_orthanc: Callable[..., OrthancServer], result: list[tuple[ResultObject, Path]]
) -> None:
    server = make_orthanc(users={"writer": "hidden"})
    with pytest.raises(DestinationUnreachable, match="401") as caught:
        OrthancDestination("pacs", server.url, "writer", "forgotten").send(result)
    assert "forgotten" not in str(caught.value)
    OrthancDestination("pacs", server.url, "writer", "hidden").send(result)

    assert server.get("/statistics")["CountInstances"] == 2
