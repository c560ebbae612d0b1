"""The tables of the catalog: what can be searched, ours and what came in alike.

A column for each `Field`, by its name in lower case. What is not compared by its value has
a second one, `..._key`, with what it is compared by; a text that the header lacks is "".
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Table, UniqueConstraint

from inference.domain.catalog import Field, Kind, Level
from inference.persistence.tables import NUMBER, UID, metadata
from inference.persistence.types import Words


def fields_of(level: Level) -> tuple[Field, ...]:
    """Return the fields of a level that have columns."""
    return tuple(each for each in Field if each.level is level and each.kind is not Kind.COMPUTED)


def column_name(field: Field) -> str:
    """Return the name of the column that holds the value."""
    return field.name.lower()


def key_name(field: Field) -> str:
    """Return the name of the column that is compared."""
    return f"{column_name(field)}_key" if field.is_folded else column_name(field)


def _columns(level: Level) -> list[Column[object]]:
    columns: list[Column[object]] = []
    for field in fields_of(level):
        if field.kind is Kind.NUMBER:
            columns.append(Column(column_name(field), BigInteger))
            continue
        kind = UID if field.kind is Kind.UID else Words
        columns.append(Column(column_name(field), kind, nullable=False))
        if field.is_folded:
            columns.append(Column(key_name(field), Words, nullable=False))
    return columns


catalog_studies = Table(
    "catalog_studies",
    metadata,
    Column("number", NUMBER, primary_key=True),
    *_columns(Level.STUDY),
    UniqueConstraint("study_instance_uid"),
    Index("ix_catalog_studies_patient_name_key", "patient_name_key"),
    Index("ix_catalog_studies_patient_id", "patient_id"),
    Index("ix_catalog_studies_study_date_key", "study_date_key"),
    Index("ix_catalog_studies_accession_number", "accession_number"),
    sqlite_autoincrement=True,
)

# The parts of each Patient's Name, see `name_parts`.
catalog_name_parts = Table(
    "catalog_name_parts",
    metadata,
    Column("part", Words, primary_key=True),
    Column("study", NUMBER, ForeignKey("catalog_studies.number"), primary_key=True),
    sqlite_with_rowid=False,
)

# `instances` counts; `sop_classes` are those of the Series, as they came.
catalog_series = Table(
    "catalog_series",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("study", NUMBER, ForeignKey("catalog_studies.number"), nullable=False),
    *_columns(Level.SERIES),
    Column("instances", BigInteger, nullable=False),
    Column("sop_classes", JSON, nullable=False),
    UniqueConstraint("study", "series_instance_uid"),
    Index("ix_catalog_series_series_instance_uid", "series_instance_uid"),
    Index("ix_catalog_series_modality_study", "modality", "study"),  # Modalities in Study
    sqlite_autoincrement=True,
)

# `described` is false where the header was never read for the catalog.
catalog_instances = Table(
    "catalog_instances",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("study", NUMBER, ForeignKey("catalog_studies.number"), nullable=False),
    Column("series", NUMBER, ForeignKey("catalog_series.number"), nullable=False),
    *_columns(Level.INSTANCE),
    Column("key", Words, nullable=False),
    Column("described", Boolean, nullable=False),
    UniqueConstraint("sop_instance_uid"),
    Index("ix_catalog_instances_study_number", "study", "number"),
    Index("ix_catalog_instances_series_number", "series", "number"),
    Index("ix_catalog_instances_described_number", "described", "number"),
    sqlite_autoincrement=True,
)

TABLES = {
    Level.STUDY: catalog_studies,
    Level.SERIES: catalog_series,
    Level.INSTANCE: catalog_instances,
}
