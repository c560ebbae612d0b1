"""Retention: images that nobody needs any more leave the archive."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence

from inference.domain.about import about
from inference.domain.retention import RetentionTerms, Weighed
from inference.ports import Archive, Clock, Removals

_log = logging.getLogger(__name__)


class Retention:
    """Takes Studies' Instances away, each Study in a transaction of its own, rows before files.

    Whatever ends it in between, the next one begins with the files that were left. It may run
    beside receivers, workers and another of its kind.
    """

    def __init__(self, removals: Removals, archive: Archive, clock: Clock) -> None:
        self._removals = removals
        self._archive = archive
        self._clock = clock

    def due(self, terms: RetentionTerms) -> Sequence[str]:
        """Return the Studies that are old enough, the oldest first."""
        return self._removals.due(terms.before)

    def sweep(
        self,
        due: Iterable[str],
        terms: RetentionTerms,
        *,
        limit: int | None = None,
        dry_run: bool = False,
    ) -> Iterator[Weighed]:
        """Remove the images of Studies that nothing claims, and say of each what was found.

        Ends after `limit` Studies that lost theirs; a dry run only says what would become of
        them. Raises `RepositoryUnavailable`.
        """
        if not dry_run:
            self.finish()
        removed = 0
        for uid in due:
            if removed == limit:
                return
            weighed = self._removals.weigh(uid, terms) if dry_run else self._remove(uid, terms)
            if weighed is None:  # another run was quicker
                continue
            removed += not weighed.claims
            yield weighed

    def _remove(self, study_instance_uid: str, terms: RetentionTerms) -> Weighed | None:
        with about(study_instance_uid):
            weighed = self._removals.remove(study_instance_uid, terms, self._clock.now())
            if weighed is not None and not weighed.claims:
                self.finish()
                _log.info(
                    "Study %s: %d Instances removed, %d bytes",
                    study_instance_uid,
                    weighed.instances,
                    weighed.size,
                )
            return weighed

    def finish(self) -> int:
        """Remove the files of what is removed; return how many.

        Raises `RepositoryUnavailable`.
        """
        count = 0
        while keys := self._removals.unfinished():
            for key in keys:
                self._archive.remove(key)
            self._removals.finish(keys)
            count += len(keys)
        return count
