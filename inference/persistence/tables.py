"""The tables. The migrations must come to the same; a test compares them.

A model's name is "" where the domain says None, because NULLs are distinct in a unique
constraint and a revision must not get two Jobs without a model.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
)

from inference.domain.delivery import DeliveryState
from inference.domain.finding import Presence
from inference.domain.incident import Comparison, Decision, IncidentKind
from inference.domain.job import JobState
from inference.domain.reading import Standing
from inference.domain.result import Outcome, Role
from inference.domain.review import ReviewReason, Verdict
from inference.domain.study import StudyState
from inference.persistence.types import UtcDateTime, Word, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

UID = String(64)  # PS3.5 Section 9.1
NAME = String(200)  # of a model, a rule, a destination, a worker
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER keys

studies = Table(
    "studies",
    metadata,
    Column("study_instance_uid", UID, primary_key=True),
    Column("state", Word(StudyState), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("quiet_until", UtcDateTime, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("removed", Integer, nullable=False, server_default="0"),
    Column("removed_at", UtcDateTime),
    # What the attributes and the results that count say, to list by: `standing.py` writes it.
    Column("body_part", Words, nullable=False, server_default=""),
    Column("standing", Word(Standing), nullable=False, server_default=Standing.WAITING.value),
    Column("turn", Float, nullable=False, server_default="3"),
    Column("reviewed", Boolean, nullable=False, server_default=false()),
    Index("ix_studies_state_quiet_until", "state", "quiet_until"),
    Index("ix_studies_received_at_study_instance_uid", "received_at", "study_instance_uid"),
    Index("ix_studies_body_part", "body_part"),
    # All that most lists are narrowed by, so that a page deep in one reads no rows on its way.
    Index(
        "ix_studies_turn",
        "turn",
        "received_at",
        "study_instance_uid",
        "standing",
        "reviewed",
        "body_part",
    ),
)

# The findings that count, by what they are called.
study_findings = Table(
    "study_findings",
    metadata,
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), primary_key=True),
    Column("finding", Words, primary_key=True),
    Column("presence", Word(Presence), primary_key=True),
    Index("ix_study_findings_finding", "finding"),
)

instances = Table(
    "instances",
    metadata,
    Column("sop_instance_uid", UID, primary_key=True),
    Column("series_instance_uid", UID, nullable=False),
    Column(
        "study_instance_uid",
        UID,
        ForeignKey("studies.study_instance_uid"),
        nullable=False,
        index=True,
    ),
    Column("sop_class_uid", UID, nullable=False),
    Column("transfer_syntax_uid", UID, nullable=False),
    Column("series_number", BigInteger),  # this and the next are here to sort by
    Column("instance_number", BigInteger),
    Column("attributes", JSON, nullable=False),
    Column("origin", JSON, nullable=False),
    Column("key", Words, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)

# What retention took away, `times` in all. `held`: received again since. `key` is of the file
# that has still to go, "" when it has.
removed_instances = Table(
    "removed_instances",
    metadata,
    Column("sop_instance_uid", UID, primary_key=True),
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), nullable=False),
    Column("times", Integer, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("key", Words, nullable=False, index=True),
    Column("removed_at", UtcDateTime, nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("instances", Integer, nullable=False),
    Column("closed_at", UtcDateTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", NUMBER, primary_key=True),
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("model_name", NAME, nullable=False),
    Column("model_version", NAME, nullable=False),
    Column("rule", Words, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("instances", JSON, nullable=False),
    Column("why", Words, nullable=False),
    Column("state", Word(JobState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("worker", NAME, nullable=False),
    Column("enqueued_at", UtcDateTime, nullable=False),
    # When it may be claimed: a queued Job's next attempt, or the end of a running Job's lease.
    Column("due_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("error", Words, nullable=False),
    Column("shadow", Boolean, nullable=False, server_default=false()),
    Column("ticket", BigInteger),  # its number in Procrastinate's queue, on PostgreSQL
    UniqueConstraint("study_instance_uid", "revision", "model_name", "shadow"),
    Index("ix_jobs_model_name", "model_name", "shadow", "study_instance_uid", "revision"),
    Index("ix_jobs_state_due_at", "state", "due_at"),
    sqlite_autoincrement=True,
)

results = Table(
    "results",
    metadata,
    Column("result_id", NUMBER, primary_key=True),
    Column("job_id", NUMBER, ForeignKey("jobs.job_id"), nullable=False, unique=True),
    Column("study_instance_uid", UID, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("model_name", NAME, nullable=False),
    Column("model_version", NAME, nullable=False),
    Column("outcome", Word(Outcome), nullable=False),
    Column("findings", JSON, nullable=False),
    Column("refusals", JSON, nullable=False),
    Column("produced_at", UtcDateTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("failed", Boolean, nullable=False),
    Index(
        "ix_results_study_instance_uid_model_name_revision",
        "study_instance_uid",
        "model_name",
        "revision",
    ),
    sqlite_autoincrement=True,
)

result_objects = Table(
    "result_objects",
    metadata,
    Column("result_id", NUMBER, ForeignKey("results.result_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("role", Word(Role), nullable=False),
    Column("sop_class_uid", UID, nullable=False),
    Column("sop_instance_uid", UID, nullable=False, index=True),
    Column("series_instance_uid", UID, nullable=False),
    Column("study_instance_uid", UID, nullable=False),
    Column("key", Words, nullable=False),
)

# `objects` is a copy: what was delivered stays on record when a replay forgets the result.
# A number is never used again, so that a late answer cannot end another Delivery.
deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", NUMBER, primary_key=True),
    Column("job_id", NUMBER, ForeignKey("jobs.job_id"), nullable=False, index=True),
    Column("destination", NAME, nullable=False),
    Column("state", Word(DeliveryState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("objects", JSON, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("error", Words, nullable=False),
    Index("ix_deliveries_state_next_attempt_at", "state", "next_attempt_at"),
    sqlite_autoincrement=True,
)

# Rows are added and never altered: of one person, the highest number on a thing counts.
reviews = Table(
    "reviews",
    metadata,
    Column("review_id", NUMBER, primary_key=True),
    Column("job_id", NUMBER, ForeignKey("jobs.job_id"), nullable=False, index=True),
    Column("study_instance_uid", UID, nullable=False),
    Column("finding", Integer),
    Column("verdict", Word(Verdict), nullable=False),
    Column("presence", Word(Presence)),
    Column("right_finding", JSON(none_as_null=True)),
    Column("reason", Word(ReviewReason)),
    Column("comment", Words, nullable=False),
    Column("reviewer_id", NAME, nullable=False),
    Column("reviewer_name", NAME, nullable=False),
    Column("authenticated", Boolean, nullable=False),
    Column("reviewed_at", UtcDateTime, nullable=False),
    Column("sop_instance_uid", UID, nullable=False, unique=True),
    Column("object", JSON, nullable=False),
    sqlite_autoincrement=True,
)

# Without a `decision` it is open. `key` is of the bytes, "" when they were removed; `going` of a
# file that has still to go, "" when it has. `removals` is how often they were.
incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", NUMBER, primary_key=True),
    Column("kind", Word(IncidentKind), nullable=False),
    Column("reason", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("origin", JSON, nullable=False),
    Column("sop_instance_uid", UID, nullable=False),
    Column("study_instance_uid", UID, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("sha256", String(64), nullable=False, server_default=""),
    Column("against", String(64), nullable=False, server_default=""),
    Column("size", BigInteger),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("last_at", UtcDateTime),
    Column("decision", Word(Decision)),
    Column("why", Words, nullable=False, server_default=""),
    Column("resolved_by", NAME, nullable=False, server_default=""),
    Column("authenticated", Boolean, nullable=False, server_default=false()),
    Column("resolved_at", UtcDateTime),
    Column("removals", Integer, nullable=False, server_default="0"),
    Column("going", Words, nullable=False, server_default=""),
    Column("removed_at", UtcDateTime),
    Column("compared", Word(Comparison)),
    Index("ix_incidents_study_instance_uid", "study_instance_uid"),
    Index("ix_incidents_sha256", "sha256"),
    Index("ix_incidents_key", "key"),
    Index("ix_incidents_going", "going"),
    Index("ix_incidents_decision", "decision", "kind"),
    sqlite_autoincrement=True,
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Rows are added and never altered: the highest `number` of a model counts.
rollouts = Table(
    "rollouts",
    metadata,
    Column("model_name", NAME, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("active", NAME, nullable=False),
    Column("canary", NAME, nullable=False),
    Column("fraction", Float, nullable=False),
    Column("shadow", NAME, nullable=False),
    Column("restores", Integer),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("who", Words, nullable=False),
    Column("why", Words, nullable=False),
)
