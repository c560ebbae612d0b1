"""The catalog: everything that is held, ours and what came in, to be searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inference.domain.catalog import Entry, Search
from inference.domain.instance import Description


class Catalog(Protocol):
    """Filled by `Index.add`, `Results.record` and `Reviews.record`, each in its own transaction.

    `Removals.remove` takes out what retention takes away.
    """

    def search(self, search: Search) -> Sequence[Entry]:
        """Return at most `search.limit` entries."""
        ...

    def undescribed(self, limit: int = 100, after: int = 0) -> Sequence[Entry]:
        """Return Instances of which the catalog has not seen the header, by rising number.

        Only those with a number above `after`. They come from databases of older versions.
        """
        ...

    def describe(self, description: Description) -> None:
        """Complete an Instance that is catalogued with what its header says."""
        ...
