"""Keeps a Lease alive while its Job is worked on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from inference.domain.errors import LeaseLost, RepositoryUnavailable
from inference.domain.job import Lease
from inference.ports import Clock, JobQueue

_log = logging.getLogger(__name__)


@contextmanager
def heartbeat(queue: JobQueue, clock: Clock, lease: Lease, by: timedelta) -> Iterator[None]:
    """Extend `lease` three times in each period until the block ends.

    A lost lease only ends the extending: the fence refuses the result at the end.
    """
    done = threading.Event()

    def beat() -> None:
        held = lease
        while not done.wait(by.total_seconds() / 3):
            try:
                held = queue.extend(held, clock.now(), by)
            except LeaseLost:
                _log.warning("job %d: the lease is lost", lease.job.job_id)
                return
            except RepositoryUnavailable as error:
                _log.warning("job %d: no heartbeat: %s", lease.job.job_id, error)

    thread = threading.Thread(target=beat, name=f"heartbeat-{lease.job.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
