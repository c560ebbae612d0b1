from __future__ import annotations

from pathlib import Path

import pytest

from inference.domain.errors import InputError
from inference.validation.case import Labels, read_cases
from tests.unit.validation.support import NAMES, folder, grey, table


def test_a_folder_with_labels_is_read_in_the_order_of_the_table(tmp_path: Path) -> None:
    root = folder(tmp_path, [(0.9, True), (0.1, False)], patient_id=["a", "b"], Age=["4", "070Y"])
    listed = read_cases(root, None, Labels(), NAMES)
    assert [(case.file, case.positive, case.patient_id) for case in listed.cases] == [
        ("000.png", True, "a"),
        ("001.png", False, "b"),
    ]
    assert listed.cases[1].columns["age"] == "070Y"
    assert (listed.labels.column, listed.labels.positive) == ("label", "PNEUMONIA")


def test_a_csv_alone_names_files_beside_itself(tmp_path: Path) -> None:
    grey(tmp_path / "images" / "a.png", 0.5)
    table(tmp_path / "cohort.csv", [{"file": "images/a.png", "pneumonia": "1"}])
    listed = read_cases(tmp_path / "cohort.csv", None, Labels(), NAMES)
    assert listed.cases[0].positive
    assert listed.cases[0].path == tmp_path / "images" / "a.png"


def test_without_a_table_the_folders_are_the_labels(tmp_path: Path) -> None:
    grey(tmp_path / "NORMAL" / "a.png", 0.1)
    grey(tmp_path / "PNEUMONIA" / "b.png", 0.9)
    listed = read_cases(tmp_path, None, Labels(), NAMES)
    assert {case.file: case.positive for case in listed.cases} == {
        "NORMAL/a.png": False,
        "PNEUMONIA/b.png": True,
    }


def test_the_column_of_the_outputs_name_is_found_and_what_it_says_understood(
    tmp_path: Path,
) -> None:
    rows = []
    for name, value in (("a", "1"), ("b", "0"), ("c", "")):
        grey(tmp_path / f"{name}.png", 0.5)
        rows.append({"file": f"{name}.png", "findings": "x", "pneumonia": value})
    table(tmp_path / "labels.csv", rows)
    listed = read_cases(tmp_path, None, Labels(), NAMES)
    assert listed.labels == Labels("pneumonia", "1")
    assert [case.positive for case in listed.cases] == [True, False]
    assert listed.unlabelled == 1


def test_a_subset_keeps_the_rows_that_have_all_values(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        [(0.1, False), (0.9, True), (0.9, True)],
        split=["test", "train", "test"],
        sex=["F", "F", "M"],
    )
    labels = Labels(subset=(("split", "test"), ("sex", "F")))
    listed = read_cases(root, None, labels, NAMES)
    # The label of the finding is known although no row of the subset has it.
    assert [case.file for case in listed.cases] == ["000.png"]
    assert listed.labels.positive == "PNEUMONIA"


def test_a_larger_limit_holds_the_smaller_and_keeps_the_order(tmp_path: Path) -> None:
    root = folder(tmp_path, [(0.5, index % 2 == 0) for index in range(30)])
    few, more = (
        [case.file for case in read_cases(root, None, Labels(), NAMES, limit).cases]
        for limit in (5, 12)
    )
    assert len(few) == 5
    assert set(few) < set(more)
    assert more == sorted(more)
    assert more != [f"{index:03}.png" for index in range(12)]


def test_the_fingerprint_follows_row_label_and_file(tmp_path: Path) -> None:
    root = folder(tmp_path, [(0.5, True), (0.5, False)], sex=["F", "F"])
    before = read_cases(root, None, Labels(), NAMES).cases
    again = read_cases(root, None, Labels(), NAMES).cases
    assert before == again
    folder(root, [(0.9, True), (0.5, False)], sex=["F", "M"])
    after = read_cases(root, None, Labels(), NAMES).cases
    assert all(
        one.fingerprint != other.fingerprint for one, other in zip(before, after, strict=True)
    )


@pytest.mark.parametrize(
    ("rows", "labels", "said"),
    [
        ([{"path": "a.png", "label": "x"}], Labels(), "no column `file`"),
        ([{"file": "a.png", "label": "x"}], Labels(), "Say --positive: x"),
        ([{"file": "a.png", "truth": "x"}], Labels(), "Say --label-column: file, truth"),
        ([{"file": "a.png", "label": "x"}], Labels(column="y"), "no column 'y'"),
        ([{"file": "a.png", "label": "x"}], Labels(positive="z"), "no label is 'z'"),
        ([{"file": "gone.png", "label": "x"}], Labels(positive="x"), "gone.png is named"),
        ([{"file": "a.png", "label": "x"}] * 2, Labels(positive="x"), "twice"),
        (
            [{"file": "a.png", "label": "x"}],
            Labels(positive="x", subset=(("split", "test"),)),
            "no column 'split'",
        ),
        (
            [{"file": "a.png", "label": "x"}],
            Labels(positive="x", subset=(("label", "test"),)),
            "no row",
        ),
    ],
)
def test_what_cannot_be_understood_is_said_in_a_sentence(
    tmp_path: Path, rows: list[dict[str, object]], labels: Labels, said: str
) -> None:
    grey(tmp_path / "a.png", 0.5)
    table(tmp_path / "labels.csv", rows)
    with pytest.raises(InputError, match=said):
        read_cases(tmp_path, None, labels, NAMES)


@pytest.mark.parametrize("content", [b"", b"file,label\n", b"file,label\n\xff\xfe,x\n"])
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"labels\.csv"):
        read_cases(tmp_path, None, Labels(), NAMES)
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(InputError, match="neither"):
        read_cases(tmp_path, None, Labels(), NAMES)
