"""The image as a cluster runs it: no rights, no root, a root file system that cannot be written.

`tools/test-image.sh` builds it and runs these tests; they are skipped where there is no image.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.support.helm import CHART
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import HOST, free_port, wait_for

IMAGE = os.environ.get("WETREAD_TEST_IMAGE", "wetread:test")
UNPRIVILEGED = (
    *("--read-only", "--user", "10001:10001", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--network", "host", "--tmpfs", "/tmp"),
)


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=600
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image() -> dict[str, Any]:
    """What the daemon knows of the image."""
    if shutil.which("docker") is None:
        pytest.skip("Docker is not installed; tools/test-image.sh does so")
    found: list[dict[str, Any]] = json.loads(docker("image", "inspect", IMAGE, check=False) or "[]")
    if not found:
        pytest.skip(f"there is no image {IMAGE}; tools/test-image.sh builds it")
    return found[0]


def inside(*command: str) -> str:
    return docker("run", "--rm", *UNPRIVILEGED, "--entrypoint", command[0], IMAGE, *command[1:])


class Container:
    """`wetread COMMAND` in a container of its own. `options` are `docker run`'s."""

    def __init__(self, *command: str, options: Sequence[str] = (), **settings: object) -> None:
        self.port, self.http_port = free_port(), free_port()
        settings = {
            "http_host": HOST,
            "http_port": self.http_port,
            "dimse_host": HOST,
            "dimse_port": self.port,
            "quiet_seconds": 1,
        } | settings
        self.name = docker(
            *("run", "--detach", *UNPRIVILEGED, *options),
            *("--tmpfs", "/var/lib/wetread:uid=10001,gid=10001,mode=0750"),
            *words("--env", {f"WETREAD_{key.upper()}": value for key, value in settings.items()}),
            *(IMAGE, *command),
        )

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    def get(self, path: str) -> int:
        try:
            return httpx.get(f"{self.url}{path}", trust_env=False, timeout=10).status_code
        except httpx.TransportError:
            return 0

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(docker("inspect", self.name))[0]["State"]
        return state

    def wait_ready(self) -> None:
        wait_for(lambda: self.get("/readyz") == 200 or not self.state["Running"], "/readyz", 180)
        assert self.state["Running"], docker("logs", self.name)

    def wait_done(self) -> None:
        assert docker("wait", self.name) == "0", docker("logs", self.name)

    def remove(self) -> None:
        docker("rm", "--force", "--volumes", self.name)


def words(option: str, pairs: Mapping[str, object]) -> list[str]:
    return [word for key, value in pairs.items() for word in (option, f"{key}={value}")]


def helm_test(receiver: Container, web: Container) -> str:
    """Do what `helm test` does, in a container like its own; return what it says."""
    test = {
        "TEST_HOST": HOST,
        "TEST_PORT": receiver.port,
        "TEST_AE_TITLE": "WETREAD",
        "TEST_CALLING_AE_TITLE": "WETREAD-TEST",
        "TEST_URL": web.url,
        "TEST_SECONDS": 240,
    }
    return docker(
        *("run", "--rm", *UNPRIVILEGED, "--volume", f"{CHART / 'files'}:/test:ro"),
        *words("--env", test),
        *("--entrypoint", "python", IMAGE, "/test/send_study.py"),
    )


@pytest.fixture(scope="module")
def container(image: dict[str, Any]) -> Iterator[Container]:
    running = Container()
    try:
        running.wait_ready()
        yield running
    finally:
        running.remove()


def test_it_is_ready_without_rights_and_with_a_root_that_cannot_be_written(
    container: Container,
) -> None:
    assert container.get("/healthz") == 200
    assert container.get("/readyz") == 200


def test_a_study_sent_to_it_by_c_store_gets_its_report(container: Container) -> None:
    assert "Its report is there: 1 series" in helm_test(container, container)
    status = httpx.get(f"{container.url}/api/v1/status", trust_env=False).json()
    (study,) = status["studies"]
    assert study["jobs"][0]["outcome"] == "assessed"


def test_three_roles_in_containers_of_their_own_share_a_database_and_a_volume(
    image: dict[str, Any], postgresql: PostgresqlServer
) -> None:
    postgresql.directory.chmod(0o755)  # its socket is for everybody, and so its folder
    database = postgresql.create()
    volume = f"wetread-{database}"
    options = ["--volume", f"{volume}:/var/lib/wetread-archive"]
    options += ["--volume", f"{postgresql.directory}:{postgresql.directory}"]
    shared = {
        "database_url": postgresql.url(database),
        "archive": "/var/lib/wetread-archive",
        "migrate_on_start": "false",
    }
    with ExitStack() as stack:
        stack.callback(postgresql.drop, database)
        stack.callback(docker, "volume", "rm", "--force", volume)

        def start(*command: str) -> Container:
            started = Container(*command, options=options, **shared)
            stack.callback(started.remove)
            return started

        start("migrate").wait_done()
        roles = [start("serve", "--role", role) for role in ("receiver", "web", "worker")]
        for each in roles:
            each.wait_ready()
        assert "Its report is there: 1 series" in helm_test(roles[0], roles[1])


def test_the_viewer_comes_along(container: Container) -> None:
    assert container.get("/viewer/") == 200


def test_it_runs_as_nobody_in_particular_and_says_so(image: dict[str, Any]) -> None:
    assert image["Config"]["User"] == "10001:10001"
    assert inside("id", "-u") == "10001"


def test_it_holds_no_compiler_no_installer_and_no_test_tool(image: dict[str, Any]) -> None:
    names = "gcc cc c++ ld make pip uv pytest mypy ruff git npm"
    assert inside("sh", "-c", f"for each in {names}; do command -v $each || true; done") == ""


def test_it_lists_what_it_is_made_of(image: dict[str, Any]) -> None:
    bill = json.loads(inside("cat", "/usr/share/wetread/sbom.cdx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "wetread"
    names = {each["name"] for each in bill["components"]}
    assert {"torch", "pydicom", "pynetdicom", "highdicom", "fastapi"} <= names
    assert not names & {"pytest", "mypy", "schemathesis"}


def test_it_says_how_large_it_is(image: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{IMAGE}: {image['Size'] / 1e6:.0f} MB")
    assert image["Size"] < 7e9


def test_it_ends_in_order_when_it_is_told_to(container: Container) -> None:
    docker("stop", "--time", "60", container.name)
    assert container.state["ExitCode"] == 0
