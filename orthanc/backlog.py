"""What Orthanc has announced and the feed has not taken in yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Backlog:
    """Announced Instances and unfinished Studies, each with the change (Seq) that told of it.

    The cursor on disk never passes the oldest of them. An Orthanc that is stopped forgets
    which Studies were about to become stable: their StableStudy never comes, and what is
    still announced here is how the feed finds them all the same.
    """

    def __init__(self) -> None:
        self._announced: dict[str, int] = {}
        self._unfinished: dict[str, int] = {}
        self._seen: set[str] = set()

    def announce(self, instance: str, sequence: int) -> None:
        self._announced.setdefault(instance, sequence)

    def postpone(self, study: str, sequence: int) -> None:
        self._unfinished.setdefault(study, sequence)

    def finish(self, study: str) -> None:
        self._unfinished.pop(study, None)

    def drop(self, instances: Iterable[str]) -> None:
        for instance in instances:
            self._announced.pop(instance, None)

    def clear(self) -> None:
        self._announced.clear()
        self._unfinished.clear()
        self._seen.clear()

    def cursor(self, position: int) -> int:
        """Return how far all is taken in, when changes were read up to `position`."""
        open_changes = (*self._announced.values(), *self._unfinished.values())
        return min(position, *(sequence - 1 for sequence in open_changes), position)

    @property
    def unfinished(self) -> Sequence[tuple[str, int]]:
        return tuple(self._unfinished.items())

    def overdue(self) -> Sequence[tuple[str, int]]:
        """Return the Instances that were announced already when this was asked last."""
        overdue = tuple(item for item in self._announced.items() if item[0] in self._seen)
        self._seen = set(self._announced)
        return overdue

    def is_announced(self, instance: str) -> bool:
        return instance in self._announced
