"""The database and its fakes keep the same promises."""

from __future__ import annotations

import pytest

from inference.fakes.memory import (
    MemoryCatalog,
    MemoryCursors,
    MemoryIndex,
    MemoryJobQueue,
    MemoryListing,
    MemoryOutbox,
    MemoryReadingList,
    MemoryResults,
    MemoryReviews,
    MemoryRollouts,
    MemoryStore,
)
from inference.persistence.engine import Database
from tests.contracts.catalog import CatalogContract
from tests.contracts.index import IndexContract
from tests.contracts.listing import ListingContract
from tests.contracts.outbox import CursorsContract, OutboxContract
from tests.contracts.queue import JobQueueContract
from tests.contracts.reading import ReadingListContract
from tests.contracts.repositories import Repositories
from tests.contracts.results import ResultsContract
from tests.contracts.reviews import ReviewsContract
from tests.contracts.rollouts import RolloutsContract
from tests.contracts.shadows import ShadowsContract
from tests.unit.persistence.conftest import repositories_on


class OnSqlite:
    @pytest.fixture
    def repositories(self, database: Database) -> Repositories:
        return repositories_on(database)


class InMemory:
    @pytest.fixture
    def repositories(self) -> Repositories:
        store = MemoryStore()
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
        )


class TestSqlIndex(OnSqlite, IndexContract):
    pass


class TestSqlJobQueue(OnSqlite, JobQueueContract):
    pass


class TestSqlResults(OnSqlite, ResultsContract):
    pass


class TestSqlOutbox(OnSqlite, OutboxContract):
    pass


class TestSqlCursors(OnSqlite, CursorsContract):
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


class TestSqlRollouts(OnSqlite, RolloutsContract):
    pass


class TestSqlShadows(OnSqlite, ShadowsContract):
    pass


class TestMemoryRollouts(InMemory, RolloutsContract):
    pass


class TestMemoryShadows(InMemory, ShadowsContract):
    pass


class TestSqlCatalog(OnSqlite, CatalogContract):
    pass


class TestMemoryCatalog(InMemory, CatalogContract):
    pass


class TestSqlReviews(OnSqlite, ReviewsContract):
    pass


class TestMemoryReviews(InMemory, ReviewsContract):
    pass


class TestSqlReadingList(OnSqlite, ReadingListContract):
    pass


class TestMemoryReadingList(InMemory, ReadingListContract):
    pass


class TestSqlListing(OnSqlite, ListingContract):
    pass


class TestMemoryListing(InMemory, ListingContract):
    pass
