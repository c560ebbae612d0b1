"""A model is tried out before it is moved in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.domain.errors import ManifestError, ModelFailed
from inference.domain.manifest import InputNeeds, Scope
from inference.fakes.models import fake_manifest
from inference.models.candidate import candidate, check, made_up
from inference.models.kinds import is_gate
from inference.models.registry import SHIPPED
from inference.ports import Assessment, Box
from tests.support.models import write_model

MANIFEST = fake_manifest(needs=InputNeeds(minimum_rows=3, minimum_columns=4, minimum_slices=5))
PICTURES = made_up(MANIFEST)
HEAT = np.zeros((3, 4), np.float32)


def test_the_made_up_input_is_the_smallest_that_is_accepted() -> None:
    assert [each.pixels.shape for each in PICTURES] == [(3, 4)]
    series = made_up(replace(MANIFEST, reads=Scope.SERIES))
    assert [each.plane.position_mm[2] for each in series if each.plane] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "0 answers on 1 pictures"),
        ([Assessment({"other": 0.5}, {})], "answers"),
        ([Assessment({"pneumonia": float("nan")}, {})], "certainty is nan"),
        ([Assessment({"pneumonia": 1.5}, {})], "certainty is 1.5"),
        ([Assessment({"pneumonia": 0.5}, {"pneumonia": HEAT.T})], "fit"),
        ([Assessment({"pneumonia": 0.5}, {"pneumonia": np.full_like(HEAT, np.inf)})], "fit"),
        ([Assessment({"pneumonia": 0.5}, {}, {"pneumonia": HEAT.T > 1})], "fit"),
        (
            [Assessment({"pneumonia": 0.5}, {}, {}, {"pneumonia": [Box(0, 0, 1, 1, 7.0)]})],
            "certainty is 7",
        ),
    ],
)
def test_an_answer_that_breaks_the_promise_is_told(answers: list[Assessment], said: str) -> None:
    with pytest.raises(ModelFailed, match=said):
        check(MANIFEST, PICTURES, answers)


def test_an_answer_that_keeps_the_promise() -> None:
    check(MANIFEST, PICTURES, [Assessment({"pneumonia": 1.0}, {"pneumonia": HEAT})])


@pytest.mark.parametrize(
    "path",
    [each for each in sorted(SHIPPED.glob("*/*/model.toml")) if not is_gate(each)],
    ids=lambda path: path.parts[-3],
)
def test_what_ships_would_be_added(path: Path, tmp_path: Path) -> None:
    with candidate(path.parent, tmp_path) as found:
        assert found.try_out() == ()
        assert found.is_in(path.parent)


def test_a_gate_is_not_added(tmp_path: Path) -> None:
    with (
        pytest.raises(ManifestError, match="gates come with Wetread"),
        candidate(SHIPPED / "body-part" / "1.0.0", tmp_path),
    ):
        pass
    assert [each.name for each in tmp_path.iterdir()] == [".lock"]


def test_a_folder_of_any_name_is_added_whole(tmp_path: Path) -> None:
    source = write_model(tmp_path / "made").rename(tmp_path / "download")
    (source / "images").mkdir()
    (source / "images" / "roc.png").write_bytes(b"a curve")
    root = tmp_path / "models"
    with candidate(source, root) as found:
        assert "no CARD.md" in found.try_out()[0]
        folder = found.move_in(root)
        assert not found.folder.exists()
    assert folder == root / "small" / "1.0.0"
    assert (folder / "images" / "roc.png").read_bytes() == b"a curve"
