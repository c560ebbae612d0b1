"""The network of another process, from within."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000  # linux/sched.h


class Network:
    """A thread that lives in the network of process `pid`; so does what it starts."""

    def __init__(self, pid: int) -> None:
        self._thread = ThreadPoolExecutor(1, initializer=_enter, initargs=(pid,))

    def __call__(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Call `function` there."""
        return self._thread.submit(function, *arguments, **options).result()

    def close(self) -> None:
        self._thread.shutdown()


def _enter(pid: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)  # os.setns is Python 3.12's
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        if library.setns(network, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(network)
