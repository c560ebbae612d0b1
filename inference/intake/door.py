"""The one door: whoever brings an Instance in, it is taken or refused here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Lock

from inference.domain.about import about
from inference.domain.errors import (
    ConflictingInstance,
    InvalidUid,
    RepositoryUnavailable,
    UnreadableInstance,
)
from inference.domain.incident import Incident, IncidentKind
from inference.domain.instance import Description, Instance, Origin, Receipt
from inference.ports import Archive, Clock, Index
from inference.ports.meter import Meter, Stage, Unmetered

_log = logging.getLogger(__name__)
_LOCKS = 64  # so many Instances at most go through the door at once


class Door:
    """`Intake`. `quiet` is how long a Study must be quiet to be stable.

    `on_received` is called after each change that can make a Study stable sooner than
    anybody knew; it must return at once and not raise.
    """

    def __init__(
        self,
        archive: Archive,
        index: Index,
        clock: Clock,
        quiet: timedelta,
        on_received: Callable[[], None] | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._archive = archive
        self._index = index
        self._clock = clock
        self._quiet = quiet
        self._on_received = on_received or (lambda: None)
        self._meter = meter or Unmetered()
        # Copies of one Instance go through one after the other, so that each finds what
        # became of the one before it.
        self._locks = tuple(Lock() for _ in range(_LOCKS))

    def receive(self, spooled: Path, origin: Origin) -> Receipt:
        started = time.monotonic()
        try:
            self._archive.check_space()
            try:
                description = self._archive.describe(spooled)
            except (UnreadableInstance, InvalidUid) as error:
                self._set_aside(spooled, IncidentKind.UNREADABLE, str(error), origin)
                raise
            turn = self._locks[hash(description.sop_instance_uid) % _LOCKS]
            with about(description.study_instance_uid), turn:
                receipt = self._take(spooled, description, origin)
                self._meter.took(Stage.RECEIVE, time.monotonic() - started)
        finally:
            self._archive.discard(spooled)
        if receipt is Receipt.STORED:
            self._on_received()
        return receipt

    def holds(self, sop_instance_uid: str) -> bool:
        return self._index.find(sop_instance_uid) is not None or self._index.is_result(
            sop_instance_uid
        )

    def retired(self, sop_instance_uid: str) -> bool:
        return self._index.retired(sop_instance_uid)

    def complete(self, study_instance_uid: str) -> bool:
        completed = self._index.complete(study_instance_uid, self._clock.now())
        if completed:
            self._on_received()
        return completed

    def _take(self, spooled: Path, description: Description, origin: Origin) -> Receipt:
        if self._index.is_result(description.sop_instance_uid):
            return Receipt.OWN_RESULT
        sha256 = self._archive.digest(spooled)
        if description.attributes.made_by_wetread:
            # Another node's, or from before this database: kept, as Success promises, but not
            # part of the Study. Two nodes on one PACS would else answer each other for ever.
            self._archive.keep(spooled, description, sha256)
            return Receipt.OWN_RESULT
        held = self._index.find(description.sop_instance_uid)
        if held is not None:
            if held.sha256 == sha256:
                if self._is_kept(spooled, held):
                    return Receipt.HELD_ALREADY
                return self._take(spooled, description, origin)
            if self._index.holds_same(held.sop_instance_uid, sha256) and self._archive.holds(
                held.key
            ):
                # Both were compared: the image that these bytes carry is kept.
                return Receipt.HELD_ALREADY
            raise self._conflict(spooled, description, origin, held.sha256)
        size = spooled.stat().st_size
        # What retention took away may still be on its way out, by another process: what comes
        # now is kept under a key that nobody removes.
        removals = self._index.removals(description.sop_instance_uid)
        # The file before the row: a file that no row names is harmless, and has the same key
        # when it comes again; a row without its file would be a broken promise.
        key = self._archive.keep(spooled, description, sha256, removals)
        instance = Instance(description, origin, key, sha256, size)
        try:
            receipt = self._index.add(instance, self._clock.now(), self._quiet, removals)
        except ConflictingInstance as error:
            # Another process took other bytes for this UID just now.
            other = self._index.find(description.sop_instance_uid)
            against = other.sha256 if other else ""
            raise self._conflict(self._archive.path(key), description, origin, against) from error
        self._meter.received(origin, receipt, size)
        return receipt

    def _is_kept(self, spooled: Path, held: Instance) -> bool:
        """Success promises that the file is there, also where the archive has lost it.

        False if retention takes the Instance away just now.
        """
        if self._archive.holds(held.key):
            return True
        self._archive.adopt(held.key, spooled)
        # Rows go before files. With its row here still, the file is the next removal's; without,
        # the removal may be past it, and nobody would ever take away what was just put there.
        now = self._index.find(held.sop_instance_uid)
        if now is None or now.key != held.key:
            self._archive.remove(held.key)
            return False
        _log.warning("the archive had lost a file, which came again: %s", held.key)
        return True

    def _conflict(
        self, path: Path, description: Description, origin: Origin, against: str
    ) -> ConflictingInstance:
        error = ConflictingInstance()
        self._set_aside(path, IncidentKind.CONFLICT, str(error), origin, description, against)
        return error

    def _set_aside(
        self,
        path: Path,
        kind: IncidentKind,
        reason: str,
        origin: Origin,
        description: Description | None = None,
        against: str = "",
    ) -> None:
        sha256, size = self._archive.digest(path), path.stat().st_size
        try:
            # As with an Instance: what was removed once may still be on its way out.
            removals = self._index.incident_removals(sha256)
        except RepositoryUnavailable:
            self._archive.quarantine(path, reason)  # it may not be sent again
            raise
        key = self._archive.quarantine(path, reason, removals)
        incident = Incident(
            kind,
            reason,
            key,
            origin,
            sop_instance_uid=description.sop_instance_uid if description else "",
            study_instance_uid=description.study_instance_uid if description else "",
            sha256=sha256,
            against=against,
            size=size,
        )
        self._index.add_incident(incident, self._clock.now(), removals)
        # The reason may quote the header, so it stays out of the log.
        _log.warning("set aside as %s: %s, from %s", kind, key, origin.source)
