"""The account of everything, counted in the database."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.sql.elements import ColumnElement, Label

from inference.domain.accounting import Account
from inference.domain.delivery import DeliveryState
from inference.domain.instance import IncidentKind
from inference.domain.job import JobState
from inference.domain.study import StudyState
from inference.persistence.tables import (
    deliveries,
    incidents,
    instances,
    jobs,
    results,
    revisions,
    studies,
)


def count_all(connection: Connection) -> Account:
    """Count in one statement: its numbers belong together at every isolation level."""
    row = connection.execute(
        select(
            _count("studies_received", studies),
            _count("studies_receiving", studies, studies.c.state == StudyState.RECEIVING),
            _count("studies_stable", studies, studies.c.state == StudyState.STABLE),
            _count("revisions", revisions),
            _count("instances", instances),
            _count("jobs", jobs),
            *(_count(f"jobs_{state.value}", jobs, jobs.c.state == state) for state in JobState),
            _count("results", results),
            _count("deliveries", deliveries),
            *(
                _count(f"deliveries_{state.value}", deliveries, deliveries.c.state == state)
                for state in DeliveryState
            ),
            _count("conflicts", incidents, incidents.c.kind == IncidentKind.CONFLICT),
            _count("unreadable", incidents, incidents.c.kind == IncidentKind.UNREADABLE),
        )
    ).one()
    return Account(**row._mapping)


def _count(name: str, table: Table, *conditions: ColumnElement[bool]) -> Label[int]:
    return select(func.count()).select_from(table).where(*conditions).scalar_subquery().label(name)
