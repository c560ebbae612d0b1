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


def test_what_wants_a_compiler_stays_out() -> None:
    assert cut(SMALL, "triton==3.9.0\n") == ""


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
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert stages == ["${BASE}", "${BASE}"]
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "USER 10001:10001" in last
    assert "pip" not in last


def test_its_label_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"\nARG VERSION={project['version']}\n" in DOCKERFILE


def test_the_last_stage_is_told_nothing_that_is_secret() -> None:
    stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^ARG (\w+)", stage, re.MULTILINE) == ["BASE", "VERSION", "REVISION"]


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
