"""What is held: files, the index, and the one door to both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from inference.domain.accounting import Account
from inference.domain.incident import Incident
from inference.domain.instance import Description, Instance, Origin, Receipt
from inference.domain.job import JobRequest
from inference.domain.study import Study


class Files(Protocol):
    def path(self, key: str) -> Path:
        """Return where the file lies on the local disk."""
        ...


class Archive(Files, Protocol):
    """Part 10 files. A key is a relative path with `/`; it never holds unchecked input."""

    def check_space(self) -> None:
        """Raise `OutOfSpace` when free space is under the watermark."""
        ...

    def spool(self) -> Path:
        """Return the path of a new, empty file, on a disk from which `keep` can rename."""
        ...

    def describe(self, spooled: Path) -> Description:
        """Read the header. Raises `UnreadableInstance`, `InvalidUid` or `DamagedFile`."""
        ...

    def digest(self, spooled: Path) -> str:
        """Return the SHA-256 of the data set, in hexadecimal, without reading it whole."""
        ...

    def keep(self, spooled: Path, description: Description, sha256: str, removals: int = 0) -> str:
        """Make the file permanent (fsync, rename, fsync of the directory); return its key.

        The key follows from UIDs and `sha256`: other bytes never replace it. It is another one
        after each of the `removals` of the Instance: who removes a file late hits no later one.
        """
        ...

    def holds(self, key: str) -> bool:
        """Does a file of this key lie there? Raises `RepositoryUnavailable`."""
        ...

    def adopt(self, key: str, source: Path) -> bool:
        """Keep a copy of `source` as `key`, which `keep` gave once; False if it lies there."""
        ...

    def remove(self, key: str) -> None:
        """Remove the file of an Instance, or what was set aside, for good; no error if it is gone.

        Raises `ValueError` for a key of anything else.
        """
        ...

    def quarantine(self, spooled: Path, reason: str, removals: int = 0) -> str:
        """Set the file aside, as durably as `keep` does, with `reason` beside it.

        The key follows from the data set's bytes: the same again is the same file, and another
        one after each of the `removals`.
        """
        ...

    def discard(self, spooled: Path) -> None:
        """Remove a spooled file; no error if it is gone."""
        ...

    def keep_result(self, study_instance_uid: str, sop_instance_uid: str, part10: bytes) -> str:
        """Make an object of ours permanent and return its key; other bytes never replace it.

        Only what is recorded with its key counts: who lost the Job meanwhile leaves a file
        that nothing names.
        """
        ...


class Index(Protocol):
    """Studies and Instances. Every method is one transaction.

    Raises `RepositoryUnavailable` when the database cannot do it.
    """

    def find(self, sop_instance_uid: str) -> Instance | None: ...

    def is_result(self, sop_instance_uid: str) -> bool:
        """Is this an object of a recorded Result, or of a Review of one?"""
        ...

    def removals(self, sop_instance_uid: str) -> int:
        """Return how often retention has taken this Instance away; 0 if never."""
        ...

    def retired(self, sop_instance_uid: str) -> bool:
        """Did retention take this Instance away, and leave no image of its Study?"""
        ...

    def add(self, instance: Instance, at: datetime, quiet: timedelta, removals: int = 0) -> Receipt:
        """Add `instance`; its Study is receiving again, until `at + quiet`.

        The same Instance again is `HELD_ALREADY` and changes nothing; one that retention took
        away is taken as new. `removals` are those that its key is of. Raises
        `ConflictingInstance` if the UID is held with another `sha256`, and
        `RepositoryUnavailable` if it was removed once more since its file was kept.
        """
        ...

    def incident_removals(self, sha256: str) -> int:
        """Return how often bytes of this digest were set aside and removed; 0 if never."""
        ...

    def add_incident(self, incident: Incident, at: datetime, removals: int = 0) -> None:
        """Keep `incident`; one for each kind and the bytes, however often they are sent.

        `removals` are those that its key is of. Raises `RepositoryUnavailable` if the bytes
        were removed once more since they were set aside.
        """
        ...

    def holds_same(self, sop_instance_uid: str, sha256: str) -> bool:
        """Was the Instance that is held compared with bytes of this digest, and found the same?

        What counts are incidents that were resolved as `Decision.SAME`.
        """
        ...

    def study(self, study_instance_uid: str) -> Study | None: ...

    def studies(self, limit: int = 100, offset: int = 0) -> Sequence[Study]:
        """Return Studies, the one received last first."""
        ...

    def instances(self, study_instance_uid: str) -> Sequence[Instance]:
        """Return the Instances of a Study in the order of Series and Instance Number."""
        ...

    def receiving(self) -> Sequence[Study]:
        """Return the Studies that are not stable, the one that is due first in front."""
        ...

    def complete(self, study_instance_uid: str, at: datetime) -> bool:
        """Let the quiet period of a receiving Study end `at`; False if it is not receiving."""
        ...

    def close_revision(self, study: Study, requests: Sequence[JobRequest], at: datetime) -> bool:
        """In one transaction: make the Study stable as `study.revision + 1`, enqueue `requests`.

        Does nothing and returns False if the Study changed since `study` was read.
        """
        ...

    def account(self) -> Account: ...


class Cursors(Protocol):
    """How far a feed was read. Kept across restarts."""

    def cursor(self, name: str) -> int | None: ...

    def set_cursor(self, name: str, value: int) -> None: ...


class Intake(Protocol):
    """The one door: C-STORE, STOW-RS and Orthanc all hand Instances in here."""

    def receive(self, spooled: Path, origin: Origin) -> Receipt:
        """Take the Part 10 file at `spooled` (from `Archive.spool`); it is gone afterwards.

        Returns only when the Instance is safe on disk and in the index. Raises
        `UnreadableInstance`, `InvalidUid` or `ConflictingInstance` (the bytes are then in
        quarantine), `OutOfSpace` or `RepositoryUnavailable` (the sender may try again).
        """
        ...

    def holds(self, sop_instance_uid: str) -> bool:
        """Is this Instance held already, or one of our own results?"""
        ...

    def retired(self, sop_instance_uid: str) -> bool:
        """Did retention take this Instance away, and leave no image of its Study?

        Who looks for what is missing leaves such a one where it is.
        """
        ...

    def complete(self, study_instance_uid: str) -> bool:
        """Somebody who knows says that the Study is complete."""
        ...
