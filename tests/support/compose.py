"""compose.yaml, read and run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.docker import Docker

FILE = Path(__file__).resolve().parents[2] / "compose.yaml"
TEXT = FILE.read_text()
PROJECT = "wetread"
SAID = {"DATABASE_PASSWORD": "sesame1", "ORTHANC_PASSWORD": "sesame2"}
_LABEL = "com.docker.compose"


def put_in(text: str, **said: str) -> str:
    """Return `text` with its variables put in, as Compose does."""

    def value(match: re.Match[str]) -> str:
        if match[1] in said:
            return said[match[1]]
        assert match[2] == ":-", f"{match[1]} must be said"
        return match[3]

    return re.sub(r"(?<!\$)\$\{(\w+)(:-|:\?)([^}]*)\}", value, text).replace("$$", "$")


def services(text: str = TEXT, **said: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(put_in(text, **said))["services"]
    return found


def for_version_1() -> str:
    """Return the file as Compose 1.29 takes it, which knows no `name` and no `configs`."""
    whole = yaml.safe_load(TEXT)
    del whole["name"]
    files = {name: FILE.parent / each["file"] for name, each in whole.pop("configs").items()}
    for service in whole["services"].values():
        for each in service.pop("configs", []):
            mounted = f"{files[each['source']]}:{each['target']}:ro"
            service["volumes"] = [*service["volumes"], mounted]
    return yaml.safe_dump(whole)


def program(docker: Docker) -> list[str]:
    """Return the command of Compose, the newer if it is there; skip where there is none."""
    if shutil.which("docker") and docker("compose", "version", check=False):
        return ["docker", "compose"]
    if found := shutil.which("docker-compose"):
        return [found]
    pytest.skip("Docker Compose is not installed (Debian package docker-compose)")


class Compose:
    """Compose with this repository's file, over which `override` is laid; `said` is its .env."""

    def __init__(self, docker: Docker, folder: Path, override: dict[str, Any], **said: str) -> None:
        self.docker = docker
        self.folder = folder
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in said.items()))
        (folder / "override.yaml").write_text(yaml.safe_dump(override))
        command = program(docker)
        file = FILE
        if command[0] != "docker":
            file = folder / "compose.yaml"
            file.write_text(for_version_1())
        else:
            # It looks for the files that it names in the project's folder.
            shutil.copytree(FILE.parent / "compose", folder / "compose")
        self.command = [
            *(*command, "--project-name", PROJECT, "--project-directory", str(folder)),
            *("--env-file", str(folder / ".env")),
            *("--file", str(file), "--file", str(folder / "override.yaml")),
        ]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.docker.environment | {"COMPOSE_HTTP_TIMEOUT": "600"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        """What the daemon knows of the containers, those that ended included."""
        labels = [f"label={_LABEL}.project={PROJECT}"]
        labels += [f"label={_LABEL}.service={service}"] if service else []
        options = [word for label in labels for word in ("--filter", label)]
        names = self.docker("ps", "--all", "--quiet", *options).split()
        return [self.docker.inspect(name)[0] for name in names]

    def logs(self) -> str:
        """The end of what each container says."""
        return "\n".join(
            f"-- {each['Name']}: {each['State']['Status']}\n"
            + self.docker("logs", "--tail", "30", each["Id"], check=False)
            for each in self.containers()
        )


def service_of(container: dict[str, Any]) -> str:
    return str(container["Config"]["Labels"][f"{_LABEL}.service"])
