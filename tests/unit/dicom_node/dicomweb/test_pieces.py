"""How the bodies of answers are put together of bytes and files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.dicomweb import pieces
from dicom_node.dicomweb.pieces import Extent, Piece, batches, file_piece, in_memory

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
    assert list(batches([b"ab", b"", b"c"])) == [[b"ab", b"c"]]
    assert list(in_memory([b"ab", b"c"])) == [b"abc"]
    assert list(batches([])) == []


def test_no_more_is_read_than_is_sent_at_once(path: Path) -> None:
    made = []

    def bytes_alone() -> Iterator[Piece]:
        for number in range(100):
            made.append(number)
            yield b"x" * (256 << 10)

    assert len(next(batches(bytes_alone()))) == 2
    assert len(made) == 2
    before = open_files()
    several = next(batches(piece for _ in range(1000) for piece in file_piece(path, 0, 1 << 17)))
    assert len(several) == open_files() - before == 8
    assert len(next(batches(piece for _ in range(100) for piece in file_piece(path)))) == 8


def test_what_takes_long_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_PATIENCE", -1.0)
    assert list(batches([b"a", b"b"])) == [[b"a"], [b"b"]]
