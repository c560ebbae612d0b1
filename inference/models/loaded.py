"""What is loaded: once for all who ask for it, and not more of it than there is room for."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Loaded(Generic[_Key, _Value]):
    """So many `maximum` stay, those asked for last, and beside them what somebody still uses.

    Who asks for what is being loaded waits for it, and hears why it failed; who asks after
    that has it tried again. Nobody waits while something else is loaded.
    """

    def __init__(self, maximum: int | None = None) -> None:
        self._maximum = maximum
        self._kept: OrderedDict[_Key, _Value] = OrderedDict()
        # Not loaded twice while somebody still uses it.
        self._let_go: WeakValueDictionary[_Key, _Value] = WeakValueDictionary()
        self._loading: dict[_Key, Future[_Value]] = {}
        self._lock = threading.Lock()

    def __contains__(self, key: _Key) -> bool:
        with self._lock:
            return self._find(key) is not None

    def get(self, key: _Key, load: Callable[[], _Value]) -> _Value:
        """Return what `load` returns, or did. Raises what it raises."""
        with self._lock:
            found = self._find(key)
            if found is not None:
                self._keep(key, found)
            loading = self._loading.get(key)
            is_first = found is None and loading is None
            if is_first:
                loading = self._loading[key] = Future()
            is_less = self._make_room()
        if is_less:
            gc.collect()  # hooks and their networks hold each other
        try:
            if found is not None:
                return found
            assert loading is not None
            if is_first:
                self._load(key, load, loading)
            return loading.result()
        finally:
            # An error and the calls that it came through would hold each other, and weights.
            del loading

    def _load(self, key: _Key, load: Callable[[], _Value], loading: Future[_Value]) -> None:
        try:
            value = load()
        # A boundary between threads: whoever waits must hear of it, whatever broke.
        except BaseException as error:
            with self._lock:
                del self._loading[key]
            loading.set_exception(error)
            del loading  # as above
            return
        with self._lock:
            del self._loading[key]
            self._keep(key, value)
            is_less = self._make_room()
        loading.set_result(value)
        if is_less:
            gc.collect()

    def _find(self, key: _Key) -> _Value | None:
        return self._kept[key] if key in self._kept else self._let_go.get(key)

    def _keep(self, key: _Key, value: _Value) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)

    def _make_room(self) -> bool:
        """Let go of what was asked for longest ago, for what is loading too; was there any?"""
        before = len(self._kept)
        while (
            self._maximum is not None
            and self._kept
            and len(self._kept) + len(self._loading) > self._maximum
        ):
            key, value = self._kept.popitem(last=False)
            self._let_go[key] = value
        return len(self._kept) < before
