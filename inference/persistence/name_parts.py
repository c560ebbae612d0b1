"""What a Patient's Name consists of, so that a piece from its middle is found by index."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection, Select, and_, delete, insert, select

from inference.persistence.catalog_tables import catalog_name_parts

_MOST = 4  # parts that a search looks at; the names themselves decide
_RUN = re.compile(r"[^*?]+")


def parts_of(text: str) -> tuple[str, ...]:
    """Return every three characters in a row; every two, where one is beyond ASCII.

    Names in Chinese have no three.
    """
    found = [text[at : at + 3] for at in range(len(text) - 2)]
    pairs = (text[at : at + 2] for at in range(len(text) - 1))
    return tuple(dict.fromkeys([*found, *(each for each in pairs if not each.isascii())]))


def keep_parts(connection: Connection, study: int, before: str, now: str) -> None:
    """Put the parts of the name `now` in place of those of `before`; both are keys."""
    table = catalog_name_parts
    old, new = set(parts_of(before)), set(parts_of(now))
    if gone := old - new:
        connection.execute(delete(table).where(table.c.study == study, table.c.part.in_(gone)))
    if come := sorted(new - old):
        connection.execute(insert(table), [{"study": study, "part": each} for each in come])


def with_parts(pattern: str) -> Select[int] | None:
    """Select the Studies whose name has what stands between the wildcards of `pattern`.

    More than match, but none too few; None where so little is asked for that no part is whole.
    """
    asked = _chosen(pattern)
    if not asked:
        return None
    first = catalog_name_parts.alias("part_0")
    query = select(first.c.study).where(first.c.part == asked[0])
    for number, part in enumerate(asked[1:], 1):
        other = catalog_name_parts.alias(f"part_{number}")
        both = and_(other.c.study == first.c.study, other.c.part == part)
        query = query.join(other, both)
    return query


def _chosen(pattern: str) -> Sequence[str]:
    """Return parts that overlap as little as may be, of the longest runs first."""
    runs = sorted(_RUN.findall(pattern), key=len, reverse=True)
    parts = [parts_of(run) for run in runs]
    apart = [each for run in parts for each in run[::3]]
    rest = [each for run in parts for each in run]
    return tuple(dict.fromkeys(apart + rest))[:_MOST]
