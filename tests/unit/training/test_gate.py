"""The training of a gate: sources, parts and views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from rich.progress import Progress

import inference.training
from inference.domain.errors import SettingsError
from inference.domain.recognition import Kind
from inference.models.kinds import GATE, kind_of
from inference.models.preprocessing import resize
from inference.ports import Picture
from inference.training.gate import read_settings, run, training_views
from inference.training.gate_images import digest, read_images, read_sources
from inference.training.gate_views import WRONG, chest_view, made_up, other_view, spoil
from tests.support.models import pixels, write_images

CONFIG = Path(inference.training.__file__).parent / "configs" / "body-part.toml"


class NoDicom:
    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        raise AssertionError(part10)


def test_the_configuration_is_one_of_a_gate_with_known_kinds() -> None:
    assert kind_of(CONFIG) == GATE
    settings = read_settings(CONFIG)
    sources = read_sources(settings.source)
    assert {each.kind for each in sources} >= {Kind.FRONTAL_CHEST, Kind.CT_SLICE, Kind.OTHER}
    held_out = [each for each in sources if each.part == "test"]
    assert any("test" in pattern for each in held_out for pattern in each.files)


def test_without_a_reader_of_dicom_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PixelReader"):
        run(CONFIG, tmp_path, tmp_path, None, Progress(disable=True))


@pytest.mark.parametrize("table", [{"kind": "cat", "files": []}, {"files": []}])
def test_a_wrong_source_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        read_sources([table])


def test_patients_are_in_one_part_and_the_same_bytes_count_once(tmp_path: Path) -> None:
    write_images(tmp_path / "chests", train=16, test=4)
    first = tmp_path / "chests" / "00.png"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "same.png").write_bytes(first.read_bytes())
    PillowImage.fromarray(np.eye(50, dtype=np.uint8) * 255).save(tmp_path / "photos" / "eye.png")
    sources = read_sources(
        [
            {"kind": "frontal chest radiograph", "folder": "chests", "files": ["*.png"]}
            | {"parts": [0.5, 0.25], "views": 2},
            {"kind": "something else", "folder": "photos", "files": ["*.png"], "views": 3},
        ]
    )
    images = read_images(sources, tmp_path, NoDicom(), seed=1)
    assert len(images) == 21
    assert [each.name for each in images if each.kind is Kind.OTHER] == ["eye.png"]
    parts = {each.group: each.part for each in images if each.kind is Kind.FRONTAL_CHEST}
    assert sorted(parts.values()).count("training") == 10
    assert digest(images) == digest(read_images(sources, tmp_path, NoDicom(), seed=1))
    views = training_views(images, [each.views for each in sources])
    assert {images[view.image].part for view in views} == {"training"}
    assert len({(view.image, view.number) for view in views}) == len(views)


@pytest.mark.parametrize("kind", [Kind.FRONTAL_CHEST, *WRONG])
def test_a_view_has_its_size_and_follows_its_seed(kind: Kind) -> None:
    source, other = resize(pixels(90, 90, 1), 64), resize(pixels(90, 90, 2), 64)

    def view(seed: int) -> np.ndarray:
        return chest_view(source, other, kind, 48, np.random.default_rng(seed))

    for seed in range(6):
        made = view(seed)
        assert made.shape == (48, 48)
        assert made.dtype == np.float32
        assert 0 <= made.min() <= made.max() <= 1
        assert (made == view(seed)).all()


def test_other_views_and_what_is_made_up_have_their_size() -> None:
    source, other = resize(pixels(90, 90, 1), 64), resize(pixels(90, 90, 2), 64)
    for seed in range(25):
        rng = np.random.default_rng(seed)
        for made in (other_view(source, other, 48, rng), made_up(source, 48, rng)):
            assert made.shape == (48, 48)
            assert 0 <= made.min() <= made.max() <= 1


def test_spoilt_is_spoilt_exactly() -> None:
    source = pixels(40, 60)
    assert (spoil(source, Kind.TURNED_CLOCKWISE)[0] == source[::-1, 0]).all()
    assert (spoil(source, Kind.UPSIDE_DOWN) == source[::-1, ::-1]).all()
    assert spoil(source, Kind.PART_OF_CHEST, 3).shape == (20, 30)
    assert (spoil(source, Kind.PART_OF_CHEST, 3) == source[20:, 30:]).all()
    assert spoil(source, Kind.INVERTED_CHEST) + source == pytest.approx(np.ones((40, 60)))
