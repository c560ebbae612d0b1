"""What was set aside is compared, resolved, and gone with its study; the account holds."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pydicom

from tests.support.dcmtk import dcmtk, storescu
from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import PATIENT_NAME, radiograph


def test_a_conflict_is_resolved_while_the_node_serves(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    node = make_node(rules=[], quiet_seconds=0.5)
    first, second = tmp_path / "first.dcm", tmp_path / "second.dcm"
    recoded, drawn = tmp_path / "recoded.dcm", tmp_path / "drawn.dcm"
    held = radiograph(first)
    same = {
        "study": held.StudyInstanceUID,
        "series": held.SeriesInstanceUID,
        "instance": held.SOPInstanceUID,
    }
    radiograph(second, **same, AccessionNumber="ACC2")
    storescu([first], node.port, called="WETREAD")
    for _ in range(2):
        storescu([second], node.port, called="WETREAD", check=False)
    node.settle(1)

    # The same image by another negotiation is looked at, and then no failure any more.
    subprocess.run([dcmtk("dcmcrle"), first, recoded], check=True)
    assert refused(recoded, node)
    until_compared(node, 2)
    for _ in range(2):
        storescu([recoded], node.port, called="WETREAD")
    assert stored(recoded, node) == 200
    (found,) = get(node, "/api/v1/incidents?decision=same").json()["items"]
    assert (found["compared"], found["times"], found["calling_ae"]) == ("same", 1, "STORESCU")
    assert found["resolution"]["decision"] == "same"
    assert found["resolution"]["who"] == "Wetread"
    # One pixel more, and it is another image.
    changed = pydicom.dcmread(first)
    pixels = changed.pixel_array.copy()
    pixels[100, 100] ^= 1
    changed.PixelData = pixels.tobytes()
    changed.save_as(drawn)
    subprocess.run([dcmtk("dcmcrle"), drawn, drawn], check=True)
    assert refused(drawn, node)
    until_compared(node, 3)
    assert stored(drawn, node) == 409
    pictured, named = get(node, "/api/v1/incidents?state=open").json()["items"]
    assert (pictured["incident"], pictured["compared"], pictured["times"]) == (3, "differs", 2)
    assert (named["incident"], named["compared"]) == (1, "differs")
    counted = get(node, "/metrics").text
    for line in (
        'incidents{kind="conflict"} 2.0',
        'incidents_to_compare{kind="conflict"} 0.0',
        'incidents_resolved{decision="same"} 1.0',
    ):
        assert f"wetread_{line}" in counted
    resolve(node, 3, "drawn on")

    with sqlite3.connect(node.home / "wetread.db", timeout=30) as database:
        database.execute("UPDATE studies SET received_at = datetime(received_at, '-60 days')")
    database.close()
    (kept,) = told(node, "retention", "--days", "30")["kept"]
    assert [each["reason"] for each in kept["reasons"]] == ["quarantined"]

    shown = told(node, "incidents", "show", "1")
    assert (shown["kind"], shown["times"]) == ("conflict", 2)
    assert shown["difference"]["pixels"] == "same"
    changed = [each["keyword"] for each in shown["difference"]["attributes"]]
    assert changed == ["AccessionNumber"]
    assert PATIENT_NAME not in node.run("incidents", "show", "1").stdout
    resolve(node, 1, "the number was corrected")
    assert b'wetread_incidents{kind="conflict"} 0.0' in get(node, "/metrics").content

    done = told(node, "retention", "--days", "30")
    assert done["removed"] == [held.StudyInstanceUID]
    assert list((node.home / "archive" / "quarantine").iterdir()) == []
    status = node.status()
    assert (status["problems"], status["incidents"]) == ([], [])
    account = status["account"]
    assert (account["instances"], account["removed"]) == (0, 1)
    assert (account["conflicts"], account["incidents_removed"]) == (0, 3)
    assert (account["incidents_resolved"], account["incidents_same"]) == (3, 1)
    assert b'wetread_instances{state="removed"} 1.0' in get(node, "/metrics").content
    (*_, history) = told(node, "incidents", "list", "--all")
    assert history["resolution"]["why"] == "the number was corrected"
    assert [each["detail"] for each in events(node, "images.removed")] == ["1"]


def refused(file: Path, node: Node) -> bool:
    done = storescu([file], node.port, called="WETREAD", extra=["-v"], check=False)
    return done.returncode != 0 and "0x111" in done.stdout + done.stderr


def stored(file: Path, node: Node) -> int:
    """Return the answer of STOW-RS (PS3.18 Section 10.5)."""
    return httpx.post(
        f"{node.url}/dicom-web/studies",
        content=file.read_bytes(),
        headers={"Content-Type": "application/dicom", "Accept": "application/dicom+json"},
        trust_env=False,
        timeout=60,
    ).status_code


def until_compared(node: Node, number: int) -> None:
    def is_compared() -> bool:
        found = get(node, f"/api/v1/incidents/{number}").json()
        return found["compared"] not in (None, "begun")

    wait_for(is_compared, f"incident {number} to be compared")


def resolve(node: Node, number: int, why: str) -> None:
    answer = httpx.post(
        f"{node.url}/api/v1/incidents/{number}/resolve",
        json={"decision": "kept", "why": why, "who": "ann"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text


def told(node: Node, *arguments: str) -> Any:
    done = node.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def get(node: Node, path: str) -> httpx.Response:
    return httpx.get(f"{node.url}{path}", trust_env=False, timeout=60)


def events(node: Node, kind: str) -> list[dict[str, Any]]:
    """Return the events of a kind, up to the first that are none of anything."""
    found: list[dict[str, Any]] = []
    with httpx.stream(
        "GET", f"{node.url}/api/v1/events?after=0", trust_env=False, timeout=60
    ) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                found += [event] if event["event"] == kind else []
            if found:
                break
    return found
