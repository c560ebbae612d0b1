"""The fakes of everything that the database keeps; they share one `MemoryStore`."""

from __future__ import annotations

from inference.fakes.catalog import MemoryCatalog
from inference.fakes.census import MemoryCensusTaker
from inference.fakes.cursors import MemoryCursors
from inference.fakes.events import MemoryEvents
from inference.fakes.incidents import MemoryIncidents
from inference.fakes.index import MemoryIndex
from inference.fakes.listing import MemoryListing
from inference.fakes.outbox import MemoryOutbox
from inference.fakes.queue import MemoryJobQueue
from inference.fakes.reading import MemoryReadingList
from inference.fakes.removals import MemoryRemovals
from inference.fakes.results import MemoryResults
from inference.fakes.reviews import MemoryReviews
from inference.fakes.rollouts import MemoryRollouts
from inference.fakes.store import MemoryStore
from inference.fakes.workitems import MemoryWorkitems

__all__ = [
    "MemoryCatalog",
    "MemoryCensusTaker",
    "MemoryCursors",
    "MemoryEvents",
    "MemoryIncidents",
    "MemoryIndex",
    "MemoryJobQueue",
    "MemoryListing",
    "MemoryOutbox",
    "MemoryReadingList",
    "MemoryRemovals",
    "MemoryResults",
    "MemoryReviews",
    "MemoryRollouts",
    "MemoryStore",
    "MemoryWorkitems",
]
