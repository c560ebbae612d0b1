"""HTTP clients that read answers away, quickly or slowly, and cost little themselves."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from benchmarks.support.volumes import STORED, slices

_PIECE = 1 << 20  # bytes
_SLOW_PIECE = 64 << 10  # bytes


class Download:
    """One request whose answer is read and dropped; `size` is in bytes, headers and all.

    `slowly` waits between small pieces until it is set no longer. `host` is what the server
    is called.
    """

    def __init__(
        self, url: str, accept: str, slowly: threading.Event | None = None, host: str = ""
    ) -> None:
        parts = urlsplit(url)
        self.size = 0
        self.status = ""
        self._slowly = slowly
        self._socket = socket.create_connection((str(parts.hostname), parts.port), timeout=120)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines = (f"GET {path} HTTP/1.1", f"Host: {host or parts.netloc}", f"Accept: {accept}")
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
    url: str,
    accept: str,
    clients: int,
    slow: int = 0,
    expected: int = 0,
    hosts: Sequence[str] = (),
) -> tuple[float, int]:
    """Let clients read the same at once; return seconds and bytes.

    `slow` more read slowly for as long as the others are at it. `hosts` are what the clients
    call the server, each another name.
    """
    slowly = threading.Event()
    slowly.set()
    started = time.perf_counter()
    quick = [
        Download(url, accept, host=hosts[number] if hosts else "") for number in range(clients)
    ]
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


def store(url: str, clients: int, megabytes: int) -> tuple[float, int]:
    """Let clients store slices at once, `megabytes` each; return seconds and bytes."""
    sizes = [0] * clients

    def run(number: int) -> None:
        sizes[number] = _store(url, f"{STORED}.{number + 1}", megabytes)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not all(sizes):
        raise SystemExit(f"{url}: what was sent was not stored")
    return time.perf_counter() - started, sum(sizes)


def _store(url: str, study: str, megabytes: int) -> int:
    """Send one message in chunks, as it is made."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=300)
    size = 0

    def message() -> Iterator[bytes]:
        nonlocal size
        for content in slices(megabytes, study):
            size += len(content)
            yield b"--limit\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n"
        yield b"--limit--\r\n"

    media = 'multipart/related; type="application/dicom"; boundary=limit'
    headers = {"Content-Type": media, "Accept": "application/dicom+json"}
    connection.request("POST", parts.path, message(), headers, encode_chunked=True)
    answer = connection.getresponse()
    answer.read()
    return size if answer.status == 200 else 0
