"""What a process needs of memory while it is at work."""

from __future__ import annotations

import threading

import psutil


class Watch:
    """The highest resident memory of a process, looked at every few milliseconds; in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.before = self.highest = process.memory_info().rss
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            self.highest = max(self.highest, self._process.memory_info().rss)

    @property
    def rise(self) -> int:
        return self.highest - self.before
