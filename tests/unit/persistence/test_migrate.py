"""The migrations and the tables come to the same, from nothing and from every old file."""

from __future__ import annotations

import io
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.exc import IntegrityError

from inference.domain.catalog import Condition, Field, Level, Search
from inference.domain.errors import RepositoryUnavailable
from inference.domain.finding import Presence
from inference.domain.incident import IncidentQuery
from inference.domain.job import JobState
from inference.domain.matching import AnyOf
from inference.domain.reading import ReadingChoices, ReadingQuery, Standing
from inference.persistence.catalog import SqlCatalog
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.index import SqlIndex
from inference.persistence.migrate import check, migrate
from inference.persistence.migrations.versions import (
    r0002_rollouts,
    r0003_catalog,
    r0004_reviews,
    r0005_workitems,
    r0006_events,
    r0007_standings,
    r0008_name_parts,
    r0009_tickets,
    r0010_removed_instances,
    r0011_incidents,
    r0012_comparisons,
)
from inference.persistence.tables import metadata
from inference.ports import ReadingList
from tests.contracts.incidents import make_incident, unreadable
from tests.contracts.reading import said
from tests.contracts.repositories import (
    MODEL,
    QUIET,
    STUDY,
    T0,
    make_instance,
    make_result,
)
from tests.unit.persistence.conftest import repositories_on

# A file as the first version left it, with one Study in it.
FIRST = Path(__file__).parent / "first.sql"

# A Job that was read and delivered, and one that was running.
FILLED = """
INSERT INTO jobs VALUES(7,'1.2.3',1,'chest','1','a rule',1,'["1.1"]','','done',1,1,'',
 '2026-01-02 03:04:15.0','2026-01-02 03:05:15.0','2026-01-02 03:04:15.0',
 '2026-01-02 03:04:20.0','');
INSERT INTO jobs VALUES(8,'1.2.3',2,'chest','1','a rule',1,'["1.1"]','','running',1,1,'worker-1',
 '2026-01-02 03:04:25.0','2026-01-02 03:05:25.0','2026-01-02 03:04:25.0',NULL,'');
INSERT INTO results VALUES(3,7,'1.2.3',1,'chest','1','assessed','[]','[]',
 '2026-01-02 03:04:20.0',1.5,0);
INSERT INTO result_objects VALUES(3,0,'report','1.2.840.10008.5.1.4.1.1.88.34','2.25.1','2.25.2',
 '1.2.3','results/1.2.3/2.25.1.dcm');
INSERT INTO deliveries VALUES(5,7,'pacs','delivered',1,'[]','2026-01-02 03:04:20.0',
 '2026-01-02 03:04:21.0','');
"""


def migrated_first(folder: Path, *more: str) -> Database:
    """Return a file of the first version, with `more` in it, migrated."""
    path = folder / "wetread.db"
    old = sqlite3.connect(path)
    for each in (FIRST.read_text(), *more):
        old.executescript(each)
    old.close()
    database = Database(sqlite_url(path))
    migrate(database)
    return database


