"""The only place that builds adapters and joins them to the core.

Beside it, `wetread.roles` does so for what runs, `wetread.web.build` for what is shown, and
`wetread.worklist` for the worklist, which both need.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_node.archive import DiskArchive, LocalDestination
from inference.domain.errors import RepositoryUnavailable, SettingsError, UnknownModel
from inference.intake.rules import RuleBook
from inference.intake.versions import Versions
from inference.persistence.catalog import SqlCatalog
from inference.persistence.clock import DatabaseClock
from inference.persistence.cursors import SqlCursors
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.events import SqlEvents
from inference.persistence.incidents import SqlIncidents
from inference.persistence.index import SqlIndex
from inference.persistence.listing import SqlListing
from inference.persistence.migrate import check, migrate
from inference.persistence.outbox import SqlOutbox
from inference.persistence.procrastinate_queue import ProcrastinateJobQueue
from inference.persistence.queue import SqlJobQueue
from inference.persistence.reading import SqlReadingList
from inference.persistence.removals import SqlRemovals
from inference.persistence.results import SqlResults
from inference.persistence.reviews import SqlReviews
from inference.persistence.rollouts import SqlRollouts
from inference.persistence.workitems import SqlWorkitems
from inference.ports import (
    Clock,
    Destination,
    Files,
    ModelRegistry,
    PixelReader,
    Rollouts,
)
from wetread.settings import OrthancSettings, Settings
from wetread.state import check_state, database_file, make_state

if TYPE_CHECKING:  # torch takes seconds to import
    from dicom_node.archive.s3 import S3Archive
    from inference.models.registry import FolderRegistry
    from inference.worker.reading import Reader

VERSION = version("wetread")
_MIB = 1 << 20  # bytes
_log = logging.getLogger(__name__)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stores:
    """All that is kept: database and archive. Cheap to open; no torch, no network.

    `clock` is the time that all who share the database go by.
    """

    database: Database
    clock: Clock
    index: SqlIndex
    queue: SqlJobQueue
    results: SqlResults
    outbox: SqlOutbox
    cursors: SqlCursors
    rollouts: SqlRollouts
    reviews: SqlReviews
    catalog: SqlCatalog
    reading: SqlReadingList
    listing: SqlListing
    events: SqlEvents
    workitems: SqlWorkitems
    removals: SqlRemovals
    incidents: SqlIncidents
    archive: DiskArchive | S3Archive

    def close(self) -> None:
        self.database.close()


def open_database(settings: Settings, *, read_only: bool = False) -> Database:
    """Raises `SettingsError` where PostgreSQL is asked for wrongly, or its driver is missing."""
    url = settings.database_url.get_secret_value() or sqlite_url(database_file(settings))
    try:
        return Database(url, read_only=read_only)
    except ImportError:
        raise SettingsError(
            "database_url names PostgreSQL, but its driver is missing: "
            'pip install "wetread[postgresql]"'
        ) from None
    except ValueError:  # no word of it, since it may hold a password
        raise SettingsError(
            "that is no address of a database: give postgresql://user:password@host/name, with "
            "what has a meaning in addresses percent-encoded, as %40 for an @ in the password"
        ) from None


def open_stores(settings: Settings) -> Stores:
    """Open database and archive, made and migrated as needed."""
    make_state(settings)
    database = open_database(settings)
    try:
        if settings.is_embedded or settings.migrate_on_start:
            migrate(database)
        else:
            check(database)
    except RepositoryUnavailable:
        database.close()
        raise
    return _stores(settings, database)


def open_filled_stores(settings: Settings) -> Stores:
    """Open what a node has filled. Raises `SettingsError` where no node has run yet."""
    check_state(settings)
    return open_stores(settings)


def look_into_stores(settings: Settings) -> Stores:
    """Open what is kept to read only, beside a node that may be running.

    Raises `SettingsError` where no node has run yet, and `RepositoryUnavailable` where one of
    another version has.
    """
    check_state(settings)
    database = open_database(settings, read_only=True)
    try:
        check(database)
    except RepositoryUnavailable:
        database.close()
        raise
    return _stores(settings, database)


@contextmanager
def look_at_versions(settings: Settings, registry: ModelRegistry) -> Iterator[Versions]:
    """Which versions of the models are in use, also where no node has run yet."""
    if settings.is_embedded and not database_file(settings).exists():
        yield Versions(registry)
        return
    stores = look_into_stores(settings)
    try:
        yield Versions(registry, stores.rollouts)
    finally:
        stores.close()


def _stores(settings: Settings, database: Database) -> Stores:
    return Stores(
        database,
        SystemClock() if database.is_sqlite else DatabaseClock(database),
        SqlIndex(database),
        SqlJobQueue(database) if database.is_sqlite else ProcrastinateJobQueue(database),
        SqlResults(database),
        SqlOutbox(database),
        SqlCursors(database),
        SqlRollouts(database),
        SqlReviews(database),
        SqlCatalog(database),
        SqlReadingList(database),
        SqlListing(database),
        SqlEvents(database),
        SqlWorkitems(database),
        SqlRemovals(database),
        SqlIncidents(database),
        open_archive(settings),
    )


def open_archive(settings: Settings) -> DiskArchive | S3Archive:
    watermark = settings.low_watermark_mb * _MIB
    if not settings.archive.startswith("s3://"):
        place = (
            Path(settings.archive) if settings.archive else settings.state / "archive"
        ).expanduser()
        try:
            return DiskArchive(place, watermark)
        except RepositoryUnavailable as error:
            raise SettingsError(f"{error} The setting archive places it in {place}") from error
    try:
        from dicom_node.archive.object_store import ObjectStore
        from dicom_node.archive.s3 import S3Archive
    except ImportError:
        raise SettingsError(
            f"the setting archive names {settings.archive}, for which boto3 is missing: "
            'pip install "wetread[s3]"'
        ) from None
    bucket, _, prefix = settings.archive.removeprefix("s3://").partition("/")
    store = ObjectStore(bucket, prefix.strip("/"), settings.s3_endpoint_url, settings.s3_region)
    try:
        store.check()
    except RepositoryUnavailable as error:
        # It may come later than we; until then senders are told to try again.
        where = "at the" if settings.s3_endpoint_url else "at AWS, since there is no"
        _log.warning("%s It is looked for %s s3_endpoint_url.", error, where)
    scratch = settings.state / "scratch"
    return S3Archive(store, scratch, watermark, settings.archive_cache_mb * _MIB)


def build_registry(settings: Settings) -> FolderRegistry:
    """The models that ship, and those in the state directory."""
    from inference.models.registry import SHIPPED, FolderRegistry

    return FolderRegistry(
        [SHIPPED, settings.state / "models"],
        device=settings.device,
        precision=settings.precision,
        maximum_models=settings.maximum_models,
        compiling=settings.compile,
        compiled=settings.state / "compiled",
    )


def build_rulebook(
    settings: Settings, registry: ModelRegistry, rollouts: Rollouts | None = None
) -> RuleBook:
    """Raises `UnknownModel` when a rule names a model that is not there."""
    versions = Versions(registry, rollouts)
    for rule in settings.rules:
        try:
            versions.active(rule.model)
        except UnknownModel as error:
            raise UnknownModel(
                f"{error}, and the rule {rule.name} needs it: `wetread models add` puts it into "
                f"{settings.state / 'models'}, where every process looks for models"
            ) from None
    return RuleBook([each.to_rule() for each in settings.rules], registry, rollouts)


def build_destinations(settings: Settings) -> Sequence[Destination]:
    destinations: list[Destination] = []
    if settings.deliver_to_archive:
        destinations.append(LocalDestination())
    for peer in settings.orthanc:
        if peer.deliver:
            from orthanc.destination import OrthancDestination

            destinations.append(OrthancDestination(peer.name, peer.url, *credentials(peer)))
    for ae in settings.destinations:
        from dicom_node.dimse.scu import DicomDestination

        destinations.append(
            DicomDestination(
                ae.name,
                ae_title=ae.ae_title,
                host=ae.host,
                port=ae.port,
                calling_ae_title=settings.ae_title,
            )
        )
    return destinations


def build_reader(
    settings: Settings, registry: FolderRegistry
) -> Callable[[Files, PixelReader], Reader]:
    """Return what makes a Reader as this node has it, for files and pixels of any kind."""
    from inference.worker.reading import Reader

    gates = registry if settings.gate else None
    return lambda files, pixels: Reader(files, pixels, gates)


def credentials(peer: OrthancSettings) -> tuple[str, str]:
    return peer.username, peer.password.get_secret_value()
