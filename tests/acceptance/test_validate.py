"""`wetread validate` as a person and as a pipeline would use it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

from tests.support.models import write_images, write_model
from tests.support.radiographs import PATIENT_NAME, radiograph
from wetread.cli import main

CHROMIUM = shutil.which("chromium")
Call = Callable[..., CompletedProcess[str]]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run the command in `tmp_path`, within this process: torch takes seconds to import."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WETREAD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["wetread", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return CompletedProcess(arguments, int(end.value.code or 0), said.out, said.err)

    return run


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "wetread", *arguments],
        cwd=cwd,
        env=os.environ | {"WETREAD_HOME": str(cwd / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained model that asks for 64 rows and knows children."""
    return write_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 images, every other with the finding; 8 of them are the test split."""
    root = tmp_path_factory.mktemp("data") / "lungs"
    write_images(root, train=16, test=8)
    return root


@pytest.fixture(scope="module")
def validated(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished validation."""
    cwd = tmp_path_factory.mktemp("cwd")
    run = start("validate", str(model), str(data), "--out", "out", cwd=cwd)
    said, wrong = run.communicate(timeout=120)
    assert run.returncode == 0, wrong
    assert "24 cases: 24 assessed (12 with the finding, 24 undetermined)" in said
    return cwd / "out"


