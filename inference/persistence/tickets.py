"""Tickets: what Procrastinate's queue on PostgreSQL holds of a Job. On SQLite there are none.

A ticket is a job of Procrastinate's that names one of ours. Its order, its wakings and its
waiting for a later time are Procrastinate's; what was asked, who holds it until when and what
came of it stays in the table `jobs`. Both change in one transaction, and a ticket that is
done with is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from inference.domain.job import JobRequest

QUEUE = "wetread"
CHANNEL = f"procrastinate_queue_v1#{QUEUE}"  # where Procrastinate tells of a new ticket


class Ticket(NamedTuple):
    number: int
    job_id: int


def defer(connection: Connection, job_id: int, request: JobRequest) -> None:
    """Give the Job a ticket; who listens is told when the transaction is committed."""
    if _has_none(connection):
        return
    # Of the same priority, those in shadow go last.
    priority = 2 * int(request.priority) + (not request.shadow)
    connection.execute(_DEFER, {"job_id": job_id, "priority": priority, "queue": QUEUE})


def fetch(connection: Connection) -> Ticket | None:
    """Take the most urgent ticket that is due and that nobody else is taking."""
    row = connection.execute(_FETCH, {"queue": QUEUE}).one()
    return None if row.id is None else Ticket(row.id, row.job_id)


def give_back(connection: Connection, job_ids: Sequence[int], at: datetime) -> None:
    """Let the tickets be taken again, from `at` on."""
    if job_ids and not _has_none(connection):
        connection.execute(_GIVE_BACK, {"job_ids": list(job_ids), "at": at})


def take_over(connection: Connection, now: datetime) -> None:
    """Let the tickets be taken again whose Jobs nobody has kept alive."""
    connection.execute(_TAKE_OVER, {"now": now})


def recover(connection: Connection) -> None:
    """Let the tickets be taken again that nobody has, though they were taken once."""
    connection.execute(_RECOVER)


def finish(connection: Connection, job_id: int) -> None:
    """Delete the ticket of a Job that has ended."""
    if not _has_none(connection):
        connection.execute(_FINISH, {"job_id": job_id})


def defer_all(connection: Connection) -> int:
    """Give a ticket to every Job that is to be done and has none; return how many."""
    return connection.execute(_DEFER_ALL, {"queue": QUEUE}).rowcount


def _has_none(connection: Connection) -> bool:
    return connection.dialect.name != "postgresql"


_TICKET = """(procrastinate_defer_jobs_v1(ARRAY[ROW(
    CAST(:queue AS varchar), 'read', {priority}, NULL, NULL,
    jsonb_build_object('job_id', {job_id}), NULL
)::procrastinate_job_to_defer_v1]))[1]"""
_DEFER = text(
    "UPDATE jobs SET ticket = "
    + _TICKET.format(priority="CAST(:priority AS integer)", job_id="CAST(:job_id AS bigint)")
    + " WHERE job_id = :job_id"
)
_DEFER_ALL = text(
    """
    WITH waiting AS MATERIALIZED (
        SELECT job_id, 2 * priority + (NOT shadow)::integer AS urgency FROM jobs
        WHERE state IN ('queued', 'running') AND ticket IS NULL
        ORDER BY enqueued_at, job_id
    ), given AS MATERIALIZED (
        SELECT job_id, """
    + _TICKET.format(priority="urgency", job_id="job_id")
    + """ AS ticket FROM waiting
    )
    UPDATE jobs SET ticket = given.ticket FROM given WHERE jobs.job_id = given.job_id
    """
)
_FETCH = text(
    "SELECT id, (args ->> 'job_id')::bigint AS job_id"
    " FROM procrastinate_fetch_job_v2(ARRAY[CAST(:queue AS varchar)], NULL)"
)
# Procrastinate's function refuses a ticket that is not being worked on, and may not be asked.
_GIVE_BACK = text(
    """
    SELECT procrastinate_retry_job_v2(id, CAST(:at AS timestamptz), NULL, NULL, NULL) FROM (
        SELECT ticket.id FROM procrastinate_jobs ticket
        JOIN jobs ON jobs.ticket = ticket.id
        WHERE jobs.job_id = ANY(:job_ids) AND ticket.status = 'doing'
        FOR UPDATE OF ticket
    ) held
    """
)
_TAKE_OVER = text(
    """
    SELECT procrastinate_retry_job_v2(id, CAST(:now AS timestamptz), NULL, NULL, NULL) FROM (
        SELECT ticket.id FROM jobs JOIN procrastinate_jobs ticket ON ticket.id = jobs.ticket
        WHERE jobs.state = 'running' AND jobs.due_at <= :now AND ticket.status = 'doing'
        FOR UPDATE OF ticket SKIP LOCKED
    ) lost
    """
)
# A Job is queued and its ticket taken in the middle of a transaction at most; who sees it has
# found one that an earlier version of Wetread lost.
_RECOVER = text(
    """
    SELECT procrastinate_retry_job_v2(id, NULL, NULL, NULL, NULL) FROM (
        SELECT ticket.id FROM procrastinate_jobs ticket JOIN jobs ON jobs.ticket = ticket.id
        WHERE jobs.state = 'queued' AND ticket.status = 'doing'
        FOR UPDATE OF ticket SKIP LOCKED
    ) lost
    """
)
_FINISH = text(
    """
    SELECT procrastinate_finish_job_v1(id, 'succeeded', true) FROM (
        SELECT ticket.id FROM procrastinate_jobs ticket
        JOIN jobs ON jobs.ticket = ticket.id
        WHERE jobs.job_id = :job_id AND ticket.status IN ('todo', 'doing')
        FOR UPDATE OF ticket
    ) ended
    """
)
