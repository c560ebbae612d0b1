"""The whole HTTP side of a node with results in it, as schemathesis tries it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.radiographs import radiograph

PROGRAM = Path(sys.executable).with_name("st")
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that has assessed one Study and refused another."""
    folder = tmp_path_factory.mktemp("openapi")
    with Node(folder) as node:
        for number, part in enumerate(("CHEST", "FOOT")):
            path = folder / f"{number}.dcm"
            radiograph(path, BodyPartExamined=part)
            storescu([path], node.port, called="WETREAD")
        node.settle(2)
        yield node


def run(node: Node, *arguments: str) -> None:
    """Let schemathesis try the operations that `arguments` select."""
    done = subprocess.run(
        [
            str(PROGRAM),
            "--config-file",
            str(CONFIG),
            "run",
            f"{node.url}/openapi.json",
            "--seed=1",
            "--max-examples=5",
            "--no-color",
            "--warnings=off",
            "--continue-on-failure",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=node.home,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout
    assert "Traceback" not in node.log_text
    assert node.status()["problems"] == []


def test_the_api_and_fhir_are_as_openapi_describes_them(node: Node) -> None:
    # A stream of events has no end to wait for; it has tests of its own.
    run(
        node,
        "--include-path-regex=^/(api/v1|fhir|healthz|readyz)",
        "--exclude-path=/api/v1/events",
        "--checks=all",
    )


def test_no_path_or_parameter_of_dicomweb_breaks_the_server(node: Node) -> None:
    run(
        node,
        "--include-path-regex=^/(dicom-web|wado)",
        "--checks=not_a_server_error",
        "--phases=coverage,fuzzing",
    )
