"""Two versions of a model in one node: shadow, canary, promotion and rollback while it serves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from inference.domain.rollout import Rollout
from tests.support.dcmtk import storescu
from tests.support.models import write_model
from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import radiograph
from wetread.cli.app import app

OLD, NEW = "small 1.0.0", "small 2.0.0"
RULES = [{"name": "chest", "model": "small", "modality": ["CR"]}]

Send = Callable[..., str]


@pytest.fixture
def node(make_node: Callable[..., Node], tmp_path: Path) -> Node:
    """A node that reads with the small model 1.0.0, and holds no other version of it."""
    # Where `make_node` will look for the models of its first node.
    write_model(tmp_path / "node-1" / "home" / "models", seed=1)
    return make_node(rules=RULES, quiet_seconds=0.5, inference_threads=1)


@pytest.fixture
def send(node: Node, tmp_path: Path) -> Send:
    """Send a radiograph by C-STORE, and wait for everything; return its Study."""

    def send(study: str = "", wait: bool = True, **attributes: Any) -> str:
        study = study or generate_uid()
        path = tmp_path / f"{generate_uid()}.dcm"
        radiograph(path, study=study, seed=len(list(tmp_path.iterdir())), **attributes)
        revisions = node.status()["account"]["revisions"]
        storescu([path], node.port, called="WETREAD")
        if wait:
            wait_for(
                lambda: node.status()["account"]["revisions"] > revisions, "a revision", 60, 0.2
            )
            node.settle(1)
        return study

    return send


def found(node: Node, study: str) -> dict[str, Any]:
    return next(each for each in node.status()["studies"] if each["study_instance_uid"] == study)


def read_by(node: Node, study: str) -> list[str]:
    """The versions whose answers the Study has, the newest revision first."""
    return [job["model"] for job in found(node, study)["jobs"]]


def models(node: Node, *arguments: str) -> Any:
    # In this process, beside the node's: torch is loaded once.
    done = CliRunner().invoke(app, ["models", *arguments, "--json"], env=node.environment)
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def test_a_version_comes_into_use_step_by_step_while_the_node_serves(
    node: Node, send: Send, tmp_path: Path
) -> None:
    first = send()
    assert read_by(node, first) == [OLD]
    made = write_model(tmp_path / "made", version="2.0.0", seed=2)
    assert models(node, "add", str(made))["in_use"] == {"active": "1.0.0"}
    assert read_by(node, send()) == [OLD]

    # In shadow: read by both, answered by one.
    models(node, "promote", "small", "2.0.0", "--shadow", "--yes")
    study = send()
    seen = found(node, study)
    assert read_by(node, study) == [OLD]
    (job,) = seen["jobs"]
    (hidden,) = seen["shadows"]
    assert (hidden["model"], hidden["state"], hidden["priority"]) == (NEW, "done", "low")
    assert hidden["findings"][0]["certainty"] != job["findings"][0]["certainty"]
    account = node.status()["account"]
    assert (account["shadow_jobs"], account["shadow_done"], account["shadow_results"]) == (1, 1, 1)
    assert account["jobs"] == account["results"] == account["revisions"] == 3
    assert account["deliveries"] == 3
    held = [pydicom.dcmread(each) for each in node.results()]
    assert len(list((node.home / "archive" / "results").rglob("*.dcm"))) == len(held)
    assert not [each for each in held if "2.0.0" in str(each)]
    page = httpx.get(f"{node.url}/studies/{study}", trust_env=False).text
    assert "Read in shadow" in page
    assert page.index(OLD) < page.index("Read in shadow") < page.index(NEW)
    (compared,) = models(node, "shadow", "small")["compared"]
    assert (compared["delivered"], compared["both_assessed"]) == ("1.0.0", 1)

    # As a canary: the same studies for every revision.
    models(node, "promote", "small", "2.0.0", "--canary", "0.5", "--yes")
    rollout = Rollout("small", "1.0.0", "2.0.0", 0.5)
    uids = {rollout.reads(uid): uid for uid in (generate_uid() for _ in range(64))}
    for version, uid in uids.items():
        assert read_by(node, send(uid)) == [f"small {version}"]
    late = send(uids["2.0.0"])
    assert read_by(node, late) == [NEW, NEW]
    reports = [
        each
        for each in map(pydicom.dcmread, node.results("report"))
        if str(each.StudyInstanceUID) == late
    ]
    assert sum("PredecessorDocumentsSequence" in each for each in reports) == 1

    # Promoted, and taken back.
    models(node, "promote", "small", "2.0.0", "--why", "they agree", "--yes")
    assert read_by(node, send()) == [NEW]
    assert read_by(node, send(first)) == [NEW, OLD]
    back = models(node, "rollback", "small", "--why", "a complaint", "--yes")
    assert (back["active"], back["canary"]) == ("1.0.0", "2.0.0")
    models(node, "rollback", "small", "--yes")
    models(node, "rollback", "small", "--yes")
    assert read_by(node, send()) == [OLD]
    history = models(node, "history", "small")
    assert [each["active"] for each in history] == ["1.0.0"] * 3 + ["2.0.0"] + ["1.0.0"] * 3
    assert node.run("models", "rollback", "small", "--yes").returncode == 1


def test_kill_9_between_promotion_and_reading_leaves_every_job_its_version(
    node: Node, send: Send, tmp_path: Path
) -> None:
    models(node, "add", str(write_model(tmp_path / "made", version="2.0.0", seed=2)))
    models(node, "promote", "small", "2.0.0", "--shadow", "--yes")
    studies = [send(wait=False, shape=(1024, 896)) for _ in range(8)]
    wait_for(lambda: node.status()["account"]["jobs"] >= len(studies), "jobs are queued", 60)
    node.kill()
    models(node, "promote", "small", "2.0.0", "--yes")
    node.start()
    status = node.settle(len(studies))
    account = status["account"]
    assert account["jobs"] == account["results"] == account["jobs_done"] == len(studies)
    assert account["shadow_jobs"] == account["shadow_done"] == len(studies)
    for study in status["studies"]:
        assert [job["model"] for job in study["jobs"]] == [OLD]
        assert [job["model"] for job in study["shadows"]] == [NEW]
        reports = [each for each in study["jobs"][0]["objects"] if each["role"] == "report"]
        assert len(reports) == 1
    after = send()
    assert read_by(node, after) == [NEW]
    assert found(node, after)["shadows"] == []
    models(node, "rollback", "small", "--yes")
    node.kill()
    node.start()
    assert read_by(node, send()) == [OLD]


def test_a_shadow_that_breaks_is_seen_and_harms_no_answer(
    node: Node, send: Send, tmp_path: Path
) -> None:
    models(node, "add", str(write_model(tmp_path / "made", version="2.0.0", seed=2)))
    models(node, "promote", "small", "2.0.0", "--shadow", "--yes")
    weights = node.home / "models" / "small" / "2.0.0" / "weights.safetensors"
    sound = weights.read_bytes()
    weights.write_bytes(b"other")
    node.stop()
    node.settings["maximum_attempts"] = 1
    node.start()
    study = send()
    seen = found(node, study)
    (job,) = seen["jobs"]
    (hidden,) = seen["shadows"]
    assert (job["state"], hidden["state"]) == ("done", "failed")
    assert "not the weights" in hidden["error"]
    assert len(job["deliveries"]) == 1
    account = node.status()["account"]
    assert (account["jobs_failed"], account["shadow_failed"]) == (0, 1)
    assert "in shadow, not delivered" in node.run("status").stdout
    weights.write_bytes(sound)
    assert json.loads(node.run("replay", "--all", "--json").stdout)["jobs"] == [hidden["job"]]
    node.settle(1)
    assert found(node, study)["shadows"][0]["state"] == "done"
