"""The tables of the worklist."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from inference.domain.workitem import StepState
from inference.domain.workitem_search import LONGEST_KEY
from inference.persistence.tables import NUMBER, UID, metadata
from inference.persistence.types import UtcDateTime, Word

AE_TITLE = String(16)  # PS3.5 Section 6.2

workitems = Table(
    "workitems",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("workitem_uid", UID, nullable=False, unique=True),
    Column("state", Word(StepState), nullable=False),
    Column("transaction_uid", UID, nullable=False),
    Column("job_id", NUMBER, ForeignKey("jobs.job_id"), index=True),
    Column("own", Boolean, nullable=False),
    Column("data", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("modified_at", UtcDateTime, nullable=False),
    Index("ix_workitems_state_workitem_uid", "state", "workitem_uid"),
    sqlite_autoincrement=True,
)

# What a workitem is found by: a row for each value of each attribute that can be matched.
workitem_keys = Table(
    "workitem_keys",
    metadata,
    Column("workitem", NUMBER, ForeignKey("workitems.number"), nullable=False, index=True),
    Column("name", String(32), nullable=False),
    Column("item", Integer, nullable=False),
    Column("value", String(LONGEST_KEY), nullable=False),
    UniqueConstraint("name", "value", "workitem", "item"),
)

# `workitem_uid` may be one of the two that stand for all workitems.
workitem_subscriptions = Table(
    "workitem_subscriptions",
    metadata,
    Column("ae_title", AE_TITLE, primary_key=True),
    Column("workitem_uid", UID, primary_key=True, index=True),
    Column("locked", Boolean, nullable=False),
    Column("conditions", JSON, nullable=False),
)

# A number is never used again, so that to forget one never forgets another.
workitem_events = Table(
    "workitem_events",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("ae_title", AE_TITLE, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("workitem_uid", UID, nullable=False),
    Column("data", JSON, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Index("ix_workitem_events_ae_title_number", "ae_title", "number"),
    sqlite_autoincrement=True,
)
