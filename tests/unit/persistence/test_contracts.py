"""The database and its fakes keep the same promises."""

from __future__ import annotations

import pytest

from inference.fakes.memory import (
    MemoryCatalog,
    MemoryCensusTaker,
    MemoryCursors,
    MemoryEvents,
    MemoryIncidents,
    MemoryIndex,
    MemoryJobQueue,
    MemoryListing,
    MemoryOutbox,
    MemoryReadingList,
    MemoryRemovals,
    MemoryResults,
    MemoryReviews,
    MemoryRollouts,
    MemoryStore,
    MemoryWorkitems,
)
from inference.persistence.engine import Database
from tests.contracts.catalog import CatalogContract
from tests.contracts.census import CensusContract
from tests.contracts.events import EventsContract
from tests.contracts.incidents import IncidentsContract
from tests.contracts.index import IndexContract
from tests.contracts.listing import ListingContract
from tests.contracts.outbox import CursorsContract, OutboxContract
from tests.contracts.queue import JobQueueContract
from tests.contracts.reading import ReadingListContract
from tests.contracts.removals import RemovalsContract
from tests.contracts.repositories import Repositories
from tests.contracts.results import ResultsContract
from tests.contracts.reviews import ReviewsContract
from tests.contracts.rollouts import RolloutsContract
from tests.contracts.shadows import ShadowsContract
from tests.contracts.subscribers import SubscribersContract
from tests.contracts.workitems import WorkitemsContract
from tests.unit.persistence.conftest import repositories_on


class InDatabase:
    """On SQLite, and on PostgreSQL where it is installed."""

    @pytest.fixture
    def repositories(self, any_database: Database) -> Repositories:
        return repositories_on(any_database)


class InMemory:
    @pytest.fixture
    def repositories(self) -> Repositories:
        store = MemoryStore()
        workitems = MemoryWorkitems(store)
        return Repositories(
            MemoryIndex(store),
            MemoryJobQueue(store),
            MemoryResults(store),
            MemoryOutbox(store),
            MemoryCursors(store),
            MemoryRollouts(store),
            MemoryCatalog(store),
            MemoryReviews(store),
            MemoryReadingList(store),
            MemoryListing(store),
            workitems,
            MemoryEvents(store),
            MemoryCensusTaker(store),
            MemoryRemovals(store, workitems),
            MemoryIncidents(store),
        )


class TestSqlIndex(InDatabase, IndexContract):
    pass


class TestSqlJobQueue(InDatabase, JobQueueContract):
    pass


class TestSqlResults(InDatabase, ResultsContract):
    pass


class TestSqlOutbox(InDatabase, OutboxContract):
    pass


class TestSqlCursors(InDatabase, CursorsContract):
    pass


class TestMemoryIndex(InMemory, IndexContract):
    pass


class TestMemoryJobQueue(InMemory, JobQueueContract):
    pass


class TestMemoryResults(InMemory, ResultsContract):
    pass


class TestMemoryOutbox(InMemory, OutboxContract):
    pass


class TestMemoryCursors(InMemory, CursorsContract):
    pass


class TestSqlRollouts(InDatabase, RolloutsContract):
    pass


class TestSqlShadows(InDatabase, ShadowsContract):
    pass


class TestMemoryRollouts(InMemory, RolloutsContract):
    pass


class TestMemoryShadows(InMemory, ShadowsContract):
    pass


class TestSqlCatalog(InDatabase, CatalogContract):
    pass


class TestMemoryCatalog(InMemory, CatalogContract):
    pass


class TestSqlReviews(InDatabase, ReviewsContract):
    pass


class TestMemoryReviews(InMemory, ReviewsContract):
    pass


class TestSqlReadingList(InDatabase, ReadingListContract):
    pass


class TestMemoryReadingList(InMemory, ReadingListContract):
    pass


class TestSqlListing(InDatabase, ListingContract):
    pass


class TestMemoryListing(InMemory, ListingContract):
    pass


class TestSqlWorkitems(InDatabase, WorkitemsContract):
    pass


class TestMemoryWorkitems(InMemory, WorkitemsContract):
    pass


class TestSqlSubscribers(InDatabase, SubscribersContract):
    pass


class TestMemorySubscribers(InMemory, SubscribersContract):
    pass


class TestSqlEvents(InDatabase, EventsContract):
    pass


class TestMemoryEvents(InMemory, EventsContract):
    pass


class TestSqlCensus(InDatabase, CensusContract):
    pass


class TestMemoryCensus(InMemory, CensusContract):
    pass


class TestSqlRemovals(InDatabase, RemovalsContract):
    pass


class TestMemoryRemovals(InMemory, RemovalsContract):
    pass


class TestSqlIncidents(InDatabase, IncidentsContract):
    pass


class TestMemoryIncidents(InMemory, IncidentsContract):
    pass
