"""Once for all who ask for it, and nobody waits for what somebody else loads."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.domain.errors import ManifestError
from inference.models.loaded import Loaded

LIMIT = 60.0  # seconds, for what should come at once


class Thing:
    """Something that a weak reference can be had of."""


class Load:
    """Says that it has begun, and ends when it may."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.error: BaseException | None = None

    def __call__(self) -> Thing:
        self.begun.release()
        assert self.may_end.acquire(timeout=LIMIT)
        if self.error is not None:
            raise self.error
        return Thing()

    def wait(self) -> None:
        assert self.begun.acquire(timeout=LIMIT)


class Telling:
    """A lock that tells who had it."""

    def __init__(self) -> None:
        self.had = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self.had.release()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_while_one_is_loaded_others_are_loaded_and_had(pool: ThreadPoolExecutor) -> None:
    loaded: Loaded[str, Thing] = Loaded(2)
    kept = loaded.get("kept", Thing)
    slow = Load()
    found = pool.submit(loaded.get, "slow", slow)
    slow.wait()
    assert loaded.get("kept", Thing) is kept
    assert loaded.get("other", Thing) is not kept
    slow.may_end.release()
    assert loaded.get("slow", Thing) is found.result(LIMIT)


def test_what_many_ask_for_at_once_is_loaded_once(pool: ThreadPoolExecutor) -> None:
    loaded: Loaded[str, Thing] = Loaded()
    loaded._lock = lock = Telling()  # type: ignore[assignment]
    load = Load()
    found = [pool.submit(loaded.get, "one", load) for _ in range(3)]
    for _ in found:
        assert lock.had.acquire(timeout=LIMIT)
    load.wait()
    load.may_end.release()
    assert len({each.result(LIMIT) for each in found}) == 1
    assert not load.begun.acquire(blocking=False)


def test_why_it_failed_is_told_to_all_who_wait_and_it_is_tried_again(
    pool: ThreadPoolExecutor,
) -> None:
    loaded: Loaded[str, Thing] = Loaded()
    loaded._lock = lock = Telling()  # type: ignore[assignment]
    load = Load()
    load.error = ManifestError("broken")
    found = [pool.submit(loaded.get, "one", load) for _ in range(3)]
    for _ in found:
        assert lock.had.acquire(timeout=LIMIT)
    load.wait()
    load.may_end.release()
    for each in found:
        with pytest.raises(ManifestError, match="broken"):
            each.result(LIMIT)
    assert not load.begun.acquire(blocking=False)
    assert "one" not in loaded
    assert isinstance(loaded.get("one", Thing), Thing)


def test_room_is_made_before_something_is_loaded() -> None:
    loaded: Loaded[str, Thing] = Loaded(2)
    seen = {each: weakref.ref(loaded.get(each, Thing)) for each in ("one", "two")}
    loaded.get("one", Thing)

    def load() -> Thing:
        assert seen["two"]() is None
        return Thing()

    loaded.get("three", load)
    assert seen["one"]() is loaded.get("one", Thing)


def test_also_what_is_being_loaded_takes_room(pool: ThreadPoolExecutor) -> None:
    loaded: Loaded[str, Thing] = Loaded(2)
    kept = weakref.ref(loaded.get("kept", Thing))
    loads = [Load(), Load()]
    found = []
    for number, load in enumerate(loads):
        found.append(pool.submit(loaded.get, str(number), load))
        load.wait()
    assert kept() is None
    for load in loads:
        load.may_end.release()
    for each in found:
        each.result(LIMIT)
    assert all(str(number) in loaded for number in range(2))


def test_no_more_stays_than_may_however_much_was_loaded_at_once(pool: ThreadPoolExecutor) -> None:
    loaded: Loaded[str, Thing] = Loaded(1)
    loads = [Load(), Load()]
    found = [pool.submit(loaded.get, str(number), load) for number, load in enumerate(loads)]
    for load in loads:
        load.wait()
        load.may_end.release()
    used = [each.result(LIMIT) for each in found]
    # Both are in use, so neither is loaded again.
    assert [loaded.get(str(number), Thing) for number in range(2)] == used
    seen = [weakref.ref(each) for each in used]
    used.clear()
    found.clear()
    assert [each() is None for each in seen] == [True, False]


def test_what_broke_is_not_held_by_its_error() -> None:
    loaded: Loaded[str, Thing] = Loaded()
    made: list[weakref.ref[Thing]] = []

    def load() -> Thing:
        half = Thing()
        made.append(weakref.ref(half))
        raise ManifestError("broken")

    with pytest.raises(ManifestError):
        loaded.get("one", load)
    assert made[0]() is None
