"""What was set aside, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from inference.domain.errors import RepositoryUnavailable
from inference.domain.event import Event, EventKind
from inference.domain.incident import (
    Comparison,
    Decision,
    Incident,
    IncidentKind,
    IncidentQuery,
    IncidentState,
    Resolution,
)
from inference.persistence.codec import to_json
from inference.persistence.engine import Database
from inference.persistence.events import append, one_at_a_time
from inference.persistence.rows import incident_of
from inference.persistence.tables import incidents, instances, studies

_LOCK = 0x696E636964656E74  # any number that nobody else takes
_BATCH = 500  # numbers in one statement

IS_OPEN = incidents.c.decision.is_(None)
IS_TO_COMPARE = and_(
    IS_OPEN,
    incidents.c.kind == IncidentKind.CONFLICT,
    incidents.c.compared.is_(None),
    incidents.c.sha256 > "",  # which older versions did not always know
    incidents.c.against > "",
)


class SqlIncidents:
    """`Incidents` in the same database as the index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incidents(self, query: IncidentQuery) -> Sequence[Incident]:
        found = select(incidents).order_by(incidents.c.incident_id.desc()).limit(query.limit)
        if query.state is not None:
            found = found.where(IS_OPEN if query.state is IncidentState.OPEN else ~IS_OPEN)
        if query.kind is not None:
            found = found.where(incidents.c.kind == query.kind)
        if query.study_instance_uid:
            found = found.where(incidents.c.study_instance_uid == query.study_instance_uid)
        if query.before is not None:
            found = found.where(incidents.c.incident_id < query.before)
        if query.decisions:
            found = found.where(incidents.c.decision.in_(query.decisions))
        with self._database.reading() as connection:
            return tuple(incident_of(row) for row in connection.execute(found))

    def incident(self, incident_id: int) -> Incident | None:
        one = select(incidents).where(incidents.c.incident_id == incident_id)
        with self._database.reading() as connection:
            row = connection.execute(one).one_or_none()
            return None if row is None else incident_of(row)

    def resolve(self, incident_id: int, resolution: Resolution) -> bool:
        of_it = incidents.c.incident_id == incident_id
        with self._database.writing() as connection:
            one_at_a_time(connection, _LOCK)
            study = connection.scalar(
                select(incidents.c.study_instance_uid).where(of_it, IS_OPEN).limit(1)
            )
            if study is None:
                return False
            said: dict[str, Any] = {
                "decision": resolution.decision,
                "why": resolution.why,
                "resolved_by": resolution.who,
                "authenticated": resolution.authenticated,
                "resolved_at": resolution.at,
            }
            if resolution.decision is Decision.SAME:
                said["compared"] = Comparison.SAME
            connection.execute(update(incidents).where(of_it).values(**said))
            append(
                connection,
                Event(
                    EventKind.INCIDENT_CLOSED,
                    study,
                    incident_id=incident_id,
                    detail=resolution.decision.value,
                ),
            )
            return True

    def to_compare(self, limit: int = 100) -> Sequence[Incident]:
        found = select(incidents).where(IS_TO_COMPARE).order_by(incidents.c.incident_id)
        with self._database.reading() as connection:
            return [incident_of(row) for row in connection.execute(found.limit(limit))]

    def begin(self, incident_id: int) -> bool:
        return self._compare(
            Comparison.BEGUN, incidents.c.incident_id == incident_id, IS_TO_COMPARE
        )

    def compared(self, incident_id: int, comparison: Comparison) -> None:
        self._compare(comparison, incidents.c.incident_id == incident_id, IS_OPEN)

    def compare_again(self) -> None:
        self._compare(None, IS_OPEN, incidents.c.compared == Comparison.FAILED)
        self._compare(Comparison.FAILED, IS_OPEN, incidents.c.compared == Comparison.BEGUN)

    def _compare(self, comparison: Comparison | None, *which: ColumnElement[bool]) -> bool:
        changed = update(incidents).where(*which).values(compared=comparison)
        with self._database.writing() as connection:
            return connection.execute(changed).rowcount > 0

    def settled(self, before: datetime) -> Sequence[int]:
        held = select(studies.c.study_instance_uid).where(studies.c.instances > 0)
        query = (
            select(incidents.c.incident_id)
            .where(
                incidents.c.resolved_at < before,
                incidents.c.key > "",
                incidents.c.study_instance_uid.not_in(held),
            )
            .order_by(incidents.c.incident_id)
        )
        with self._database.reading() as connection:
            return connection.scalars(query).all()

    def remove(self, incident_ids: Sequence[int], at: datetime) -> int:
        gone = 0
        with self._database.writing() as connection:
            for start in range(0, len(incident_ids), _BATCH):
                some = incident_ids[start : start + _BATCH]
                gone += remove_bytes(connection, incidents.c.incident_id.in_(some), at)
        return gone


