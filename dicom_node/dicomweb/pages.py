"""Pages of a search, found where the page before ended."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from inference.domain.catalog import Entry, Search
from inference.ports import Catalog

_REMEMBERED = 1024  # ends of pages


class Pages:
    """Turns the offset of a request into the number of the entry before it, where known.

    A client that goes through a list page by page asks by offset (PS3.18 Section 8.3.4.4),
    and a database counts to an offset row by row. The end of each page is remembered: the
    next one starts there, and repeats nothing that has moved on since.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._ends: OrderedDict[tuple[Search, int], int] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, search: Search) -> tuple[Sequence[Entry], bool]:
        """Return the entries, and whether there are more."""
        if search.limit == 0:
            return (), False
        plain = replace(search, limit=0, offset=0)
        with self._lock:
            end = self._ends.get((plain, search.offset))
        asked = replace(search, limit=search.limit + 1)
        if end is not None:
            asked = replace(asked, after=end, offset=0)
        entries = self._catalog.search(asked)
        more = len(entries) > search.limit
        entries = entries[: search.limit]
        if more:
            with self._lock:
                self._ends[(plain, search.offset + search.limit)] = entries[-1].number
                while len(self._ends) > _REMEMBERED:
                    self._ends.popitem(last=False)
        return entries, more
