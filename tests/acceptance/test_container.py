"""The image as a cluster runs it: no rights, no root, a root file system that cannot be written.

They run against an image that is there, or with WETREAD_TEST_IMAGE=build against one that they
build (tests/support/docker.py); else they are skipped. `tools/test-image.sh` does the latter.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.support.docker import IMAGE, ROOT, SECRET, WANTED, Daemon, Docker
from tests.support.helm import CHART
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import HOST, free_port, wait_for

UNPRIVILEGED = (
    *("--read-only", "--user", "10001:10001", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--network", "host", "--tmpfs", "/tmp"),
)
# Building takes minutes; pytest counts them to the first test that asks for the image.
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def docker(request: pytest.FixtureRequest) -> Iterator[Docker]:
    if WANTED:
        with Daemon(request.getfixturevalue("docker_folder")) as daemon:
            yield daemon.docker
    elif shutil.which("docker") is None:
        pytest.skip("Docker is not installed; tools/test-image.sh does so")
    else:
        yield Docker()


@pytest.fixture(scope="module")
def image(docker: Docker) -> dict[str, Any]:
    """What the daemon knows of the image."""
    found = docker.inspect("image", IMAGE)
    if not found:
        pytest.skip(f"there is no image {IMAGE}; tools/test-image.sh builds it")
    return found[0]


def inside(docker: Docker, *command: str) -> str:
    """Return what a command prints that Wetread stands on, in a container of its own."""
    return docker(*("run", "--rm", *UNPRIVILEGED, "--entrypoint", command[0], IMAGE, *command[1:]))


class Container:
    """`wetread COMMAND` in a container of its own. `options` are `docker run`'s."""

    def __init__(
        self, docker: Docker, *command: str, options: Sequence[str] = (), **settings: object
    ) -> None:
        self.docker = docker
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
        state: dict[str, Any] = self.docker.inspect(self.name)[0]["State"]
        return state

    def wait_ready(self) -> None:
        wait_for(lambda: self.get("/readyz") == 200 or not self.state["Running"], "/readyz", 180)
        assert self.state["Running"], self.docker("logs", self.name)

    def wait_done(self) -> None:
        assert self.docker("wait", self.name) == "0", self.docker("logs", self.name)

    def remove(self) -> None:
        self.docker("rm", "--force", "--volumes", self.name)


def words(option: str, pairs: Mapping[str, object]) -> list[str]:
    return [word for key, value in pairs.items() for word in (option, f"{key}={value}")]


def helm_test(docker: Docker, receiver: Container, web: Container) -> str:
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
def container(docker: Docker, image: dict[str, Any]) -> Iterator[Container]:
    running = Container(docker)
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


def test_a_study_sent_to_it_by_c_store_gets_its_report(
    docker: Docker, container: Container
) -> None:
    assert "Its report is there: 1 series" in helm_test(docker, container, container)
    status = httpx.get(f"{container.url}/api/v1/status", trust_env=False).json()
    (study,) = status["studies"]
    assert study["jobs"][0]["outcome"] == "assessed"


