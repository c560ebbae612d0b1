"""HTTP clients that read answers away, quickly or slowly, and cost little themselves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import psutil

_PIECE = 1 << 20  # bytes
_SLOW_PIECE = 64 << 10  # bytes


class Download:
    """One request whose answer is read and dropped; `size` is in bytes, headers and all.

    `slowly` waits between small pieces until it is set no longer.
    """

    def __init__(self, url: str, accept: str, slowly: threading.Event | None = None) -> None:
        parts = urlsplit(url)
        self.size = 0
        self.status = ""
        self._slowly = slowly
        self._socket = socket.create_connection((str(parts.hostname), parts.port), timeout=120)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines = (f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", f"Accept: {accept}")
        request = "\r\n".join((*lines, "Connection: close", "", ""))
        self._socket.sendall(request.encode())

    def run(self, most: float = float("inf")) -> None:
        """Read to the end, or until there were `most` bytes."""
        buffer = bytearray(_PIECE)
        with self._socket:
            while self.size < most:
                slow = self._slowly is not None and self._slowly.is_set()
                count = self._socket.recv_into(buffer, _SLOW_PIECE if slow else _PIECE)
                if not count:
                    return
                if not self.size:
                    self.status = bytes(buffer[:count]).split(b"\r\n", 1)[0].decode()
                self.size += count
                if slow:
                    time.sleep(0.01)


def download(
    url: str, accept: str, clients: int, slow: int = 0, expected: int = 0
) -> tuple[float, int]:
    """Let clients read the same at once; return seconds and bytes.

    `slow` more read slowly for as long as the others are at it.
    """
    slowly = threading.Event()
    slowly.set()
    started = time.perf_counter()
    quick = [Download(url, accept) for _ in range(clients)]
    lazy = [Download(url, accept, slowly) for _ in range(slow)]
    _together([each.run for each in quick], [each.run for each in lazy], slowly)
    seconds = time.perf_counter() - started
    for each in (*quick, *lazy):
        if " 200 " not in f"{each.status} " or each.size < expected:
            raise SystemExit(f"{url}: {each.status}, {each.size} bytes of {expected}")
    return seconds, sum(each.size for each in (*quick, *lazy))


def _together(
    quick: Sequence[Callable[[], None]],
    lazy: Sequence[Callable[[], None]],
    slowly: threading.Event,
) -> None:
    threads = [threading.Thread(target=each) for each in quick]
    others = [threading.Thread(target=each) for each in lazy]
    for thread in (*threads, *others):
        thread.start()
    for thread in threads:
        thread.join()
    slowly.clear()
    for thread in others:
        thread.join()


class Watch:
    """The highest resident memory of a process, looked at every few milliseconds."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.before = self.highest = process.memory_info().rss  # bytes
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
    def rise(self) -> float:
        """Return MB."""
        return (self.highest - self.before) / 1e6