def test_the_migrations_make_the_tables(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    index = SqlIndex(database)
    index.add(make_instance("1.1"), T0, QUIET)
    migrate(database)
    assert index.find("1.1") == make_instance("1.1")


def test_a_file_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    database = migrated_first(tmp_path)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    index = SqlIndex(database)
    assert index.find("1.1") == make_instance("1.1")
    (study,) = index.receiving()
    assert study.received_at == T0
    index.add(make_instance("1.2"), T0, QUIET)
    assert not index.account().problems
    database.close()


def test_a_filled_file_of_the_first_version_keeps_everything(tmp_path: Path) -> None:
    database = migrated_first(tmp_path, FILLED)
    stores = repositories_on(database)
    job, running = reversed(stores.queue.jobs())
    assert (job.state, job.request.model, job.request.shadow) == ("done", MODEL, False)
    assert running.state is JobState.RUNNING
    ((_, result),) = stores.results.of_study("1.2.3")
    assert [each.sop_instance_uid for each in result.objects] == ["2.25.1"]
    (delivery,) = stores.outbox.deliveries(job_id=7)
    assert delivery.destination == "pacs"
    assert not stores.index.account().problems
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    # Numbers go on after the last, the old key holds, and so does the new one.
    stores.queue.enqueue([job.request, replace(job.request, shadow=True)], T0)
    new, *_ = stores.queue.jobs()
    assert (new.job_id, new.request.shadow) == (9, True)
    assert len(stores.queue.jobs()) == 3
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM jobs WHERE job_id = 7")
    database.close()


def test_what_is_held_is_catalogued(tmp_path: Path) -> None:
    database = migrated_first(tmp_path, FILLED)
    catalog = SqlCatalog(database)
    (study,) = catalog.search(
        Search(Level.STUDY, (Condition(Field.PATIENT_NAME, AnyOf(("doe^jane",))),))
    )
    assert study.values[Field.MODALITIES_IN_STUDY] == ("DX", "SR")
    assert study.values[Field.NUMBER_OF_STUDY_RELATED_INSTANCES] == 2
    entries = catalog.search(Search(Level.INSTANCE))
    assert [each.text(Field.SOP_INSTANCE_UID) for each in entries] == ["1.1", "2.25.1"]
    assert entries[0].key == make_instance("1.1").key
    assert catalog.undescribed() == entries
    database.close()


def test_the_migrations_are_written_for_postgresql_too() -> None:
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        r0002_rollouts.upgrade()
        r0002_rollouts.downgrade()
        r0004_reviews.upgrade()
        r0004_reviews.downgrade()
        r0005_workitems.upgrade()
        r0005_workitems.downgrade()
    text = written.getvalue()
    assert "ALTER TABLE jobs ADD COLUMN shadow BOOLEAN DEFAULT false NOT NULL" in text
    assert "DROP CONSTRAINT uq_jobs_study_instance_uid_revision_model_name;" in text
    assert "_alembic_tmp" not in text


def test_a_migration_can_be_taken_back(database: Database) -> None:
    stores = repositories_on(database)
    stores.enqueue()
    stores.enqueue(shadow=True)
    stores.results.record(stores.claim(), make_result(), ["pacs"])
    stores.results.record(stores.claim(), make_result(objects=()), [])
    with database.migrating() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            r0012_comparisons.downgrade()
            r0011_incidents.downgrade()
            r0010_removed_instances.downgrade()
            r0009_tickets.downgrade()
            r0006_events.downgrade()
            r0005_workitems.downgrade()
            r0008_name_parts.downgrade()
            r0007_standings.downgrade()
            r0004_reviews.downgrade()
            r0003_catalog.downgrade()
            r0002_rollouts.downgrade()
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    migrate(database)
    (job,) = stores.queue.jobs()
    assert not job.request.shadow
    assert not stores.index.account().problems


def test_where_studies_stand_is_found_again(database: Database) -> None:
    stores = repositories_on(database)
    stores.enqueue()
    stores.enqueue(shadow=True)
    stores.results.record(stores.claim(), said(Presence.PRESENT, 0.75), [])
    stores.results.record(stores.claim(), make_result(objects=()), [])
    before = _listed(stores.reading)
    with database.migrating() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            r0012_comparisons.downgrade()
            r0011_incidents.downgrade()
            r0010_removed_instances.downgrade()
            r0009_tickets.downgrade()
            r0006_events.downgrade()
            r0005_workitems.downgrade()
            r0008_name_parts.downgrade()
            r0007_standings.downgrade()
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
    migrate(database)
    assert _listed(stores.reading) == before
    assert len(before[1]) == 1


def _listed(reading: ReadingList) -> tuple[ReadingChoices, list[str]]:
    query = ReadingQuery(standing=Standing.PRESENT, finding="Opacity")
    found = reading.read(query).readings
    return reading.choices(), [each.study.study_instance_uid for each in found]


def test_an_older_incident_is_known_again_by_its_bytes(database: Database) -> None:
    stores = repositories_on(database)
    stores.index.add(make_instance(f"{STUDY}.1.1"), T0, QUIET)
    for each in (make_incident(), unreadable(2), make_incident(3, key="elsewhere")):
        stores.index.add_incident(each, T0)
    before = stores.incidents.incidents(IncidentQuery())
    with database.migrating() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            r0012_comparisons.downgrade()
            r0011_incidents.downgrade()
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
    migrate(database)
    after = stores.incidents.incidents(IncidentQuery())
    assert [replace(each, size=4321) for each in after[1:]] == list(before[1:])
    assert (after[0].key, after[0].sha256) == ("elsewhere", "")
    stores.index.add_incident(make_incident(), T0)
    assert len(stores.incidents.incidents(IncidentQuery())) == 3
    assert not stores.index.account().problems


def test_what_a_migration_would_tear_apart_is_not_committed(database: Database) -> None:
    stores = repositories_on(database)
    stores.enqueue()
    with (
        pytest.raises(RepositoryUnavailable, match="would lose"),
        database.migrating() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM studies")
    assert len(stores.index.studies()) == 1


def test_who_only_looks_is_told_that_a_file_is_of_another_version(database: Database) -> None:
    check(database)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(RepositoryUnavailable, match="an older one: `wetread migrate`"):
        check(database)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RepositoryUnavailable, match="a newer one: its tables have revision 9999"):
        check(database)


def test_a_file_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RepositoryUnavailable, match="Use that version, or restore the backup"):
        migrate(database)
