"""What lies elsewhere, as files here."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dicom_node.archive.cache import Cache


def added(cache: Cache, tmp_path: Path, key: str, size: int, used: float = 0.0) -> Path:
    source = tmp_path / "source"
    source.write_bytes(b"x" * size)
    path = cache.add(key, source)
    if used:
        os.utime(path, (used, used))
    return path


def test_what_was_added_is_found(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    path = added(cache, tmp_path, "studies/1/2", 10)
    assert cache.find("studies/1/2") == path
    assert path.stat().st_size == 10
    assert cache.find("studies/1/3") is None


def test_what_was_not_asked_for_longest_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    hour_ago = time.time() - 3600
    oldest = added(cache, tmp_path, "a/1", 40, hour_ago)
    older = added(cache, tmp_path, "a/2", 40, hour_ago + 1)
    assert cache.find("a/1") == oldest  # and with that it is the newest
    added(cache, tmp_path, "a/3", 40)
    assert oldest.exists()
    assert not older.exists()


def test_room_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    hour_ago = time.time() - 3600
    paths = [added(cache, tmp_path, f"a/{each}", 20, hour_ago + each) for each in range(4)]
    cache.make_room(25)
    assert [each.exists() for each in paths] == [False, False, True, True]
    cache.make_room(1000)
    assert not any(each.exists() for each in paths)


def test_what_may_be_in_use_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    paths = [added(cache, tmp_path, f"a/{number}", 60) for number in range(3)]
    assert all(path.exists() for path in paths)


def test_a_restart_counts_what_is_there(tmp_path: Path) -> None:
    first = Cache(tmp_path / "cache", 100)
    old = added(first, tmp_path, "a/1", 90, time.time() - 3600)
    again = Cache(tmp_path / "cache", 100)
    added(again, tmp_path, "a/2", 20)
    assert not old.exists()


@pytest.mark.parametrize("key", ["a/1", "a/" + "1" * 300, "../../etc/passwd"])
def test_every_key_lies_inside(tmp_path: Path, key: str) -> None:
    root = tmp_path / "cache"
    assert Cache(root, 100).path(key).resolve().is_relative_to(root.resolve())
