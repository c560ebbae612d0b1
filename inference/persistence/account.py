"""The account of everything, counted in the database."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Table, func, select
from sqlalchemy.sql.elements import ColumnElement, Label

from inference.domain.accounting import Account
from inference.domain.delivery import DeliveryState
from inference.domain.incident import Decision, IncidentKind
from inference.domain.job import JobState
from inference.domain.study import StudyState
from inference.persistence.incidents import IS_OPEN
from inference.persistence.tables import (
    deliveries,
    incidents,
    instances,
    jobs,
    removed_instances,
    results,
    revisions,
    studies,
)

_SHADOWS = select(jobs.c.job_id).where(jobs.c.shadow)


def count_all(connection: Connection) -> Account:
    """Count in one statement: its numbers belong together at every isolation level."""
    row = connection.execute(
        select(
            _count("studies_received", studies),
            _count("studies_receiving", studies, studies.c.state == StudyState.RECEIVING),
            _count("studies_stable", studies, studies.c.state == StudyState.STABLE),
            _count("revisions", revisions),
            _count("instances", instances),
            _count("removed", removed_instances, ~removed_instances.c.held),
            _sum("instances_by_study", studies.c.instances),
            _sum("removed_by_study", studies.c.removed),
            _count("jobs", jobs, ~jobs.c.shadow),
            *(
                _count(f"jobs_{state.value}", jobs, jobs.c.state == state, ~jobs.c.shadow)
                for state in JobState
            ),
            _count("results", results, results.c.job_id.not_in(_SHADOWS)),
            _count("shadow_jobs", jobs, jobs.c.shadow),
            *(
                _count(f"shadow_{state.value}", jobs, jobs.c.state == state, jobs.c.shadow)
                for state in JobState
            ),
            _count("shadow_results", results, results.c.job_id.in_(_SHADOWS)),
            _count("shadow_deliveries", deliveries, deliveries.c.job_id.in_(_SHADOWS)),
            _count("deliveries", deliveries),
            *(
                _count(f"deliveries_{state.value}", deliveries, deliveries.c.state == state)
                for state in DeliveryState
            ),
            _count("incidents", incidents),
            _count("conflicts", incidents, IS_OPEN, incidents.c.kind == IncidentKind.CONFLICT),
            _count("unreadable", incidents, IS_OPEN, incidents.c.kind == IncidentKind.UNREADABLE),
            _count("incidents_resolved", incidents, ~IS_OPEN),
            _count("incidents_same", incidents, incidents.c.decision == Decision.SAME),
            _count("incidents_removed", incidents, incidents.c.key == ""),
        )
    ).one()
    return Account(**row._mapping)


def _count(name: str, table: Table, *conditions: ColumnElement[bool]) -> Label[int]:
    return select(func.count()).select_from(table).where(*conditions).scalar_subquery().label(name)


def _sum(name: str, column: Column[int]) -> Label[int]:
    return select(func.coalesce(func.sum(column), 0)).scalar_subquery().label(name)
