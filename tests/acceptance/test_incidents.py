"""What was set aside is looked at, resolved, and gone with its study; the account holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.radiographs import PATIENT_NAME, radiograph


def test_a_conflict_is_resolved_while_the_node_serves(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    node = make_node(rules=[], quiet_seconds=0.5)
    first, second = tmp_path / "first.dcm", tmp_path / "second.dcm"
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
    answer = httpx.post(
        f"{node.url}/api/v1/incidents/1/resolve",
        json={"decision": "kept", "why": "the number was corrected", "who": "ann"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    assert b'wetread_incidents{kind="conflict"} 0.0' in get(node, "/metrics").content

    done = told(node, "retention", "--days", "30")
    assert done["removed"] == [held.StudyInstanceUID]
    assert list((node.home / "archive" / "quarantine").iterdir()) == []
    status = node.status()
    assert (status["problems"], status["incidents"]) == ([], [])
    account = status["account"]
    assert (account["instances"], account["removed"]) == (0, 1)
    assert (account["conflicts"], account["incidents_removed"]) == (0, 1)
    assert b'wetread_instances{state="removed"} 1.0' in get(node, "/metrics").content
    (history,) = told(node, "incidents", "list", "--all")
    assert history["resolution"]["why"] == "the number was corrected"
    assert [each["detail"] for each in events(node, "images.removed")] == ["1"]


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
