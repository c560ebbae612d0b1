"""A PostgreSQL of the tests' own: a new cluster in a folder of /tmp, on a Unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import pytest

from tests.support.programs import Program

_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`, the newest that is installed."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    if found:
        return found[-1].parent
    other = shutil.which("initdb")
    return Path(other).resolve().parent if other else None


class PostgresqlServer(Program):
    """An empty cluster; who asks gets in as `postgres`. Only a `durable` one writes to the disk.

    Its databases sort as people do, and its clock is India's: nothing may lean on either.
    """

    def __init__(self, durable: bool = False) -> None:
        found = programs()
        if found is None:
            pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
        self.programs = found
        self.durable = durable
        # Neither pytest's folders, which are root's alone, nor a path too long for a socket.
        self.directory = Path(tempfile.mkdtemp(prefix="wetread-pg-"))
        super().__init__(self.directory / "postgresql.log")
        self.started_as = {"cwd": self.directory}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = _unprivileged()
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            self.started_as |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run(
            [
                str(self.programs / "initdb"),
                f"--pgdata={self.directory / 'data'}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-sync",
                "--locale=C.UTF-8",
                "--locale-provider=icu",
                "--icu-locale=en-US",
            ],
            check=True,
            capture_output=True,
            **self.started_as,
        )

    def command(self) -> Sequence[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "fsync": "on" if self.durable else "off",
            "max_connections": "200",
            "timezone": "Asia/Kolkata",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.directory / "data"), *options]

    def answers(self) -> bool:
        try:
            psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, timeout: float = 20.0) -> None:
        """End it at once, with every connection, as a restart of the machine would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": transactions are rolled back
            self._process.wait(timeout)
            self._process = None

    def signal(self, number: int) -> None:
        """Send a signal to the server and all that it started."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for process in (self._process.pid, *map(int, children.read_text().split())):
            os.kill(process, number)

    def dsn(self, database: str) -> str:
        return f"host={self.directory} user=postgres dbname={database}"

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def create(self, template: str = "template0") -> str:
        """Create a database, a copy of `template`; return its name."""
        name = f"db{uuid.uuid4().hex}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return name

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def choose_ports(self) -> None:
        pass  # the socket's name is its own

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            # SIGQUIT, not SIGKILL: its children go with it.
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("no user to run PostgreSQL as")
