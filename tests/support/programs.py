"""Programs that run beside a test."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
HOST = "127.0.0.1"
# Without one, httpx reads all certificates for each request: 30 ms of a CPU. None is needed here.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_LOCKS = Path(__file__).resolve().parents[2] / ".cache" / "locks"


def free_port() -> int:
    """A port that nobody listens on, and that the system gives to no connection by itself.

    So it stays free until its server starts, and while the server is away for a time.
    """
    while True:
        # Browsers refuse 10080.
        port = random.SystemRandom().randrange(10_100, _first_of_the_system())
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


@functools.cache
def _first_of_the_system() -> int:
    """The first of the ports that connections get which did not ask for one."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:  # not Linux: IANA's range
        first = 49_152
    return first if first > 20_000 else 65_536


def wait_for(
    condition: Callable[[], T], what: str, timeout: float = 30.0, every: float = 0.05
) -> T:
    """Return the first true value of `condition`; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout:.0f} seconds")
        time.sleep(every)


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """Wait while another process of the tests does what is called `name`."""
    _LOCKS.mkdir(parents=True, exist_ok=True)
    with (_LOCKS / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Program:
    """A program that is stopped for sure when its `with` block ends."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.started_as: dict[str, Any] = {}  # further arguments of Popen
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """The program and its arguments; `start` asks once, so this may write what they name."""
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self, timeout: float = 60.0) -> None:
        assert not self.running, "started already"
        command = self.command()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self.started_as,
            )
        try:
            wait_for(lambda: not self.running or self.answers(), command[0], timeout)
            assert self.running, f"{command[0]} ended at once:\n{self.log_text[-4000:]}"
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout: float = 20.0) -> None:
        """End it in order (SIGTERM); SIGKILL if that takes longer than `timeout` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL: the program cannot tidy up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def choose_ports(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        for _ in range(2):
            self.choose_ports()
            with contextlib.suppress(AssertionError):  # somebody else was given the port
                self.start()
                return self
        self.choose_ports()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()  # quicker than `stop`, and its data is thrown away
