"""The loop closed: read, disagreed with by HTTP, delivered, judged, exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pydicom
from pydicom.dataset import Dataset

from tests.support.dcmtk import storescu
from tests.support.loop import check_reports, check_training_set, reports
from tests.support.node import Node
from tests.support.radiographs import radiograph
from tests.support.servers import OrthancServer
from tests.support.validators import entity_errors, iod_errors

DISAGREE: dict[str, Any] = {
    "finding": 1,
    "verdict": "disagree",
    "right_finding": {"value": "46621007", "scheme": "SCT", "meaning": "Atelectasis"},
    "reason": "other finding",
    "comment": "seen on the lateral view",
    "reviewer": {"id": "ann", "name": "Arzt^Anna"},
}


def _read(node: Node, image: Path) -> tuple[Dataset, dict[str, Any]]:
    """Send a radiograph; return it and the one job that read it."""
    source = radiograph(image)
    storescu([image], node.port, called="WETREAD")
    node.settle(1)
    (study,) = node.status()["studies"]
    (job,) = study["jobs"]
    return source, job


def _review(node: Node, job: dict[str, Any], said: dict[str, Any]) -> httpx.Response:
    url = f"{node.url}/api/v1/results/{job['job']}/reviews"
    return httpx.post(url, json=said, trust_env=False, timeout=60)


def _opposite(node: Node, job: dict[str, Any]) -> str:
    """Return what the finding is not, by the AI."""
    url = f"{node.url}/api/v1/results/{job['job']}/reviews"
    shown = httpx.get(url, trust_env=False, timeout=30).raise_for_status().json()
    return "absent" if shown["findings"][0]["presence"] != "absent" else "present"


def test_a_disagreement_comes_back_into_the_study(
    make_node: Callable[..., Node], orthanc_server: OrthancServer, tmp_path: Path
) -> None:
    node = make_node(orthanc=[{"name": "pacs", "url": orthanc_server.url}])
    source, job = _read(node, tmp_path / "image.dcm")
    truth = _opposite(node, job)
    answer = _review(node, job, DISAGREE | {"presence": truth})
    assert answer.status_code == 201, answer.text
    node.settle(1)
    ours, review = check_reports(orthanc_server, tmp_path)
    wrong = entity_errors([tmp_path / "image.dcm", ours, review])
    assert [each for each in wrong if "Missing SOPInstanceUID" not in each] == []
    said, report = pydicom.dcmread(review), pydicom.dcmread(ours)
    assert said.StudyInstanceUID == source.StudyInstanceUID
    assert said.PatientID == source.PatientID
    assert said.VerificationFlag == "UNVERIFIED"
    tracking = [line for line in str(report).splitlines() if "2.25." in line and "UID" in line]
    shown = httpx.get(f"{node.url}/api/v1/results/{job['job']}/reviews", trust_env=False).json()
    uid = shown["findings"][0]["tracking_uid"]
    assert any(uid in line for line in tracking)
    assert uid in str(said)
    # DICOMweb has it too.
    series = httpx.get(
        f"{node.url}/dicom-web/studies/{source.StudyInstanceUID}/series?Modality=SR",
        trust_env=False,
        timeout=30,
    ).raise_for_status()
    found = {each["0020000E"]["Value"][0] for each in series.json()}
    assert found == {str(report.SeriesInstanceUID), str(said.SeriesInstanceUID)}
    # What came back through Orthanc is our own: no new revision, and the account adds up.
    orthanc_server.wait_stable(1)
    account = node.settle(1)["account"]
    assert (account["revisions"], account["instances"], account["results"]) == (1, 1, 1)
    assert account["deliveries"] == 4  # report and review, to the archive and to Orthanc


def test_what_was_reviewed_is_a_training_set(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    node = make_node()
    source, job = _read(node, tmp_path / "image.dcm")
    truth = _opposite(node, job)
    assert _review(node, job, DISAGREE | {"presence": truth}).status_code == 201
    listed = json.loads(node.run("reviews", "list", "--json").stdout)
    assert [(each["verdict"], each["presence"]) for each in listed] == [("disagree", truth)]
    assert "disagree" in node.run("reviews", "list").stdout
    folder = tmp_path / "set"
    check_training_set(node, folder, source, truth)
    refused = node.run("reviews", "export", str(folder))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
    pictures = node.run("reviews", "export", str(tmp_path / "pictures"), "--png", "--json")
    assert json.loads(pictures.stdout)["cases"] == 1
    assert len(list((tmp_path / "pictures").rglob("*.png"))) == 1


def test_a_review_that_was_acknowledged_survives_kill_9(
    make_node: Callable[..., Node], orthanc_server: OrthancServer, tmp_path: Path
) -> None:
    node = make_node(orthanc=[{"name": "pacs", "url": orthanc_server.url, "follow": False}])
    _, job = _read(node, tmp_path / "image.dcm")
    truth = _opposite(node, job)
    answer = _review(node, job, DISAGREE | {"presence": truth})
    node.kill()
    assert answer.status_code == 201, answer.text
    node.start()
    node.settle(1)
    again = _review(node, job, DISAGREE | {"presence": truth})
    assert again.status_code == 200  # it is there already
    assert again.json() == answer.json()
    node.settle(1)
    held = reports(orthanc_server, tmp_path)
    uids = [str(pydicom.dcmread(each).SOPInstanceUID) for each in held]
    assert len(uids) == 2
    assert answer.json()["sop_instance_uid"] == uids[1]
    month = httpx.get(f"{node.url}/api/v1/concordance", trust_env=False).raise_for_status().json()
    assert month["models"][0]["total"]["reviewed"] == 1


def test_a_proxy_says_who_it_was(make_node: Callable[..., Node], tmp_path: Path) -> None:
    node = make_node(reviewer_header="X-Remote-User", reviewer_organization="Hospital")
    _, job = _read(node, tmp_path / "image.dcm")
    assert _review(node, job, {"verdict": "agree"}).status_code == 401
    url = f"{node.url}/api/v1/results/{job['job']}/reviews"
    answer = httpx.post(
        url, json={"verdict": "agree"}, headers={"X-Remote-User": "ann"}, trust_env=False
    )
    assert answer.status_code == 201, answer.text
    uid = answer.json()["sop_instance_uid"]
    (path,) = (node.home / "archive" / "results").rglob(f"{uid}*.dcm")
    said = pydicom.dcmread(path)
    assert said.VerificationFlag == "VERIFIED"
    assert said.VerifyingObserverSequence[0].VerifyingOrganization == "Hospital"
    assert iod_errors(path) == []