def test_the_report_is_there_for_people_and_for_programs(validated: Path) -> None:
    found = json.loads((validated / "report.json").read_text())
    assert found["model"]["model"] == "small"
    assert found["counts"]["assessed"] == 24
    assert 0 <= found["measures"]["auroc"]["value"] <= 1
    assert len((validated / "results.jsonl").read_text().splitlines()) == 25
    assert "small 1.0.0" in (validated / "report.html").read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_page_opens_in_a_browser_without_a_network(validated: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    assert CHROMIUM
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1200,3000",
            f"--screenshot={picture}",
            (validated / "report.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert picture.exists(), done.stderr
    with Image.open(picture) as image:
        assert image.size == (1200, 3000)
        pixels = np.asarray(image.convert("RGB"), dtype=int)
    # The curves are drawn: the accent colour of the light page or of the dark one.
    accents = [
        np.abs(pixels - colour).sum(axis=2) < 12 for colour in ((31, 95, 191), (127, 176, 255))
    ]
    assert max(int(accent.sum()) for accent in accents) > 500


def test_a_bar_that_is_missed_fails_and_is_named(
    call: Call, validated: Path, model: Path, data: Path, tmp_path: Path
) -> None:
    gates = tmp_path / "gates.toml"
    arguments = ("validate", str(model), str(data), "--out", str(validated), "--gate", str(gates))
    gates.write_text("[maximum]\nbrier = 0.0001\nrefused_fraction = 0\n[minimum]\ncases = 24\n")
    done = call(*arguments, "--json")
    assert done.returncode == 1
    assert "bars missed: brier is" in done.stderr
    assert "refused_fraction" not in done.stderr
    verdicts = {each["name"]: each["passed"] for each in json.loads(done.stdout)["bars"]}
    assert verdicts == {"brier": False, "refused_fraction": True, "cases": True}
    gates.write_text("[minimum]\ncases = 24\n")
    assert call(*arguments).returncode == 0
    gates.write_text("[minimum]\nglory = 24\n")
    done = call(*arguments)
    assert done.returncode == 1
    assert "no measure is called 'glory'" in " ".join(done.stderr.split())


def test_dicom_and_images_of_one_table(call: Call, model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    radiograph(data / "child.dcm", seed=1)
    radiograph(data / "old.dcm", seed=2, PatientAge="070Y")
    radiograph(data / "us.dcm", seed=3, Modality="US")
    (data / "notes.dcm").write_text("no DICOM")
    Image.fromarray(np.full((80, 80), 99, np.uint8)).save(data / "plain.png")
    Image.fromarray(np.full((20, 20), 99, np.uint8)).save(data / "tiny.jpg")
    (data / "labels.csv").write_text(
        "file,truth,age\nchild.dcm,yes,\nold.dcm,no,\nus.dcm,no,\nnotes.dcm,no,\n"
        "plain.png,no,3\ntiny.jpg,yes,3\n"
    )
    done = call("validate", str(model), str(data), "--label-column", "truth", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["counts"]["assessed"] == 2
    assert found["counts"]["undetermined"] == 0
    assert found["refusals"] == {
        "patient age outside the model's population": 1,
        "wrong modality": 1,
        "unreadable file": 1,
        "image too small": 1,
    }
    folder = tmp_path / "wetread-validation" / "small-1.0.0" / "data"
    for name in ("report.html", "report.json", "results.jsonl"):
        assert PATIENT_NAME.partition("^")[0] not in (folder / name).read_text()


def test_a_subset_and_a_limit(call: Call, model: Path, data: Path) -> None:
    arguments = ("validate", "run", str(model), str(data), "--json", "--subset", "split=test")
    done = call(*arguments)
    assert json.loads(done.stdout)["counts"]["cases"] == 8
    done = call(*arguments, "--limit", "3")
    assert json.loads(done.stdout)["counts"]["cases"] == 3
    done = call("validate", str(model), str(data), "--json")
    assert done.returncode == 1
    assert "subset was" in " ".join(done.stderr.split())


def test_a_run_that_was_killed_goes_on(call: Call, model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_images(data, train=300, test=0)
    results = tmp_path / "out" / "results.jsonl"
    arguments = ("validate", str(model), str(data), "--out", "out", "--json")
    first = start(*arguments, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not results.exists() or results.read_bytes().count(b"\n") < 30:
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = results.read_bytes()
    assert 30 <= before.count(b"\n") < 300
    done = call(*arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["assessed"] == 300
    after = results.read_bytes()
    assert after.startswith(before.rpartition(b"\n")[0])
    assert after.count(b"\n") == 301
    files = [json.loads(line)["file"] for line in after.splitlines()[1:]]
    assert len(set(files)) == len(files) == 300


def test_two_results_are_compared(call: Call, validated: Path, data: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "models", version="2.0.0", seed=5)
    assert call("validate", str(other), str(data), "--out", "b").returncode == 0
    done = call("validate", "compare", str(validated), "b", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["first"]["version"], found["second"]["version"]) == ("1.0.0", "2.0.0")
    assert found["cases"] == 24
    assert {each["measure"] for each in found["differences"]} >= {"auroc", "accuracy", "brier"}
    shown = call("validate", "compare", str(validated), "b")
    assert "DeLong" in shown.stdout
    wrong = call("validate", "compare", str(data), "b")
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("no-such-model", "DATA"), 1, "no model of the name"),
        (("MODEL", "DATA", "--positive", "CAT"), 1, "no label is 'CAT'"),
        (("MODEL", "DATA", "--subset", "split"), 2, "COLUMN=VALUE"),
        (("MODEL", "DATA", "--output", "effusion"), 1, "--output: pneumonia"),
        (("MODEL", "gone"), 2, "does not exist"),
        (("--help",), 0, "compare"),
        ((), 2, "compare"),
    ],
)
def test_what_cannot_be_done_is_said(
    call: Call, model: Path, data: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    known = {"MODEL": str(model), "DATA": str(data)}
    done = call("validate", *(known.get(each, each) for each in arguments))
    assert done.returncode == code
    assert said in " ".join((done.stderr + done.stdout).split())
    assert "Traceback" not in done.stderr


@pytest.mark.shared
def test_the_shipped_model_on_radiographs_of_children(call: Call, shared_data: Path) -> None:
    data = shared_data / "cxr-kermany-224"
    done = call(
        *("validate", "cxr-pneumonia", str(data), "--subset", "split=test"),
        *("--limit", "60", "--worst", "1", "--json"),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["counts"]["assessed"] == 60
    assert found["measures"]["auroc"]["value"] > 0.9
