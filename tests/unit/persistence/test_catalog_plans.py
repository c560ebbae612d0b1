"""A search is led by an index: SQLite tells its plans, and none goes through a whole table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from inference.domain.catalog import Condition, Entry, Field, Level, Search
from inference.domain.matching import AnyOf, Between, Like, Match
from inference.persistence import narrowing
from inference.persistence.catalog import SqlCatalog
from inference.persistence.engine import Database
from inference.persistence.index import SqlIndex
from inference.persistence.name_parts import parts_of
from tests.contracts.catalog import uids
from tests.contracts.repositories import QUIET, T0, make_instance

NAMES = (
    "Šimůnková^Ana",
    "Müller^Jörg",
    "Mueller^Jo",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "",
    "Li",
)
STUDY_SEARCHES: tuple[tuple[tuple[Field, Match], ...], ...] = (
    ((Field.STUDY_INSTANCE_UID, AnyOf(("2.1",))),),
    ((Field.PATIENT_ID, AnyOf(("P1",))),),
    ((Field.PATIENT_ID, Like("P1*")),),
    ((Field.ACCESSION_NUMBER, AnyOf(("A1",))),),
    ((Field.ACCESSION_NUMBER, Like("A?")),),
    ((Field.STUDY_DATE, AnyOf(("20240102",))),),
    ((Field.STUDY_DATE, Between("20240101", "20240103")),),
    ((Field.STUDY_DATE, Between("", "20240103")),),
    ((Field.PATIENT_NAME, AnyOf(("muller^jorg",))),),
    ((Field.PATIENT_NAME, AnyOf(("山田^太郎",))),),
    ((Field.PATIENT_NAME, Like("mu*")),),
    ((Field.PATIENT_NAME, Like("m*^j*")),),
    ((Field.PATIENT_NAME, Like("*uller*")),),
    ((Field.PATIENT_NAME, Like("*munk*^an*")),),
    ((Field.PATIENT_NAME, Like("?imunkov?^*")),),
    ((Field.PATIENT_NAME, Like("山田*")),),
    ((Field.MODALITIES_IN_STUDY, AnyOf(("MR",))),),
    ((Field.PATIENT_NAME, Like("*mun*")), (Field.STUDY_DATE, Between("20240101", "20240109"))),
)


@pytest.fixture
def catalog(database: Database) -> SqlCatalog:
    index = SqlIndex(database)
    for number, name in enumerate(NAMES):
        made = make_instance(
            f"1.{number}",
            study=f"2.{number}",
            series=f"3.{number}",
            patient_name=name,
            patient_id=f"P{number}",
            accession_number=f"A{number}",
            study_date=f"2024010{number + 1}",
            modality="MR" if number == 2 else "CT",
        )
        index.add(made, T0, QUIET)
    return SqlCatalog(database)


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    said: list[tuple[str, Any]] = []

    def hear(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            said.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", hear)
    yield said
    event.remove(database.engine, "before_cursor_execute", hear)


def plans(database: Database, said: list[tuple[str, Any]]) -> list[str]:
    """Return the steps, each behind those that it is part of."""
    steps: list[str] = []
    with database.reading() as connection:
        for statement, parameters in said:
            paths = {0: ""}
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            for row in plan:
                paths[row.id] = f"{paths[row.parent]}/{row.detail}"
                steps.append(paths[row.id])
    return steps


def sorts(steps: list[str]) -> list[str]:
    """Return where more is sorted than one page: that is read by its numbers."""
    return [each for each in steps if re.search("LIST SUBQUERY.*TEMP B-TREE", each)]


def look(catalog: SqlCatalog, level: Level, conditions: Any, **how: Any) -> list[Entry]:
    search = Search(level, tuple(Condition(*each) for each in conditions), **how)
    return list(catalog.search(search))


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("conditions", STUDY_SEARCHES)
def test_no_search_by_study_goes_through_a_table(
    catalog: SqlCatalog, database: Database, conditions: Any, level: Level
) -> None:
    with statements(database) as said:
        assert look(catalog, level, conditions)
    scans = [each for each in plans(database, said) if "SCAN catalog" in each]
    assert not scans, said


@pytest.mark.parametrize(
    ("level", "condition"),
    [
        (Level.SERIES, (Field.SERIES_INSTANCE_UID, AnyOf(("3.1",)))),
        (Level.INSTANCE, (Field.SERIES_INSTANCE_UID, AnyOf(("3.1",)))),
        (Level.INSTANCE, (Field.SOP_INSTANCE_UID, AnyOf(("1.1",)))),
    ],
)
def test_no_search_by_uid_goes_through_a_table(
    catalog: SqlCatalog, database: Database, level: Level, condition: Any
) -> None:
    with statements(database) as said:
        study = (Field.STUDY_INSTANCE_UID, AnyOf(("2.1",)))
        assert look(catalog, level, [condition]) == look(catalog, level, [study, condition])
    assert not [each for each in plans(database, said) if "SCAN catalog" in each]


@pytest.mark.parametrize("level", Level)
def test_a_page_is_sorted_by_nothing_but_its_order(
    catalog: SqlCatalog, database: Database, level: Level
) -> None:
    with statements(database) as said:
        assert look(catalog, level, [], limit=2, after=4 if level is Level.STUDY else 2)
    assert not sorts(plans(database, said))


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("conditions", STUDY_SEARCHES)
def test_the_way_along_the_list_finds_the_same(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch, conditions: Any, level: Level
) -> None:
    found = look(catalog, level, conditions)
    monkeypatch.setattr(narrowing, "FEW", -1)
    assert look(catalog, level, conditions) == found


def test_along_the_list_nothing_is_sorted(
    catalog: SqlCatalog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrowing, "FEW", -1)
    dates = (Field.STUDY_DATE, Between("20240101", "20240103"))
    with statements(database) as said:
        assert len(look(catalog, Level.STUDY, [dates], limit=2)) == 2
    assert not sorts(plans(database, said))


def test_names_are_found_by_any_piece(catalog: SqlCatalog) -> None:
    def found(pattern: str) -> list[str]:
        return uids(look(catalog, Level.STUDY, [(Field.PATIENT_NAME, Like(pattern))]))

    assert found("*uller*") == ["2.1"]
    assert found("*ller*^j*") == ["2.2", "2.1"]
    assert found("*l*r^j*") == ["2.2", "2.1"]
    assert found("*太*") == ["2.3"]
    assert found("*太郎") == ["2.3"]
    assert found("山田^太*") == ["2.3"]
    assert found("やまだ*") == ["2.3"]
    assert found("l?") == ["2.5"]
    assert found("*zzz*") == []


def test_a_name_that_changes_is_found_as_it_is_now(catalog: SqlCatalog, database: Database) -> None:
    SqlIndex(database).add(
        make_instance("1.9", study="2.1", series="3.1", patient_name="Miller^Jörg"), T0, QUIET
    )
    for pattern, expected in (("*uller*", []), ("*iller*", ["2.1"]), ("*^jor*", ["2.1"])):
        found = look(catalog, Level.STUDY, [(Field.PATIENT_NAME, Like(pattern))])
        assert uids(found) == expected
    with database.reading() as connection:
        kept = connection.exec_driver_sql("SELECT part FROM catalog_name_parts WHERE study = 2")
        assert {row.part for row in kept} == set(parts_of("miller^jorg"))


def test_parts_are_three_letters_or_two_that_are_no_ascii() -> None:
    assert parts_of("mull") == ("mul", "ull")
    assert parts_of("li") == ()
    assert parts_of("山田^x") == ("山田^", "田^x", "山田", "田^")
    assert parts_of("") == ()
