"""Jobs on PostgreSQL, in the order and by the wakings of Procrastinate."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from inference.domain.job import JobState
from inference.persistence import tickets
from inference.persistence.queue import SqlJobQueue, running
from inference.persistence.tables import jobs


class ProcrastinateJobQueue(SqlJobQueue):
    """`JobQueue`. Tickets are taken without waiting for others who take them.

    A lease is the heartbeat: who does not extend it loses the Job. A ticket and its Job are
    locked in this order here and in the other order where a Job ends, so a Job that somebody
    is ending is passed over.
    """

    def _take(
        self, connection: Connection, worker: str, now: datetime, lease: timedelta
    ) -> Any | None:
        tickets.take_over(connection, now)
        too_early: list[Any] = []
        taken = None
        while taken is None and (ticket := tickets.fetch(connection)):
            job = connection.execute(
                # Who only refers to the Job, as a workitem does, is not in the way.
                select(jobs)
                .where(jobs.c.job_id == ticket.job_id)
                .with_for_update(skip_locked=True, key_share=True)
            ).one_or_none()
            if job is None or job.ticket != ticket.number:
                continue  # it ends just now, and its ticket with it
            if job.due_at > now:
                # Its worker lives after all, and extended a lease that had run out; or the
                # clock of the database is ahead of ours.
                if job.state is JobState.QUEUED:
                    too_early.append(job)
                continue
            taken = connection.execute(
                update(jobs)
                .where(jobs.c.job_id == job.job_id)
                .values(running(worker, now, lease))
                .returning(jobs)
            ).one()
        # Not before the last is fetched: by the clock of the database they may be due now, and
        # a ticket that was fetched once more would be nobody's.
        for job in too_early:
            tickets.give_back(connection, [job.job_id], job.due_at)
        if taken is None:  # and so there is time
            tickets.recover(connection)
        return taken
