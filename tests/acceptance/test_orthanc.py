"""Orthanc in and out, with the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.dcmtk import StorescpServer, storescu
from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import radiograph
from tests.support.servers import OrthancServer


def test_a_study_in_orthanc_comes_back_as_report_and_overlay_once(
    make_node: Callable[..., Node], orthanc_server: OrthancServer, tmp_path: Path
) -> None:
    node = make_node(orthanc=[{"name": "pacs", "url": orthanc_server.url}])
    source = radiograph(tmp_path / "image.dcm")
    storescu([tmp_path / "image.dcm"], orthanc_server.dicom_port, called="ORTHANC")
    wait_for(
        lambda: node.status()["account"]["instances"] == 1, "Orthanc's change arrives", 60, 0.2
    )
    node.settle(1)
    (study,) = orthanc_server.find(source.StudyInstanceUID)
    series = [
        orthanc_server.get(f"/series/{each}")["MainDicomTags"]["Modality"]
        for each in orthanc_server.get(f"/studies/{study}")["Series"]
    ]
    assert sorted(series) == ["CR", "OT", "OT", "SR"]  # the overlay and the parametric map
    # What was written back makes the study stable once more, and that must change nothing.
    orthanc_server.wait_stable(2)
    wait_for(lambda: node.run("status").returncode == 0, "the account adds up")
    account = node.settle(1)["account"]
    assert (account["revisions"], account["instances"], account["results"]) == (1, 1, 1)


def test_what_arrives_while_the_peers_are_away_is_delivered_when_they_are_back(
    make_node: Callable[..., Node],
    orthanc_server: OrthancServer,
    storescp_server: StorescpServer,
    tmp_path: Path,
) -> None:
    node = make_node(
        orthanc=[{"name": "pacs", "url": orthanc_server.url, "follow": False}],
        destinations=[
            {
                "name": "workstation",
                "ae_title": "STORESCP",
                "host": "127.0.0.1",
                "port": storescp_server.port,
            }
        ],
    )
    orthanc_server.kill()
    radiograph(tmp_path / "image.dcm")
    storescu([tmp_path / "image.dcm"], node.port, called="WETREAD")

    def delivered() -> dict[str, str]:
        studies = node.status()["studies"]
        jobs = studies[0]["jobs"] if studies else []
        return {each["destination"]: each["state"] for job in jobs for each in job["deliveries"]}

    wait_for(lambda: delivered().get("workstation") == "delivered", "C-STORE delivery", 60, 0.2)
    assert delivered() == {"archive": "delivered", "workstation": "delivered", "pacs": "pending"}
    assert len(storescp_server.files) == 3
    orthanc_server.start()
    node.settle(1)
    assert delivered()["pacs"] == "delivered"
