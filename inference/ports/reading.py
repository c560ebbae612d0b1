"""The reading list: what a person should look at, the most urgent first."""

from __future__ import annotations

from typing import Protocol

from inference.domain.reading import ReadingChoices, ReadingLoad, ReadingPage, ReadingQuery


class ReadingList(Protocol):
    """Reads what `Index`, `JobQueue`, `Results` and `Reviews` keep; writes nothing."""

    def read(self, query: ReadingQuery) -> ReadingPage:
        """Return a page, all of one state of the database."""
        ...

    def choices(self) -> ReadingChoices: ...

    def load(self) -> ReadingLoad: ...
