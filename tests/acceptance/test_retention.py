"""Old images go while the node serves; what is claimed stays, and what comes again is read."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom.uid import generate_uid

from tests.support.dcmtk import storescu
from tests.support.models import write_model
from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import radiograph
from tests.support.servers import OrthancServer

RULES = [
    {"name": "chest", "model": "small", "modality": ["CR"]},
    {"name": "broken", "model": "broken", "modality": ["DX"]},
]
DISAGREE = {
    "finding": 1,
    "verdict": "disagree",
    "right_finding": {"value": "46621007", "scheme": "SCT", "meaning": "Atelectasis"},
    "reason": "other finding",
    "comment": "",
    "reviewer": {"id": "ann", "name": "Arzt^Anna"},
}


@pytest.fixture
def node(make_node: Callable[..., Node], orthanc_server: OrthancServer, tmp_path: Path) -> Node:
    """A node that reads CR, and whose model for DX breaks."""
    models = tmp_path / "node-1" / "home" / "models"
    write_model(models, seed=1)
    broken = write_model(models, name="broken")
    for each in broken.glob("*.safetensors"):
        each.write_bytes(b"not what the manifest says")
    peer = {"name": "pacs", "url": orthanc_server.url, "follow": False}
    return make_node(orthanc=[peer], rules=RULES, maximum_attempts=1, quiet_seconds=0.5)


def send(node: Node, folder: Path, study: str = "", **attributes: Any) -> tuple[str, Path]:
    """Send a radiograph; return its Study and its file."""
    study, path = study or generate_uid(), folder / f"{generate_uid()}.dcm"
    radiograph(path, study=study, **attributes)
    storescu([path], node.port, called="WETREAD")
    return study, path


def disagree(node: Node, study: str) -> None:
    (job,) = of(node, study)["jobs"]
    url = f"{node.url}/api/v1/results/{job['job']}/reviews"
    answer = httpx.post(url, json=DISAGREE, trust_env=False, timeout=60)
    assert answer.status_code == 201, answer.text


def grow_old(node: Node) -> None:
    """Let everything have arrived two months ago."""
    with sqlite3.connect(node.home / "wetread.db", timeout=30) as database:
        database.execute("UPDATE studies SET received_at = datetime(received_at, '-60 days')")
    database.close()


def retention(node: Node, *arguments: str) -> Any:
    done = node.run("retention", "--days", "30", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of(node: Node, study: str) -> dict[str, Any]:
    return next(each for each in node.status()["studies"] if each["study_instance_uid"] == study)


def held(node: Node) -> set[str]:
    """Return the Studies that have images in the archive."""
    return {each.parts[-3] for each in (node.home / "archive" / "studies").rglob("*.dcm")}


def get(node: Node, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{node.url}{path}", headers=headers, trust_env=False, timeout=60)


def reports(orthanc: OrthancServer) -> Counter[str]:
    """Return how many reports of ours Orthanc holds of each Study; no reviews."""
    return Counter(
        orthanc.get(f"/studies/{series['ParentStudy']}")["MainDicomTags"]["StudyInstanceUID"]
        for series in orthanc.get("/series?expand")
        if series["MainDicomTags"]["Modality"] == "SR"
        and "eview" not in series["MainDicomTags"].get("SeriesDescription", "")
        for _ in series["Instances"]
    )


def test_only_what_nothing_claims_goes_and_what_comes_again_is_read_again(
    node: Node, orthanc_server: OrthancServer, tmp_path: Path
) -> None:
    delivered, image = send(node, tmp_path)
    disagreed, _ = send(node, tmp_path, seed=1)
    failed, _ = send(node, tmp_path, seed=2, Modality="DX")
    node.settle(3)
    disagree(node, disagreed)
    node.settle(3)
    orthanc_server.kill()
    waiting, _ = send(node, tmp_path, seed=3)
    wait_for(lambda: node.status()["account"]["results"] == 4, "four results", 60, 0.2)
    studies = {delivered, disagreed, failed, waiting}
    assert retention(node)["removed"] == []  # they are of today
    grow_old(node)

    told = retention(node, "--dry-run")
    assert told["removed"] == [delivered]
    assert held(node) == studies
    done = retention(node)
    assert (done["removed"], done["instances"]) == ([delivered], 1)
    assert {
        each["study_instance_uid"]: [reason["reason"] for reason in each["reasons"]]
        for each in done["kept"]
    } == {
        disagreed: ["disagreed"],
        failed: ["job failed"],
        waiting: ["delivery waiting"],
    }
    assert held(node) == {disagreed, failed, waiting}
    check_what_stays(node, delivered)

    printed = node.run("retention", "--days", "30", "--reviewed")
    assert printed.returncode == 0, printed.stderr
    assert "1 image of 1 study removed" in printed.stdout
    assert f"kept {failed}: a job of it failed, and can be replayed" in printed.stdout
    assert held(node) == {failed, waiting}
    log = [line for line in printed.stderr.splitlines() if disagreed in line]
    assert len(log) == 1

    # The same image again is a new arrival; another one alone does not make the study whole.
    orthanc_server.start()
    storescu([image], node.port, called="WETREAD")
    send(node, tmp_path, disagreed, seed=9)
    wait_for(lambda: node.status()["account"]["revisions"] == 6, "two more revisions", 60, 0.2)
    node.settle(4)
    again, late = of(node, delivered), of(node, disagreed)
    assert (again["instances"], again["removed"], again["removed_at"]) == (1, 0, None)
    assert [(job["revision"], job["state"]) for job in again["jobs"]] == [(2, "done"), (1, "done")]
    assert (late["instances"], late["removed"]) == (1, 1)
    newest, read = late["jobs"]
    assert (newest["model"], newest["state"], read["state"]) == (None, "refused", "done")
    assert "Send the whole study again" in newest["reasons"][0]
    counts = get(node, f"/api/v1/studies/{disagreed}").json()["results"]
    assert counts == [read["job"], newest["job"]]
    assert reports(orthanc_server) == {delivered: 2, disagreed: 2, failed: 1, waiting: 1}
    account = node.status()["account"]
    assert (account["instances"], account["removed"]) == (4, 1)
    assert node.run("status").returncode == 0


def check_what_stays(node: Node, study: str) -> None:
    """Results are shown as before, and everything says that the images were removed."""
    listed = node.run("status")
    assert listed.returncode == 0
    assert "removed 1" in listed.stdout
    assert "(1 removed by retention on " in listed.stdout
    shown = get(node, f"/api/v1/studies/{study}").json()
    assert (shown["instances"], shown["removed"]) == (0, 1)
    assert shown["removed_at"]
    page = get(node, f"/studies/{study}")
    assert page.status_code == 200
    assert "1 image of this study was removed from here by retention on" in page.text
    assert "images removed" in get(node, "/").text
    (job,) = of(node, study)["jobs"]
    for path in (f"/api/v1/results/{job['job']}", f"/fhir/DiagnosticReport/{job['job']}"):
        assert get(node, path).status_code == 200
    (found,) = get(node, f"/api/v1/results/{job['job']}").json()["findings"]
    made = get(node, f"/dicom-web/studies/{study}/metadata")
    assert made.status_code == 200
    classes = {each["00080060"]["Value"][0] for each in made.json()}
    assert "SR" in classes
    assert "CR" not in classes
    thumbnail = get(node, f"/dicom-web/studies/{study}/thumbnail", Accept="image/jpeg")
    assert thumbnail.status_code == 200
    evidence = found["evidence"]
    assert evidence["url"] is None
    uid = evidence["sop_instance_uid"]
    series = f"/dicom-web/studies/{study}/series/{generate_uid()}/instances/{uid}"
    for path in (series, f"{series}/rendered", f"{series}/metadata", f"{series}/frames/1"):
        gone = get(node, path)
        assert gone.status_code == 410, path
        assert "removed from here by retention" in gone.json()["detail"]
    gone = get(node, f"/studies/{study}/instances/{uid}/tags")
    assert gone.status_code == 410
    assert gone.headers["content-type"] == "application/problem+json"


def test_without_a_number_of_days_nothing_is_ever_removed(node: Node, tmp_path: Path) -> None:
    send(node, tmp_path)
    node.settle(1)
    grow_old(node)
    done = node.run("retention")
    assert done.returncode == 0
    assert "Nothing is ever removed" in done.stdout
    assert node.status()["account"]["instances"] == 1
    node.settings["retention_days"] = 30
    done = node.run("retention", "--limit", "1")
    assert "1 image of 1 study removed" in done.stdout
    assert node.status()["account"]["removed"] == 1


def test_where_no_node_has_run_nothing_is_made(tmp_path: Path) -> None:
    node = Node(tmp_path)
    done = node.run("retention", "--days", "30")
    assert done.returncode == 1
    assert "no node has run" in done.stderr
    assert not node.home.exists()