def test_three_roles_in_containers_of_their_own_share_a_database_and_a_volume(
    docker: Docker, image: dict[str, Any], postgresql: PostgresqlServer
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
            started = Container(docker, *command, options=options, **shared)
            stack.callback(started.remove)
            return started

        start("migrate").wait_done()
        roles = [start("serve", "--role", role) for role in ("receiver", "web", "worker")]
        for each in roles:
            each.wait_ready()
        assert "Its report is there: 1 series" in helm_test(docker, roles[0], roles[1])
        for each, role in zip(roles, ("receiver", "web", "worker"), strict=True):
            check = docker("exec", each.name, "wetread-health")
            assert check == f'{role}: {{"status":"ready"}}'


def test_the_viewer_comes_along(container: Container) -> None:
    assert container.get("/viewer/") == 200


def test_it_runs_as_nobody_in_particular_and_says_so(docker: Docker, image: dict[str, Any]) -> None:
    assert image["Config"]["User"] == "10001:10001"
    assert inside(docker, "id", "-u") == "10001"


def test_nothing_in_it_can_be_written_but_its_state_and_scratch(
    docker: Docker, image: dict[str, Any]
) -> None:
    # Without --read-only, which would hide what the files themselves allow.
    look = "find / -xdev -writable ! -type l ! -path '/proc/*' ! -path '/dev/*' 2>/dev/null; true"
    found = docker("run", "--rm", "--network", "none", "--entrypoint", "sh", IMAGE, "-c", look)
    assert set(found.splitlines()) == {
        *("/tmp", "/var/tmp", "/run/lock"),
        *("/var/lib/wetread", "/var/lib/wetread/models", "/var/lib/wetread-archive"),
    }


def test_it_holds_no_compiler_no_installer_and_no_test_tool(
    docker: Docker, image: dict[str, Any]
) -> None:
    names = "gcc cc c++ ld make pip uv pytest mypy ruff git npm"
    assert (
        inside(docker, "sh", "-c", f"for each in {names}; do command -v $each || true; done") == ""
    )


def test_no_cache_and_no_secret_of_its_making_is_left_in_it(
    docker: Docker, image: dict[str, Any]
) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
    told = history + json.dumps(image["Config"])
    assert SECRET not in told
    assert "TORCH_INDEX_URL" not in told
    places = "/etc /opt/wetread/lib/python3*/site-packages/*.dist-info /usr/share/wetread"
    caches = r"find /opt /root /var/cache \( -name .cache -o -name pip -o -name '*.whl' \)"
    left = inside(docker, "sh", "-c", f"grep -rlF {SECRET} {places}; {caches} 2>/dev/null; true")
    assert left == ""


def test_it_lists_what_it_is_made_of(docker: Docker, image: dict[str, Any]) -> None:
    bill = json.loads(inside(docker, "cat", "/usr/share/wetread/sbom.cdx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "wetread"
    names = {each["name"] for each in bill["components"]}
    assert {"torch", "pydicom", "pynetdicom", "highdicom", "fastapi", "@ohif/app"} <= names
    assert not names & {"pytest", "mypy", "schemathesis"}
    packages = "dpkg-query --show --showformat '${Package}@${Version}\n'"
    found = {
        f"{each['name']}@{each['version']}"
        for each in bill["components"]
        if each.get("purl", "").startswith("pkg:deb/")
    }
    assert found == set(inside(docker, "sh", "-c", packages).splitlines())


def test_its_labels_say_what_it_is(image: dict[str, Any]) -> None:
    labels = image["Config"]["Labels"]
    said = {name.removeprefix("org.opencontainers.image."): labels[name] for name in labels}
    assert said["title"] == "Wetread"
    assert said["version"] == "0.1.0"
    assert said["licenses"] == "Apache-2.0"
    assert "not a medical device" in said["description"]


@pytest.mark.parametrize("command", [["--help"], ["wetread", "--help"]])
def test_its_help_is_wetread_s_with_and_without_the_name(
    docker: Docker, image: dict[str, Any], command: list[str]
) -> None:
    said = docker("run", "--rm", *UNPRIVILEGED, IMAGE, *command)
    assert "serve" in said
    assert "Research use only" in said


def test_it_says_how_large_it_is(
    docker: Docker, image: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    script = ["--volume", f"{ROOT / 'tools' / 'image-parts.sh'}:/parts.sh:ro"]
    parts = docker("run", "--rm", *UNPRIVILEGED, *script, "--entrypoint", "sh", IMAGE, "/parts.sh")
    with capsys.disabled():
        print(f"\n{IMAGE}: {image['Size'] / 1e6:.0f} MB, of which\n{parts}")
    assert image["Size"] < 7e9


def test_its_health_is_what_its_roles_answer(docker: Docker, container: Container) -> None:
    wait_for(lambda: container.state["Health"]["Status"] == "healthy", "healthy", 60)
    assert container.state["Health"]["Log"][-1]["Output"].startswith('all roles: {"status":"ready"')


def test_it_ends_in_order_when_it_is_told_to(docker: Docker, container: Container) -> None:
    docker("stop", "--time", "60", container.name)
    assert container.state["ExitCode"] == 0


def test_a_command_that_is_at_work_ends_when_it_is_told_to(
    docker: Docker, image: dict[str, Any]
) -> None:
    at_work = "from wetread.cli import app, main; import time; "
    at_work += "app.app = lambda: (print('at work'), time.sleep(3600)); main()"
    name = docker(
        *("run", "--detach", *UNPRIVILEGED, "--entrypoint", "python", IMAGE, "-c", at_work)
    )
    try:
        wait_for(lambda: "at work" in docker("logs", name), "it works", 60)
        docker("stop", "--time", "60", name)
        assert docker.inspect(name)[0]["State"]["ExitCode"] == 143
    finally:
        docker("rm", "--force", name)
