"""What `helm test` runs, against a node: a study in, its report out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.helm import CHART
from tests.support.node import AE_TITLE, Node
from tests.support.programs import HOST

SCRIPT = CHART / "files" / "send_study.py"


def run(node: Node, seconds: int) -> subprocess.CompletedProcess[str]:
    settings = {
        "TEST_HOST": HOST,
        "TEST_PORT": str(node.port),
        "TEST_AE_TITLE": AE_TITLE,
        "TEST_CALLING_AE_TITLE": "WETREAD-TEST",
        "TEST_URL": node.url,
        "TEST_SECONDS": str(seconds),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.run(
        [sys.executable, SCRIPT],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_study_that_helm_test_sends_gets_its_report(make_node: Callable[..., Node]) -> None:
    node = make_node()
    done = run(node, seconds=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Its report is there: 1 series" in done.stdout
    (study,) = node.status()["studies"]
    assert study["study_instance_uid"] in done.stdout


def test_helm_test_fails_where_there_is_no_report(make_node: Callable[..., Node]) -> None:
    done = run(make_node(quiet_seconds=600), seconds=1)
    assert done.returncode == 1
    assert "No report within 1 seconds" in done.stderr