def removals_of(connection: Connection, sha256: str) -> int:
    """Return how often bytes of this digest were removed after they had been set aside."""
    times = select(func.sum(incidents.c.removals)).where(incidents.c.sha256 == sha256)
    return int(connection.scalar(times) or 0) if sha256 else 0


def holds_same(connection: Connection, sop_instance_uid: str, sha256: str) -> bool:
    """Is what is held the same image as bytes of this digest, by an incident that says so?"""
    found = (
        select(incidents.c.incident_id)
        .join(instances, instances.c.sop_instance_uid == incidents.c.sop_instance_uid)
        .where(
            incidents.c.sha256 == sha256,
            incidents.c.against == instances.c.sha256,
            incidents.c.decision == Decision.SAME,
            instances.c.sop_instance_uid == sop_instance_uid,
        )
    )
    return connection.execute(found.limit(1)).first() is not None


def add_incident(
    connection: Connection, incident: Incident, at: datetime, removals: int = 0
) -> None:
    """Keep `incident`, or count it where these bytes are known already.

    Raises `RepositoryUnavailable` where they were removed after their file was named.
    """
    # PostgreSQL would let two find nothing, and each add a row; or one add while another removes.
    one_at_a_time(connection, _LOCK)
    if removals_of(connection, incident.sha256) != removals:
        raise RepositoryUnavailable("The same bytes were removed just now; send them again.")
    row = connection.execute(
        select(incidents.c.incident_id, incidents.c.key)
        .where(incidents.c.kind == incident.kind, *_same(incident))
        .order_by(incidents.c.incident_id.desc())
        .limit(1)
    ).one_or_none()
    if row is not None:
        again: dict[str, Any] = {"times": incidents.c.times + 1, "last_at": at}
        if not row.key:
            again |= {"key": incident.key, "removed_at": None}
        connection.execute(
            update(incidents).where(incidents.c.incident_id == row.incident_id).values(**again)
        )
        return
    added = connection.execute(
        insert(incidents).values(
            kind=incident.kind,
            reason=incident.reason,
            key=incident.key,
            origin=to_json(incident.origin),
            sop_instance_uid=incident.sop_instance_uid,
            study_instance_uid=incident.study_instance_uid,
            sha256=incident.sha256,
            against=incident.against,
            size=incident.size,
            occurred_at=at,
            last_at=at,
            times=1,
        )
    ).inserted_primary_key
    append(
        connection,
        Event(
            EventKind.INCIDENT_OPENED,
            incident.study_instance_uid,
            incident_id=added[0] if added else None,
            detail=incident.kind.value,
        ),
    )


def remove_bytes(connection: Connection, which: ColumnElement[bool], at: datetime) -> int:
    """Let go of the bytes of resolved incidents; return of how many.

    Raises `RepositoryUnavailable` where a file of an earlier removal has still to go.
    """
    wanted = select(incidents.c.key).where(which, ~IS_OPEN, incidents.c.key > "").correlate(None)
    if not connection.execute(wanted.limit(1)).first():  # as of most Studies
        return 0
    one_at_a_time(connection, _LOCK)
    needed = select(incidents.c.key).where(IS_OPEN).correlate(None)
    going = incidents.c.key.in_(wanted) & incidents.c.key.not_in(needed)
    left = select(incidents.c.incident_id).where(going, incidents.c.going > "")
    if connection.execute(left.limit(1)).first():
        raise RepositoryUnavailable("Files of an earlier removal have still to go.")
    return connection.execute(
        update(incidents)
        .where(going)
        .values(going=incidents.c.key, key="", removals=incidents.c.removals + 1, removed_at=at)
    ).rowcount


def _same(incident: Incident) -> tuple[ColumnElement[bool], ...]:
    if not incident.sha256:
        return (incidents.c.key == incident.key,)
    return (incidents.c.sha256 == incident.sha256, incidents.c.against == incident.against)
