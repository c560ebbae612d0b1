from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from inference.domain.errors import InputError, RolloutError, UnknownModel
from inference.domain.finding import Presence
from inference.domain.refusal import Reason
from tests.support.models import write_images, write_model
from tests.support.radiographs import radiograph
from wetread import api


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WETREAD_HOME", str(tmp_path / "home"))


def test_one_reading_gives_report_and_overlay(tmp_path: Path) -> None:
    radiograph(tmp_path / "a.dcm")
    answer = api.read(tmp_path / "a.dcm", write_model(tmp_path))

    (finding,) = answer.findings
    assert finding.presence in (Presence.PRESENT, Presence.ABSENT)
    assert "AI RESULT, NOT VERIFIED" in answer.text
    assert "Pneumonia" in answer.text
    assert answer.overlays[0].ndim == 3
    assert answer.evidence[0].picture is not None
    saved = answer.save(tmp_path / "out")
    assert [path.name for path in saved][:2] == ["1-report.dcm", "2-overlay.dcm"]
    assert pydicom.dcmread(saved[0]).Modality == "SR"
    assert not (tmp_path / "home").exists()


def test_what_is_refused_has_a_report_too(tmp_path: Path) -> None:
    radiograph(tmp_path / "a.dcm", Modality="MG")
    answer = api.read([tmp_path / "a.dcm"], write_model(tmp_path))
    assert [each.reason for each in answer.refusals] == [Reason.WRONG_MODALITY]
    assert "NOT ASSESSED" in answer.text
    assert answer.overlays == []


def test_files_of_two_studies_are_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a.dcm", "b.dcm"):
        radiograph(tmp_path / "images" / name)
    with pytest.raises(InputError, match="of 2"):
        api.read(tmp_path / "images", write_model(tmp_path))
    with pytest.raises(InputError, match="missing"):
        api.read(tmp_path / "missing.dcm", write_model(tmp_path))


def test_a_registry_is_of_the_home_that_is_named(tmp_path: Path) -> None:
    node = api.registry(tmp_path / "node")
    versions = [write_model(tmp_path, version=each) for each in ("1.0.0", "1.1.0")]
    first, second = (node.add(each) for each in versions)

    assert first.new
    assert second.new
    assert not node.add(versions[0]).new
    assert str(node.rollout("small")) == "1.0.0 active"
    assert str(node.promote("small", "1.1.0", shadow=True)) == "1.0.0 active, 1.1.0 shadow"
    assert str(node.promote("small", "1.1.0", canary=0.25)) == ("1.0.0 active, 1.1.0 canary 25 %")
    assert node.promote("small", "1.1.0", why="good").active == "1.1.0"
    assert node.load("small").manifest.model.version == "1.1.0"
    assert node.rollback("small").canary == "1.1.0"
    assert [each.why for each in node.history("small")][1] == "good"
    assert not (tmp_path / "home").exists()


def test_what_a_registry_does_not_do(tmp_path: Path) -> None:
    node = api.registry(tmp_path / "node")
    with pytest.raises(UnknownModel):
        node.promote("small", "1.0.0")
    node.add(write_model(tmp_path))
    with pytest.raises(UnknownModel, match=r"no version '2\.0\.0'"):
        node.promote("small", "2.0.0")
    with pytest.raises(RolloutError, match="active version"):
        node.promote("small", "1.0.0", shadow=True)
    with pytest.raises(RolloutError, match="nothing to go back to"):
        node.rollback("small")
    with pytest.raises(ValueError, match="one of shadow and canary"):
        node.promote("small", "1.0.0", shadow=True, canary=0.1)


def test_validate_and_compare(tmp_path: Path) -> None:
    write_images(tmp_path / "images", train=12, test=0)
    heard: list[int] = []
    reports = [
        api.validate(
            write_model(tmp_path / str(seed), seed=seed),
            tmp_path / "images",
            tmp_path / f"out-{seed}",
            worst=0,
            advance=heard.append,
        )
        for seed in (0, 1)
    ]
    assert [each.summary.counts.cases for each in reports] == [12, 12]
    assert sum(heard) == 24
    assert (tmp_path / "out-0" / "report.html").exists()
    assert api.compare(tmp_path / "out-0", tmp_path / "out-1").cases == 12
