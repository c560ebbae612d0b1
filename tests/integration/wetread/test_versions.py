"""`wetread models add`, `promote`, `rollback`, `history` and `shadow` on a state directory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from inference.domain.errors import (
    ManifestError,
    RolloutError,
    SettingsError,
    UnknownModel,
    WeightsChanged,
)
from inference.domain.job import ModelId
from inference.domain.rollout import Rollout
from tests.contracts.repositories import make_instance, make_request, make_result
from tests.support.models import write_model
from wetread import settings
from wetread.bootstrap import look_into_stores, open_stores
from wetread.cli.app import app

NOW = datetime(2026, 1, 1, tzinfo=UTC)

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `wetread models ARGUMENTS`; an error of ours is raised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WETREAD_HOME", str(tmp_path / "home"))

    def run(*arguments: str, answer: str = "") -> Result:
        done = CliRunner().invoke(app, ["models", *arguments], input=answer)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


@pytest.fixture
def made(tmp_path: Path, run: Run) -> Callable[[str], Path]:
    """Write a small model somewhere else; return its folder."""

    def write(version: str) -> Path:
        folder = write_model(tmp_path / "made", version=version, seed=int(version[0]))
        (folder / "CARD.md").write_text("measured on nothing")
        return folder

    return write


@pytest.fixture
def two(run: Run, made: Callable[[str], Path]) -> Run:
    for version in ("1.0.0", "2.0.0"):
        assert run("add", str(made(version))).exit_code == 0
    return run


def parsed(done: Result) -> Any:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def in_use(run: Run) -> dict[str, Any]:
    rows = parsed(run("list", "--json"))
    return {row["version"]: row["stage"] for row in rows if row["name"] == "small"}


def test_adding_never_changes_what_patients_are_read_with(
    run: Run, made: Callable[[str], Path], tmp_path: Path
) -> None:
    first = parsed(run("add", str(made("1.0.0")), "--json"))
    assert first["added"]
    assert first["in_use"] == {"active": "1.0.0"}
    assert first["warnings"] == []
    second = parsed(run("add", str(made("2.0.0")), "--json"))
    assert second["in_use"] == {"active": "1.0.0"}
    assert in_use(run) == {"1.0.0": "active", "2.0.0": None}
    home = tmp_path / "home" / "models"
    assert (home / "small" / "2.0.0" / "CARD.md").read_text() == "measured on nothing"
    assert sorted(each.name for each in home.iterdir()) == [".lock", "small"]


def test_adding_pins_the_version_that_was_active_without_anybodys_word(
    run: Run, made: Callable[[str], Path], tmp_path: Path
) -> None:
    # By hand: nobody ever said which version is active.
    shutil.copytree(made("1.0.0").parent, tmp_path / "home" / "models" / "small")
    run("add", str(made("2.0.0")))
    assert in_use(run) == {"1.0.0": "active", "2.0.0": None}
    (pinned,) = parsed(run("history", "small", "--json"))
    assert (pinned["active"], pinned["why"]) == ("1.0.0", "as it was when 2.0.0 was added")


def test_adding_again_is_done_and_other_content_is_refused(
    two: Run, made: Callable[[str], Path], tmp_path: Path
) -> None:
    assert not parsed(two("add", str(made("2.0.0")), "--json"))["added"]
    other = write_model(tmp_path / "other", version="2.0.0", seed=9)
    with pytest.raises(ManifestError, match="other content"):
        two("add", str(other))
    assert len(parsed(two("history", "small", "--json"))) == 1


def test_a_zip_file_is_added(run: Run, made: Callable[[str], Path], tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "small"), "zip", made("1.0.0").parents[1])
    done = run("add", packed)
    assert "small 1.0.0 was added" in done.stdout
    assert in_use(run) == {"1.0.0": "active"}


def test_what_is_not_sound_is_not_added(
    run: Run, made: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = made("1.0.0")
    (folder / "CARD.md").unlink()
    weights = folder / "weights.safetensors"
    sound = weights.read_bytes()
    weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    with pytest.raises(WeightsChanged):
        run("add", str(folder))
    weights.write_bytes(sound)
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ManifestError, match="zip"):
        run("add", str(tmp_path / "text.zip"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match=r"no model\.toml"):
        run("add", str(tmp_path / "empty"))
    home = tmp_path / "home" / "models"
    assert [each.name for each in home.iterdir()] == [".lock"]
    # What a process that was killed has left is swept, and is never taken for a model.
    shutil.copytree(folder, home / ".adding-killed" / "small" / "1.0.0")
    assert "there is no CARD.md" in run("add", str(folder)).stdout
    assert sorted(each.name for each in home.iterdir()) == [".lock", "small"]


def test_promote_and_rollback_with_their_history(two: Run) -> None:
    done = two("promote", "small", "2.0.0", "--canary", "0.1", answer="y\n")
    assert "then: 1.0.0 active, 2.0.0 canary 10 %" in done.stdout
    assert "canary 10 %" in " ".join(two("list").stdout.split())
    assert two("promote", "small", "2.0.0", answer="n\n").exit_code == 1
    assert in_use(two) == {"1.0.0": "active", "2.0.0": "canary"}
    changed = parsed(two("promote", "small", "2.0.0", "--why", "better", "--yes", "--json"))
    assert (changed["active"], changed["canary"], changed["why"]) == ("2.0.0", None, "better")
    assert in_use(two) == {"1.0.0": None, "2.0.0": "active"}

    assert parsed(two("rollback", "small", "--yes", "--json"))["canary"] == "2.0.0"
    again = parsed(two("rollback", "small", "--yes", "--json"))
    assert (again["active"], again["canary"], again["restores"]) == ("1.0.0", None, 1)
    with pytest.raises(RolloutError, match="nothing to go back to"):
        two("rollback", "small", "--yes")
    assert [each["restores"] for each in parsed(two("history", "small", "--json"))] == [
        1,
        2,
        None,
        None,
        None,
    ]
    assert "better" in two("history", "small").stdout
    assert not parsed(two("promote", "small", "1.0.0", "--json", "--yes"))["changed"]


def test_the_first_promotion_can_be_taken_back_too(
    run: Run, made: Callable[[str], Path], tmp_path: Path
) -> None:
    made("1.0.0")
    shutil.copytree(made("2.0.0").parent, tmp_path / "home" / "models" / "small")
    run("promote", "small", "1.0.0", "--yes")
    run("rollback", "small", "--yes")
    assert in_use(run) == {"1.0.0": None, "2.0.0": "active"}


def test_errors_say_what_there_is(two: Run, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"no version '3\.0\.0'; there are: 1\.0\.0, 2\.0\.0"):
        two("promote", "small", "3.0.0", "--yes")
    with pytest.raises(UnknownModel, match=r"there are: .*small"):
        two("promote", "large", "1.0.0", "--yes")
    with pytest.raises(UnknownModel, match="there are"):
        two("rollback", "large", "--yes")
    with pytest.raises(UnknownModel, match="there are"):
        two("history", "large")
    with pytest.raises(RolloutError, match="is the active version"):
        two("promote", "small", "1.0.0", "--shadow", "--yes")
    assert two("promote", "small", "2.0.0", "--canary", "1.5").exit_code == 2
    assert two("promote", "small", "2.0.0", "--canary", "0.5", "--shadow").exit_code == 2
    assert two("promote", "small", "2.0.0", "--json").exit_code == 2
    weights = tmp_path / "home" / "models" / "small" / "2.0.0" / "weights.safetensors"
    weights.write_bytes(b"other")
    with pytest.raises(WeightsChanged):
        two("promote", "small", "2.0.0", "--yes")


def test_before_anything_ran(run: Run) -> None:
    assert all(row["stage"] == "active" for row in parsed(run("list", "--json")))
    with pytest.raises(SettingsError, match="no node has run"):
        run("history", "cxr-pneumonia")


def test_shadow_shows_how_often_both_say_the_same(two: Run) -> None:
    with pytest.raises(RolloutError, match="--shadow"):
        two("shadow", "small")
    two("promote", "small", "2.0.0", "--shadow", "--yes")
    assert "No study was read" in " ".join(two("shadow", "small").stdout.split())
    stores = open_stores(settings.load())
    for number, (shown, hidden) in enumerate([(0.9, 0.8), (0.1, 0.7), (0.2, 0.3)]):
        study = f"1.2.{number}"
        stores.index.add(make_instance(f"{study}.1.1", study=study), NOW, timedelta(0))
        for version, certainty, shadow in (("1.0.0", shown, False), ("2.0.0", hidden, True)):
            model = ModelId("small", version)
            request = make_request(study_instance_uid=study, model=model, shadow=shadow)
            stores.queue.enqueue([request], NOW)
            lease = stores.queue.claim("w", NOW, timedelta(60))
            assert lease is not None
            result = make_result(study_instance_uid=study, model=model, objects=())
            (finding,) = result.findings
            object.__setattr__(finding, "certainty", certainty)
            stores.results.record(lease, result, [])
    stores.close()
    (row,) = parsed(two("shadow", "small", "--json"))["compared"]
    assert (row["delivered"], row["studies"], row["both_assessed"]) == ("1.0.0", 3, 3)
    (finding_row,) = row["findings"]
    assert (
        finding_row["both"],
        finding_row["neither"],
        finding_row["only_delivered"],
        finding_row["only_shadow"],
    ) == (1, 1, 0, 1)
    assert finding_row["pairs"][0]["study_instance_uid"] == "1.2.1"
    said = two("shadow", "small").stdout
    assert "66.7%" in said
    assert "1.2.1" in said
    assert "1.2.0" not in said


def test_the_rollout_lies_in_the_database(two: Run) -> None:
    two("promote", "small", "2.0.0", "--shadow", "--yes")
    stores = look_into_stores(settings.load())
    assert stores.rollouts.current("small") == Rollout("small", "1.0.0", shadow="2.0.0")
    stores.close()
