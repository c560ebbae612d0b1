"""How the bodies of answers are put together of bytes and files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.dicomweb import pieces
from dicom_node.dicomweb.pieces import Batches, Extent, Piece, file_piece, in_memory

LONG = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "long.dcm"
    path.write_bytes(LONG)
    return path


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(
    ("start", "count"),
    [(0, None), (0, len(LONG)), (7, None), (7, 100_000), (7, 3), (len(LONG), None), (5, 1 << 40)],
)
def test_a_stretch_of_a_file_comes_as_it_is(path: Path, start: int, count: int | None) -> None:
    before = open_files()
    read = b"".join(in_memory(file_piece(path, start, count)))
    assert read == LONG[start : None if count is None else start + count]
    assert open_files() == before


def test_what_is_short_is_read_and_what_is_long_is_left_in_its_file(path: Path) -> None:
    assert list(file_piece(path, 0, 10)) == [LONG[:10]]
    (long,) = file_piece(path)
    assert isinstance(long, Extent)
    assert len(long) == len(LONG)


def test_a_file_is_closed_when_nobody_holds_it(path: Path) -> None:
    before = open_files()
    held = list(file_piece(path))
    assert open_files() == before + 1
    del held
    assert open_files() == before


def test_a_removed_file_is_read_by_who_has_it_open(path: Path) -> None:
    held = list(file_piece(path))
    path.unlink()
    assert b"".join(in_memory(held)) == LONG
    with pytest.raises(FileNotFoundError):
        next(file_piece(path))


def test_a_file_that_became_shorter_is_not_sent_as_if_it_were_whole(path: Path) -> None:
    held = list(file_piece(path))
    os.truncate(path, 1000)
    with pytest.raises(EOFError):
        list(in_memory(held))


def test_small_pieces_are_joined() -> None:
    batches = Batches(iter((b"ab", b"", b"c")))
    assert [batches.take(), batches.take(), batches.take()] == [[b"ab", b"c"], [], []]
    assert list(in_memory([b"ab", b"c"])) == [b"abc"]
    assert Batches(iter(())).take() == []


def test_no_more_is_made_than_is_sent_at_once() -> None:
    made = []

    def bytes_alone() -> Iterator[Piece]:
        for number in range(100):
            made.append(number)
            yield b"x" * (256 << 10)

    assert len(Batches(bytes_alone()).take(is_quick=True)) == 2
    assert len(made) == 2


def files(path: Path) -> Batches:
    return Batches(piece for _ in range(1000) for piece in file_piece(path, 0, 1 << 17))


def test_who_keeps_up_is_sent_more_files_at_once(path: Path) -> None:
    before = open_files()
    batches = files(path)
    counts = []
    for is_quick in (False, True, True, True, True, True, False):
        batch = batches.take(is_quick=is_quick)
        counts.append(len(batch))
        assert open_files() - before == len(batch)
        del batch
    assert counts == [2, 4, 8, 16, 32, 32, 2]
    batches.close()


def test_where_many_files_are_open_each_answer_has_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "_MANY", 1)
    held = [files(path).take() for _ in range(3)]
    assert [len(each) for each in held] == [2, 1, 1]
    held.clear()
    assert len(files(path).take()) == 2


def test_what_takes_long_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_PATIENCE", -1.0)
    batches = Batches(iter((b"a", b"b")))
    assert [batches.take(), batches.take()] == [[b"a"], [b"b"]]


def test_what_is_read_from_is_closed(path: Path) -> None:
    closed = []

    def made() -> Iterator[Piece]:
        try:
            for _ in range(9):
                yield from file_piece(path)
        finally:
            closed.append(True)

    batches = Batches(made())
    batches.take()
    assert closed == []
    batches.close()
    assert closed == [True]
