"""Docker: its client, daemons that tests start and stop, and the images that they need.

WETREAD_TEST_IMAGE=build builds the images in a daemon of the tests' own, under WETREAD_DOCKER_ROOT
where they stay for the next time, else under a folder that is removed. It must be asked for: on two
busy cores debootstrap took 2 minutes, the image 10 and what stands in for others' images 2 more, of
which most is 3 GB that come from PyPI and are copied twice. All other tests take less than 20.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import Program

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = Path(__file__).parent / "stand_ins"
BASE = "wetread-base:test"
SECRET = "sesame-of-the-index"  # a password that a build is told, and no image may hold

_ASKED = os.environ.get("WETREAD_TEST_IMAGE", "")
WANTED = _ASKED == "build"  # shall the tests build the images?
IMAGE = _ASKED if _ASKED and not WANTED else "wetread:test"

_ROOM = 25e9  # bytes
_PROGRAMS = ("dockerd", "docker", "debootstrap", "unshare", "ip")


class Docker:
    """The command `docker`, for the daemon at `host`, else for the one of this machine."""

    def __init__(self, host: str = "") -> None:
        self.environment = os.environ | ({"DOCKER_HOST": host} if host else {})

    def __call__(self, *arguments: str, check: bool = True, timeout: float = 600) -> str:
        done = subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def inspect(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what is known of containers, or of images after "image"; [] if there is none."""
        *kind, name = arguments
        found: list[dict[str, Any]] = json.loads(self(*kind, "inspect", name, check=False) or "[]")
        return found

    def follow(self, command: Sequence[str]) -> None:
        """Run a command that talks to the daemon; what it prints is the test's output."""
        subprocess.run(command, env=self.environment, cwd=ROOT, check=True)


class Daemon(Program):
    """A Docker of the test's own, whose images and containers lie in `folder`.

    One that is `apart` has a network of its own: bridges, addresses and published ports that
    nobody else can reach, and no way out. The other's containers have none but this machine's.
    """

    def __init__(self, folder: Path, apart: bool = False) -> None:
        super().__init__(folder / "dockerd.log")
        self.folder = folder
        self.apart = apart
        self.host = f"unix://{folder / 'docker.sock'}"
        self.docker = Docker(self.host)

    def choose_ports(self) -> None:
        pass  # a socket in its folder

    def command(self) -> Sequence[str]:
        daemon = [
            *("dockerd", "--host", self.host, "--storage-driver", "overlay2"),
            *("--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec")),
            *("--pidfile", str(self.folder / "dockerd.pid")),
        ]
        # What it mounts is gone with it, so that the folder can be removed.
        if not self.apart:
            return ["unshare", "--mount", *daemon, "--iptables=false", "--bridge=none"]
        up = 'ip link set lo up && exec "$@"'
        return ["unshare", "--mount", "--net", "sh", "-c", up, "sh", *daemon]

    def answers(self) -> bool:
        return bool(self.docker("version", "--format", "{{.Server.Version}}", check=False))

    def __exit__(self, *raised: Any) -> None:
        if containers := self.docker("ps", "--all", "--quiet", check=False).split():
            self.docker("rm", "--force", "--volumes", *containers, check=False)
        self.stop(60)


def why_not(folder: Path) -> str:
    """Return why no daemon can start here, or nothing."""
    if os.geteuid() != 0:
        return "Docker is started by root only"
    if missing := [each for each in _PROGRAMS if shutil.which(each) is None]:
        return f"not installed: {', '.join(missing)}; tools/test-image.sh installs them"
    if not (folder / "data").exists() and shutil.disk_usage(folder).free < _ROOM:
        return f"the images need {_ROOM / 1e9:.0f} GB in {folder}"
    return ""


@contextmanager
def images(build: Callable[[Docker], None]) -> Iterator[Path]:
    """Yield the folder of a daemon's data, in which `build` has built; skip where none starts."""
    kept = os.environ.get("WETREAD_DOCKER_ROOT")
    folder = Path(kept or tempfile.mkdtemp(prefix="wetread-docker-", dir="/var/tmp"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if reason := why_not(folder):
            pytest.skip(reason)
        with ExitStack() as stack:
            try:
                daemon = stack.enter_context(Daemon(folder))
            except AssertionError as error:
                pytest.skip(f"no Docker starts here: {error}")
            build(daemon.docker)
        yield folder
    finally:
        if not kept:
            shutil.rmtree(folder)


def build_base(docker: Docker) -> None:
    if not docker.inspect("image", BASE):
        with timed("base, by debootstrap"):
            docker.follow(["tools/image-base.sh", BASE])


def build_image(docker: Docker) -> None:
    """Build Wetread's, by `make image`."""
    build_base(docker)
    variant = os.environ.get("VARIANT", "cuda")
    index = os.environ.get("TORCH_INDEX_URL", "")
    if variant == "cuda":  # which asks no such index
        index = f"https://somebody:{SECRET}@index.invalid/"
    with timed(f"{IMAGE}, variant {variant}"):
        docker.follow(
            [
                *("make", "image", f"IMAGE={IMAGE}", f"VARIANT={variant}"),
                f"TORCH_INDEX_URL={index}",
                f"BUILD_ARGS=--network host --build-arg BASE={BASE}",
            ]
        )
    # The next build begins with the layers of this one; those of earlier days only take room.
    docker("image", "prune", "--force", "--filter", "until=12h")


def build_stand_in(docker: Docker, name: str, tag: str) -> None:
    """Build what stands in for an image of others, from Debian's packages."""
    with timed(f"{tag}, from Debian's packages"):
        docker.follow(
            [
                *("docker", "build", "--quiet", "--network", "host", "--tag", tag),
                *("--build-arg", f"BASE={BASE}", "--file", str(STAND_INS / f"{name}.Dockerfile")),
                str(STAND_INS),
            ]
        )


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - start:.0f} s", flush=True)
