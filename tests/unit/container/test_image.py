"""What the image is made of, as far as it can be told without building it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tools.image_bill import debian, operating_system
from tools.image_requirements import cut, entries, torch_pins

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "requirements.lock").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SMALL = """\
torch==2.15.0 \\
    --hash=sha256:aa
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:bb
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
nvidia-cublas==13.4 ; sys_platform == 'linux' \\
    --hash=sha256:dd
triton==3.9.0 \\
    --hash=sha256:ee
torchvision==0.29.2 \\
    --hash=sha256:ff
"""


def test_what_an_image_needs_is_cut_out_with_its_hashes() -> None:
    assert cut(SMALL, "numpy==2.4.6\ntorch==2.15.0\n") == (
        "numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash=sha256:bb\n"
        "torch==2.15.0 \\\n    --hash=sha256:aa\n"
    )


def test_a_cpu_image_takes_no_torch_and_no_cuda_from_the_lock() -> None:
    names = "numpy==2.4.6\ntorch==2.15.0\nnvidia-cublas==13.4\ntorchvision==0.29.2\n"
    assert re.findall(r"^\S+==", cut(SMALL, names, torch=False), re.MULTILINE) == ["numpy=="]
    assert torch_pins(SMALL) == ["torch==2.15.0", "torchvision==0.29.2"]


def test_what_wants_a_compiler_stays_out_where_there_is_none() -> None:
    assert cut(SMALL, "triton==3.9.0\n") == ""
    assert cut(SMALL, "triton==3.9.0\n", compiler=True).startswith("triton==3.9.0")
    assert cut(SMALL, "triton==3.9.0\n", torch=False, compiler=True) == ""


def test_a_package_that_the_lock_has_not_is_no_quiet_matter() -> None:
    with pytest.raises(KeyError):
        cut(SMALL, "left-pad==1.0\n")


def test_the_lock_has_all_that_builds_an_image() -> None:
    names = {name for name, _ in entries(LOCK)}
    assert {"uv", "setuptools", "cyclonedx-bom", "torch", "torchvision"} <= names


def test_the_dockerfile_asks_for_nothing_that_only_buildkit_has() -> None:
    assert not re.search(
        r"^# *syntax=|<<|--mount|--chmod|--link|--parents", DOCKERFILE, re.MULTILINE
    )


def test_both_stages_stand_on_the_same_base_and_the_last_is_unprivileged() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, re.MULTILINE)
    assert stages == [("${BASE}", "base"), ("base", "builder"), ("base", "")]
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "USER 10001:10001" in last
    assert "pip" not in last


def test_its_label_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"\nARG VERSION={project['version']}\n" in DOCKERFILE


def test_the_last_stage_is_told_nothing_that_is_secret() -> None:
    stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^ARG (\w+)", stage, re.MULTILINE) == ["BASE", "VERSION", "REVISION"]


def run_in(stage: str) -> list[str]:
    """Return what the RUN instructions of a stage hand to the shell."""
    (text,) = re.findall(
        rf"^FROM \S+ AS {stage}\n(.*?)^FROM ", DOCKERFILE, re.MULTILINE | re.DOTALL
    )
    joined = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return re.findall(r"^RUN (.*)$", joined, re.MULTILINE)


def shell(script: str, folder: Path, **environment: str) -> str:
    """Run it with the programs in `folder` alone, which say how they were called."""
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env={"PATH": str(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def program(folder: Path, name: str) -> None:
    (folder / name).write_text('#!/bin/sh\necho "${0##*/}" "$@"\n')
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("packages", "installed"), [("", []), ("gcc libc6-dev", ["gcc", "libc6-dev"])]
)
def test_packages_of_debian_are_installed_where_they_are_asked_for(
    packages: str, installed: list[str], tmp_path: Path
) -> None:
    assert "\nARG EXTRA_PACKAGES=\n" in DOCKERFILE
    for name in ("apt-get", "rm"):
        program(tmp_path, name)
    (script,) = run_in("base")
    lines = shell(script, tmp_path, EXTRA_PACKAGES=packages).splitlines()
    found = [line.split()[-len(installed) :] for line in lines if "apt-get install" in line]
    assert found == ([installed] if installed else [])
    assert bool(lines) == bool(installed)


@pytest.mark.parametrize("compiler", ["", "gcc", "clang"])
def test_what_a_compiler_reads_stays_where_there_is_one(compiler: str, tmp_path: Path) -> None:
    for name in filter(None, ("rm", compiler)):
        program(tmp_path, name)
    parts = [part.strip() for each in run_in("builder") for part in each.split(" && ")]
    (removes,) = (part for part in parts if part.endswith("rm -rf torch/include; }"))
    assert ("rm -rf torch/include" in shell(removes, tmp_path)) is not bool(compiler)
    (asks,) = (part for part in parts if part.startswith("if command"))
    said = shell(f"{asks}; echo $with", tmp_path).splitlines()[-1]
    assert said == ("--with compiler" if compiler else "")


def test_debian_s_packages_are_named_as_scanners_look_them_up() -> None:
    system = operating_system('PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="12"\n')
    assert (system["name"], system["version"]) == ("debian", "12")
    listing = "libssl3\t3.0.17-1~deb12u3\tamd64\topenssl\tinstalled\n"
    listing += "bash\t5.2.15-2+b9\tamd64\tbash\tinstalled\nold\t1\tall\told\tconfig-files\n"
    assert [each["purl"] for each in debian(listing, system)] == [
        "pkg:deb/debian/bash@5.2.15-2%2Bb9?arch=amd64&distro=debian-12",
        "pkg:deb/debian/libssl3@3.0.17-1~deb12u3?arch=amd64&distro=debian-12&upstream=openssl",
    ]


def test_no_package_index_is_named() -> None:
    assert not re.search(r"https?://", DOCKERFILE)
    for path in (ROOT / "tools").glob("*image*"):
        assert not re.search(r"https?://", path.read_text()), path


def test_a_wheel_holds_the_models_and_all_that_is_no_code(tmp_path: Path) -> None:
    # From a copy of what is tracked: a build leaves its traces where it runs.
    rooms = ("wetread", "dicom_node", "inference", "orthanc", "structured_reports")
    tracked = subprocess.run(
        ["git", "ls-files", *rooms, "pyproject.toml", "README.md", "LICENSE", "NOTICE"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    for name in filter(None, tracked):
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "--wheel-dir", tmp_path / "wheel", tmp_path], check=True, capture_output=True
    )
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        held = set(content.namelist())
    wanted = {name for name in tracked if name.startswith(rooms) and (tmp_path / name).exists()}
    assert wanted - held == set()
    assert "inference/models/shipped/cxr-pneumonia/1.0.0/weights.safetensors" in held
