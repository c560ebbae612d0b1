"""The commands, as a person and as a program would use them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.support.node import Node
from tests.support.programs import HOST
from tests.support.radiographs import radiograph


def wetread(
    *arguments: str, cwd: Path, timeout: float = 300, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wetread", *arguments],
        cwd=cwd,
        env=os.environ | {"WETREAD_HOME": str(cwd / "home")} | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_the_demo_ends_with_a_report_for_every_study(tmp_path: Path) -> None:
    done = wetread("demo", "--exit", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    rows = json.loads(done.stdout)
    assert len(rows) == 4
    assert all(row["report_uid"] for row in rows)
    chest = next(row for row in rows if row["recognised"] == "CHEST PA")
    assert "Pneumonia undetermined" in chest["answer"]
    assert chest["overlay_uid"]
    leg = next(row for row in rows if row["recognised"].startswith("EXTREMITY"))
    assert leg["answer"].startswith("Not assessed: Body Part Examined is EXTREMITY")
    results = tmp_path / "wetread-demo" / "results"
    assert len(list(results.glob("*-report.txt"))) == 4
    head = next(row for row in rows if row["modality"] == "CT")
    assert head["answer"].startswith("Not assessed: the header gives no body part")
    (picture,) = results.glob("*-overlay.png")
    with Image.open(picture) as image:
        assert image.mode == "RGB"


def test_the_demo_leaves_a_folder_of_somebody_else_alone(tmp_path: Path) -> None:
    (tmp_path / "wetread-demo").mkdir()
    (tmp_path / "wetread-demo" / "thesis.txt").write_text("mine")
    done = wetread("demo", "--exit", cwd=tmp_path)
    assert done.returncode == 1
    assert "not a demo's folder" in " ".join(done.stderr.split())
    assert (tmp_path / "wetread-demo" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("what", ["dimse_port", "http_port"])
def test_a_port_that_is_taken_is_said_with_what_to_set(tmp_path: Path, what: str) -> None:
    node = Node(tmp_path)
    with socket.create_server((HOST, 0)) as taken:
        node.port = node.http_port = 0
        setattr(node, what.replace("dimse_", ""), taken.getsockname()[1])
        refused = node.run("serve")
    assert refused.returncode == 1
    last = refused.stderr.splitlines()[-1]
    assert last.startswith("wetread: nobody can listen for ")
    assert f"et {what} or " in last


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("commands")) as node:
        yield node


def test_send_echo_status_and_pages(node: Node, tmp_path: Path) -> None:
    radiograph(tmp_path / "one.dcm", seed=1)
    radiograph(tmp_path / "two.dcm", seed=2)
    port = str(node.port)
    assert node.run("echo", "--port", port).returncode == 0
    assert node.run("echo", "--port", port, "--called", "OTHER").returncode == 1
    sent = node.run("send", str(tmp_path), "--port", port, "--json")
    assert sent.returncode == 0, sent.stderr
    assert [each["status"] for each in json.loads(sent.stdout) if each["taken"]] == ["0x0000"] * 2
    node.settle(2)
    status = json.loads(node.run("status", "--json").stdout)
    assert status["account"]["jobs_done"] == 2
    assert "done" in node.run("status").stdout
    page = httpx.get(node.url, trust_env=False).text
    uid = status["studies"][0]["study_instance_uid"]
    assert uid in page
    assert "AI result, not verified" in page or "not verified" in page
    overlay = next(
        each["sop_instance_uid"]
        for each in status["studies"][0]["jobs"][0]["objects"]
        if each["role"] == "overlay"
    )
    assert overlay in httpx.get(f"{node.url}/studies/{uid}", trust_env=False).text
    picture = httpx.get(f"{node.url}/studies/{uid}/overlays/{overlay}.png", trust_env=False)
    assert picture.content.startswith(b"\x89PNG")
    missing = httpx.get(f"{node.url}/studies/1.2.3", trust_env=False)
    assert missing.status_code == 404
    assert missing.json()["title"] == "NotFound"
    assert httpx.get(f"{node.url}/studies/..%2f..", trust_env=False).status_code in (400, 404)


def test_two_nodes_never_share_a_state_directory(node: Node) -> None:
    second = node.run("serve")
    assert second.returncode == 1
    assert "another `wetread serve` uses" in second.stderr


def test_rules_test_says_which_rule_takes_a_file_and_why(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    radiograph(folder / "chest.dcm")
    radiograph(folder / "knee.dcm", BodyPartExamined="KNEE")
    radiograph(folder / "us.dcm", Modality="US")
    (folder / "notes.txt").write_text("not DICOM")
    done = wetread("rules", "test", str(folder), "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {Path(row["path"]).name: row for row in json.loads(done.stdout)["files"]}
    assert rows["chest.dcm"]["rules"][0]["takes"]
    assert rows["chest.dcm"]["rules"][0]["model_refuses"] == []
    assert "Body Part Examined is KNEE" in rows["knee.dcm"]["rules"][0]["model_refuses"][0]
    assert "Modality is US" in rows["us.dcm"]["rules"][0]["why"]
    assert rows["notes.txt"]["error"]
    assert "KNEE" in wetread("rules", "test", str(folder), cwd=tmp_path).stdout


def test_models_are_listed_and_verified(tmp_path: Path) -> None:
    listed = json.loads(wetread("models", "list", "--json", cwd=tmp_path).stdout)
    assert "cxr-pneumonia" in {each["name"] for each in listed}
    verified = wetread("models", "verify", cwd=tmp_path)
    assert verified.returncode == 0
    for name in ("body-part", "ct-contrast", "cxr-pneumonia"):
        assert f"{name} 1.0.0: verified" in verified.stdout
    assert "233604007" in wetread("models", "show", "cxr-pneumonia", "--json", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("colour = 1", "colour"),
        ("dimse_port = 70000", "dimse_port"),
        ('ae_title = "A TITLE THAT IS TOO LONG"', "AE title"),
        ("[[rules]]\nname = 'x'\nmodel = 'nothing'", "nothing"),
        ("ae_title = ", "wetread.toml"),
        ("[[rules]]\nname = 'x'\nmodel = 'y'\nseries_description = '('", "regular expression"),
    ],
)
def test_wrong_settings_are_named_in_one_message(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "wetread.toml").write_text(toml)
    done = wetread("serve", cwd=tmp_path, WETREAD_DIMSE_HOST="127.0.0.1")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
