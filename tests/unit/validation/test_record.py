from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from inference.domain.errors import InputError
from inference.validation.case import Case
from inference.validation.record import ResultsFile, read_results
from tests.unit.validation.support import identity, record

CASE = Case("a.png", Path("a.png"), positive=True, fingerprint="a.png")


def test_what_was_written_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.jsonl"
    one = record("a.png", True, 0.25, sex="F", detail="line\u2028break", age=4.0)
    with ResultsFile(path, identity(subset=(("split", "test"),))) as results:
        assert results.find(CASE) is None
        results.append([one])
        assert results.find(CASE) == one
    with ResultsFile(path, identity(subset=(("split", "test"),))) as results:
        assert results.find(CASE) == one
    assert read_results(path) == (identity(subset=(("split", "test"),)), {"a.png": one})
    assert read_results(path.parent) == read_results(path)


def test_a_case_that_changed_is_read_anew_and_the_last_record_counts(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsFile(path, identity()) as results:
        results.append([record("a.png", True, 0.25, fingerprint="before")])
        assert results.find(CASE) is None
        results.append([record("a.png", True, 0.75)])
    with ResultsFile(path, identity()) as results:
        found = results.find(CASE)
        assert found is not None
        assert found.certainty == 0.75


@pytest.mark.parametrize("cut", range(1, 40, 6))
def test_a_line_cut_short_by_a_crash_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsFile(path, identity()) as results:
        results.append([record("b.png", True, 0.5), record("a.png", True, 0.25)])
    os.truncate(path, path.stat().st_size - cut)
    with ResultsFile(path, identity()) as results:
        assert results.find(CASE) is None
        results.append([record("a.png", True, 0.25)])
    assert set(read_results(path)[1]) == {"a.png", "b.png"}


def test_a_first_line_cut_short_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"format": 1, "mod')
    with ResultsFile(path, identity()) as results:
        results.append([record("a.png", True, 0.25)])
    assert read_results(path)[0] == identity()


def test_another_run_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsFile(path, identity()):
        pass
    before = path.read_bytes()
    with pytest.raises(InputError, match="weights_sha256 was"):
        ResultsFile(path, identity(weights_sha256="1" * 64))
    assert path.read_bytes() == before


def test_only_one_run_writes_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsFile(path, identity()), pytest.raises(InputError, match="another run writes"):
        ResultsFile(path, identity())


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="cannot be written: File exists"):
        ResultsFile(tmp_path / "out" / "results.jsonl", identity())


@pytest.mark.parametrize(
    "content",
    ["", "hello\n", "[]\n", "{}\n", json.dumps({"format": 99}) + "\n", '{"format": 1}\n'],
)
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=r"results\.jsonl"):
        read_results(path)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_results(tmp_path)
