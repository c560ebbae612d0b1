"""The catalog: what can be searched, ours and what came in; filled from what is held.

Headers are not read here. What the index did not keep of them is filled in afterwards, from
the files: those rows are not `described`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from inference.domain.matching import date_key, folded, time_key

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UID = sa.String(length=64)

STUDY_TEXTS = (  # column, attribute of the index, key
    ("study_date", "study_date", date_key),
    ("study_time", "study_time", time_key),
    ("accession_number", "accession_number", None),
    ("referring_physician_name", "", folded),
    ("patient_name", "patient_name", folded),
    ("patient_id", "patient_id", None),
    ("patient_birth_date", "patient_birth_date", date_key),
    ("patient_sex", "patient_sex", None),
    ("study_id", "study_id", None),
    ("study_description", "study_description", None),
    ("timezone_offset_from_utc", "", None),
)
SERIES_TEXTS = (
    ("modality", "modality", None),
    ("series_description", "series_description", None),
    ("manufacturer", "manufacturer", None),
    ("performed_procedure_step_start_date", "", date_key),
    ("performed_procedure_step_start_time", "", time_key),
    ("scheduled_procedure_step_id", "", None),
    ("requested_procedure_id", "", None),
)
MODALITIES = {
    "report": "SR",
    "overlay": "OT",
    "segmentation": "SEG",
    "parametric map": "OT",
    "key objects": "KO",
}
INDEXES = (
    ("catalog_studies", ("patient_name_key",)),
    ("catalog_studies", ("patient_id",)),
    ("catalog_studies", ("study_date_key",)),
    ("catalog_studies", ("accession_number",)),
    ("catalog_series", ("series_instance_uid",)),
    ("catalog_series", ("modality", "study")),
    ("catalog_instances", ("study", "number")),
    ("catalog_instances", ("series", "number")),
    ("catalog_instances", ("described", "number")),
)


def upgrade() -> None:
    studies = op.create_table(
        "catalog_studies",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("study_instance_uid", UID, nullable=False),
        *_texts(STUDY_TEXTS),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_catalog_studies")),
        sa.UniqueConstraint("study_instance_uid", name="uq_catalog_studies_study_instance_uid"),
        sqlite_autoincrement=True,
    )
    series = op.create_table(
        "catalog_series",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("study", NUMBER, nullable=False),
        sa.Column("series_instance_uid", UID, nullable=False),
        *_texts(SERIES_TEXTS),
        sa.Column("series_number", sa.BigInteger(), nullable=True),
        sa.Column("instances", sa.BigInteger(), nullable=False),
        sa.Column("sop_classes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study"], ["catalog_studies.number"], name="fk_catalog_series_study"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_catalog_series")),
        sa.UniqueConstraint(
            "study", "series_instance_uid", name="uq_catalog_series_study_series_instance_uid"
        ),
        sqlite_autoincrement=True,
    )
    instances = op.create_table(
        "catalog_instances",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("study", NUMBER, nullable=False),
        sa.Column("series", NUMBER, nullable=False),
        sa.Column("sop_instance_uid", UID, nullable=False),
        sa.Column("sop_class_uid", UID, nullable=False),
        sa.Column("available_transfer_syntax_uid", UID, nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=True)
            for name in ("instance_number", "rows", "columns", "bits_allocated", "number_of_frames")
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("described", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study"], ["catalog_studies.number"], name="fk_catalog_instances_study"
        ),
        sa.ForeignKeyConstraint(
            ["series"], ["catalog_series.number"], name="fk_catalog_instances_series"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_catalog_instances")),
        sa.UniqueConstraint("sop_instance_uid", name="uq_catalog_instances_sop_instance_uid"),
        sqlite_autoincrement=True,
    )
    for table, columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), unique=False)
    _fill(op.get_bind(), studies, series, instances)


def downgrade() -> None:
    for table in ("catalog_instances", "catalog_series", "catalog_studies"):
        op.drop_table(table)


def _texts(names: tuple[tuple[str, str, Any], ...]) -> Iterator[sa.Column[Any]]:
    for name, _, key in names:
        yield sa.Column(name, sa.Text(), nullable=False)
        if key is not None:
            yield sa.Column(f"{name}_key", sa.Text(), nullable=False)


def _values(names: tuple[tuple[str, str, Any], ...], attributes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, attribute, key in names:
        value = str(attributes.get(attribute) or "")
        values[name] = value
        if key is not None:
            values[f"{name}_key"] = key(value)
    return values


def _fill(bind: sa.Connection, studies: sa.Table, series: sa.Table, instances: sa.Table) -> None:
    """Go through the rows once, in the order in which they came; the newest header counts."""
    numbers: dict[str, int] = {}
    for row in _rows(bind, "SELECT * FROM studies ORDER BY received_at, study_instance_uid"):
        values = _values(STUDY_TEXTS, row["attributes"])
        values["study_instance_uid"] = row["study_instance_uid"]
        numbers[row["study_instance_uid"]] = bind.execute(
            studies.insert().values(values).returning(studies.c.number)
        ).scalar_one()
    held: dict[tuple[int, str], int] = {}
    classes: dict[int, dict[str, int]] = {}
    for row in _held(bind):
        study = numbers[row["study_instance_uid"]]
        place = (study, row["series_instance_uid"])
        if place not in held:
            values = _values(SERIES_TEXTS, row["attributes"])
            values |= {
                "study": study,
                "series_instance_uid": row["series_instance_uid"],
                "series_number": row["series_number"],
                "instances": 0,
                "sop_classes": [],
            }
            held[place] = bind.execute(
                series.insert().values(values).returning(series.c.number)
            ).scalar_one()
        of = row["attributes"]
        counted = classes.setdefault(held[place], {})
        counted[row["sop_class_uid"]] = counted.get(row["sop_class_uid"], 0) + 1
        bind.execute(
            instances.insert().values(
                study=study,
                series=held[place],
                sop_instance_uid=row["sop_instance_uid"],
                sop_class_uid=row["sop_class_uid"],
                available_transfer_syntax_uid=row["transfer_syntax_uid"],
                instance_number=row["instance_number"],
                rows=of.get("rows") or None,
                columns=of.get("columns") or None,
                number_of_frames=of.get("frames") if of.get("frames", 1) > 1 else None,
                key=row["key"],
                described=False,
            )
        )
    for number, counts in classes.items():
        bind.execute(
            series.update()
            .where(series.c.number == number)
            .values(instances=sum(counts.values()), sop_classes=list(counts))
        )


def _held(bind: sa.Connection) -> Iterator[Mapping[str, Any]]:
    yield from _rows(bind, "SELECT * FROM instances ORDER BY received_at, sop_instance_uid")
    seen: set[str] = set()
    for row in _rows(bind, "SELECT * FROM result_objects ORDER BY result_id, position"):
        if row["sop_instance_uid"] in seen:
            continue
        seen.add(row["sop_instance_uid"])
        yield {
            **row,
            "attributes": {"modality": MODALITIES.get(row["role"], "OT")},
            "series_number": None,
            "instance_number": None,
            "transfer_syntax_uid": "",
        }


def _rows(bind: sa.Connection, query: str) -> Iterator[Mapping[str, Any]]:
    for row in bind.execute(sa.text(query)):
        values = dict(row._mapping)
        # Without their types, SQLite's JSON comes as text.
        if isinstance(values.get("attributes"), str):
            values["attributes"] = json.loads(values["attributes"])
        yield values
