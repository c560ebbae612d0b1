from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.training.dataset import load_images, load_pixels, read_examples, read_split

HEAD = "file,label,patient_id,split,subtype,person_id_also_in_test\n"


def table(folder: Path, *rows: str) -> Path:
    (folder / "labels.csv").write_text(HEAD + "\n".join(rows) + "\n")
    return folder


def many(folder: Path) -> Path:
    rows = []
    for index in range(120):
        label = "PNEUMONIA" if index % 3 else "NORMAL"
        rows += [
            f"{index}-{image}.png,{label},p{index},train,,no" for image in range(1 + index % 2)
        ]
    rows += ["t0.png,NORMAL,t0,test,,no", "t1.png,PNEUMONIA,t1,test,virus,no"]
    return table(folder, *rows)


def test_no_patient_is_in_two_parts(tmp_path: Path) -> None:
    split = read_split(many(tmp_path), "PNEUMONIA", 0.2, seed=1)
    parts = [
        {each.patient_id for each in part} for part in (split.train, split.validation, split.test)
    ]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
    assert len(parts[1]) == 24  # a fifth of the patients of each class
    assert len(split.train) + len(split.validation) == 180


def test_the_split_follows_the_seed(tmp_path: Path) -> None:
    many(tmp_path)
    one, again = (read_split(tmp_path, "PNEUMONIA", 0.2, seed=1) for _ in range(2))
    other = read_split(tmp_path, "PNEUMONIA", 0.2, seed=2)
    assert one == again
    assert one.digest != other.digest


def test_another_label_is_another_digest(tmp_path: Path) -> None:
    before = read_split(many(tmp_path), "PNEUMONIA", 0.2, seed=1)
    path = tmp_path / "labels.csv"
    path.write_text(path.read_text().replace("t1.png,PNEUMONIA", "t1.png,NORMAL"))
    assert read_split(tmp_path, "PNEUMONIA", 0.2, seed=1).digest != before.digest


def test_people_of_the_test_part_are_left_out_of_training(tmp_path: Path) -> None:
    many(tmp_path)
    path = tmp_path / "labels.csv"
    path.write_text(path.read_text() + "x.png,PNEUMONIA,person9,train,virus,yes\n")
    split = read_split(tmp_path, "PNEUMONIA", 0.2, seed=1)
    assert split.left_out == 1
    assert "x.png" not in {each.file for each in (*split.train, *split.validation)}


def test_a_patient_in_training_and_test_is_refused(tmp_path: Path) -> None:
    many(tmp_path)
    path = tmp_path / "labels.csv"
    path.write_text(path.read_text() + "y.png,NORMAL,p1,test,,no\n")
    with pytest.raises(ValueError, match="1 patients are in training and test"):
        read_split(tmp_path, "PNEUMONIA", 0.2, seed=1)


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="with and without PNEUMONIA"):
        read_split(table(tmp_path, "a.png,NORMAL,a,train,,no"), "PNEUMONIA", 0.5, seed=1)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\na.png,NORMAL\n")
    with pytest.raises(ValueError, match="patient_id"):
        read_split(tmp_path, "PNEUMONIA", 0.5, seed=1)


@pytest.mark.shared
def test_the_real_split_is_clean(shared_data: Path) -> None:
    folder = shared_data / "cxr-kermany-224"
    split = read_split(folder, "PNEUMONIA", 0.11, seed=20180301)
    assert (len(split.train) + len(split.validation), split.left_out) == (5216 - 457, 457)
    assert len(split.test) == 334
    images = load_images(folder, split.validation[:2], 192)
    assert images.shape == (2, 192, 192)
    assert images.dtype == np.uint8


@pytest.mark.shared
def test_images_of_another_source_are_read_by_their_own_column(shared_data: Path) -> None:
    folder = shared_data / "cxr-nih-512"
    examples = read_examples(folder, "pneumonia", "1")
    assert (len(examples), sum(each.positive for each in examples)) == (318, 15)
    assert load_pixels(folder / examples[0].file).max() <= 1.0
