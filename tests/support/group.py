"""Several nodes that are one service: receivers and workers on one PostgreSQL and one archive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from dicom_node.dimse.send import send_files
from inference.domain.accounting import Account
from inference.domain.errors import RepositoryUnavailable
from inference.domain.instance import Priority
from inference.domain.job import Job
from inference.persistence.engine import Database
from inference.persistence.index import SqlIndex
from inference.persistence.procrastinate_queue import ProcrastinateJobQueue
from tests.support.node import Node
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import HOST, wait_for

_WAITING = ("studies_receiving", "jobs_queued", "jobs_running", "deliveries_pending")


class Group:
    """`make` makes a node with the settings that are given to it, started."""

    def __init__(
        self,
        make: Callable[..., Node],
        server: PostgresqlServer,
        folder: Path,
        receivers: int,
        workers: int,
        **settings: Any,
    ) -> None:
        self.name = server.create()
        self.database = Database(server.url(self.name))
        shared = {"archive": str(folder / "archive")} | settings
        shared["database_url"] = server.url(self.name)
        self.receivers = [make(roles=["receiver"], **shared) for _ in range(receivers)]
        self.workers = [make(roles=["worker"], **shared) for _ in range(workers)]

    def close(self) -> None:
        self.database.close()

    @property
    def nodes(self) -> list[Node]:
        return [*self.receivers, *self.workers]

    def account(self) -> Account:
        return SqlIndex(self.database).account()

    def jobs(self, study_instance_uid: str | None = None) -> Sequence[Job]:
        return ProcrastinateJobQueue(self.database).jobs(study_instance_uid, limit=10_000)

    def tickets(self) -> int:
        with self.database.reading() as connection:
            return connection.scalar(text("SELECT count(*) FROM procrastinate_jobs")) or 0

    def settle(self, studies: int, timeout: float) -> Account:
        """Wait until so many Studies are stable, read and delivered."""

        def settled() -> Account | None:
            try:
                account = self.account()
            except RepositoryUnavailable:
                return None
            waits = any(getattr(account, each) for each in _WAITING)
            return account if account.studies_stable >= studies and not waits else None

        try:
            return wait_for(settled, f"{studies} studies settled", timeout, 0.2)  # type: ignore[return-value]
        except AssertionError as error:
            logs = "\n".join(f"{each.log}\n{each.log_text[-1500:]}" for each in self.nodes)
            raise AssertionError(f"{error}\n{self.account()}\n{logs}") from None


class Modality:
    """Sends in a thread until each file was acknowledged, to one receiver after the other."""

    def __init__(
        self,
        files: Sequence[Path],
        receivers: Sequence[Node],
        priority: Priority = Priority.MEDIUM,
    ) -> None:
        self.acknowledged: set[Path] = set()
        self.refused: set[int] = set()  # statuses other than success
        self._files = files
        self._receivers = receivers
        self._priority = priority
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self, timeout: float) -> None:
        self._thread.join(timeout)
        assert not self._thread.is_alive(), f"{len(self.acknowledged)} of {len(self._files)} taken"

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        turn = 0
        while not self._stopping.is_set():
            waiting = [each for each in self._files if each not in self.acknowledged]
            if not waiting:
                return
            receiver = self._receivers[turn % len(self._receivers)]
            turn += 1
            some = waiting[:10]
            for outcome in send_files(
                some, host=HOST, port=receiver.port, called_ae="WETREAD", priority=self._priority
            ):
                if outcome.taken:
                    self.acknowledged.add(outcome.path)
                elif outcome.status is not None:
                    self.refused.add(outcome.status)
            self._stopping.wait(0.05)
