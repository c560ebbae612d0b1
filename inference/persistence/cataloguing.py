"""Writing the catalog, inside the transactions of the index, the results and the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from inference.domain.catalog import Field, Kind, Level, Value, values_of
from inference.domain.instance import Attributes, Description
from inference.domain.result import ResultObject, Role
from inference.persistence.catalog_tables import (
    catalog_instances,
    catalog_series,
    catalog_studies,
    column_name,
    fields_of,
    key_name,
)
from inference.persistence.name_parts import keep_parts
from inference.persistence.tables import instances

_LARGEST = 2**63 - 1  # of a BIGINT
_MODALITY = {  # PS3.3 C.7.3.1.1.1; where nothing but the role is known
    Role.REPORT: "SR",
    Role.OVERLAY: "OT",
    Role.SEGMENTATION: "SEG",
    Role.PARAMETRIC_MAP: "OT",
    Role.KEY_OBJECTS: "KO",
    Role.REVIEW: "SR",
}


def catalogue(
    connection: Connection, description: Description, key: str, *, described: bool = True
) -> None:
    """Add an Instance, or put what is said now in place of what was said before.

    Patient and Study are as the newest header has them, but ours, which quote; what it lacks
    stays.
    """
    values = values_of(description)
    study = _study(connection, values, leads=not description.attributes.made_by_wetread)
    series = _series(connection, study, values, description.sop_class_uid)
    columns = {
        **_columns(Level.INSTANCE, values),
        "study": study,
        "series": series,
        "key": key,
        "described": described,
    }
    before = connection.execute(
        select(catalog_instances.c.number, catalog_instances.c.series).where(
            catalog_instances.c.sop_instance_uid == description.sop_instance_uid
        )
    ).one_or_none()
    if before is None:
        connection.execute(insert(catalog_instances).values(columns))
        _count(connection, series, 1)
        return
    connection.execute(
        update(catalog_instances).where(catalog_instances.c.number == before.number).values(columns)
    )
    if before.series != series:
        _count(connection, series, 1)
        _count(connection, before.series, -1)


def catalogue_objects(
    connection: Connection,
    objects: Sequence[ResultObject],
    descriptions: Mapping[str, Description],
) -> None:
    """Add objects of ours; by UID and role alone where there is no description."""
    for each in objects:
        known = descriptions.get(each.sop_instance_uid)
        catalogue(connection, known or _by_role(each), each.key, described=known is not None)


def forget(connection: Connection, sop_instance_uids: Sequence[str]) -> None:
    """Take objects of ours out again, and the Series that they leave empty."""
    for uid in sop_instance_uids:
        series = connection.execute(
            delete(catalog_instances)
            .where(catalog_instances.c.sop_instance_uid == uid)
            .returning(catalog_instances.c.series)
        ).scalar_one_or_none()
        if series is not None:
            _count(connection, series, -1)


def forget_received(connection: Connection, study_instance_uid: str) -> None:
    """Take what came in of a Study out again, while the index still has it.

    Patient and Study stay, and so do the Series of ours.
    """
    of_study = instances.c.study_instance_uid == study_instance_uid
    study = (
        select(catalog_studies.c.number)
        .where(catalog_studies.c.study_instance_uid == study_instance_uid)
        .scalar_subquery()
    )
    connection.execute(
        delete(catalog_instances).where(
            catalog_instances.c.study == study,
            catalog_instances.c.sop_instance_uid.in_(
                select(instances.c.sop_instance_uid).where(of_study)
            ),
        )
    )
    left = (
        select(func.count())
        .where(catalog_instances.c.series == catalog_series.c.number)
        .scalar_subquery()
    )
    theirs = (catalog_series.c.study == study) & catalog_series.c.series_instance_uid.in_(
        select(instances.c.series_instance_uid).where(of_study)
    )
    connection.execute(update(catalog_series).where(theirs).values(instances=left))
    connection.execute(delete(catalog_series).where(theirs, catalog_series.c.instances <= 0))


def _by_role(each: ResultObject) -> Description:
    return Description(
        study_instance_uid=each.study_instance_uid,
        series_instance_uid=each.series_instance_uid,
        sop_instance_uid=each.sop_instance_uid,
        sop_class_uid=each.sop_class_uid,
        transfer_syntax_uid="",
        attributes=Attributes(modality=_MODALITY.get(each.role, "OT")),
    )


def _study(connection: Connection, values: Mapping[Field, Value], *, leads: bool) -> int:
    same = catalog_studies.c.study_instance_uid == values[Field.STUDY_INSTANCE_UID]
    columns = _columns(Level.STUDY, values)
    row, before = _upsert(connection, catalog_studies, same, columns, {}, changes=leads)
    name = key_name(Field.PATIENT_NAME)
    if name in before:
        keep_parts(connection, row.number, before[name], columns[name])
    return int(row.number)


def _series(
    connection: Connection, study: int, values: Mapping[Field, Value], sop_class_uid: str
) -> int:
    same = (catalog_series.c.study == study) & (
        catalog_series.c.series_instance_uid == values[Field.SERIES_INSTANCE_UID]
    )
    first = {"study": study, "instances": 0, "sop_classes": [sop_class_uid]}
    row, _ = _upsert(connection, catalog_series, same, _columns(Level.SERIES, values), first)
    if sop_class_uid not in row.sop_classes:
        connection.execute(
            update(catalog_series)
            .where(catalog_series.c.number == row.number)
            .values(sop_classes=[*row.sop_classes, sop_class_uid])
        )
    return int(row.number)


def _upsert(
    connection: Connection,
    table: Table,
    same: Any,
    columns: dict[str, Any],
    first: dict[str, Any],
    *,
    changes: bool = True,
) -> tuple[Any, Mapping[str, Any]]:
    """Return the row, and of the columns that change here what was in them before.

    The row is locked: who counts after us sees what we counted. With `changes`, what `columns`
    says goes before what was said.
    """
    row = connection.execute(select(table).where(same).with_for_update()).one_or_none()
    if row is None:
        made = insert(table).values(**columns, **first).returning(table)
        return connection.execute(made).one(), dict.fromkeys(columns, "")
    new = {
        name: value
        for name, value in columns.items()
        if value not in (None, "") and value != row._mapping[name]
    }
    if not (new and changes):
        return row, {}
    connection.execute(update(table).where(table.c.number == row.number).values(new))
    return row, {name: row._mapping[name] for name in new}


def _count(connection: Connection, series: int, change: int) -> None:
    connection.execute(
        update(catalog_series)
        .where(catalog_series.c.number == series)
        .values(instances=catalog_series.c.instances + change)
    )
    if change < 0:
        connection.execute(
            delete(catalog_series).where(
                catalog_series.c.number == series, catalog_series.c.instances <= 0
            )
        )


def _columns(level: Level, values: Mapping[Field, Value]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for field in fields_of(level):
        value = values.get(field)
        if field.kind is Kind.NUMBER:
            columns[column_name(field)] = _sortable(value)
            continue
        text = value if isinstance(value, str) else ""
        columns[column_name(field)] = text
        if field.is_folded:
            columns[key_name(field)] = field.key(text)
    return columns


def _sortable(value: Value | None) -> int | None:
    # An IS of more than 12 characters is against PS3.5 Section 6.2, and must not stop us.
    return value if isinstance(value, int) and abs(value) <= _LARGEST else None
