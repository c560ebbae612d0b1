"""What the core needs from the outside, as protocols. Each adapter passes one contract suite.

The fakes that unit tests use are in `inference.fakes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.domain.accounting import Account
from inference.domain.delivery import Delivery
from inference.domain.instance import Description, Incident, Instance, Origin, Receipt
from inference.domain.job import Job, JobRequest, JobState, Lease, ModelId
from inference.domain.manifest import Manifest
from inference.domain.recognition import Recognition
from inference.domain.result import Result, ResultObject, Role
from inference.domain.study import Study


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...


# ------------------------------------------------------------------ what is held


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
        """Read the header. Raises `UnreadableInstance` or `InvalidUid`."""
        ...

    def digest(self, spooled: Path) -> str:
        """Return the SHA-256 of the data set, in hexadecimal, without reading it whole."""
        ...

    def keep(self, spooled: Path, description: Description, sha256: str) -> str:
        """Make the file permanent (fsync, rename, fsync of the directory); return its key.

        The key follows from UIDs and `sha256`: other bytes never replace it.
        """
        ...

    def quarantine(self, spooled: Path, reason: str) -> str:
        """Set the file aside, as durably as `keep` does, with `reason` beside it.

        The key follows from the data set's bytes: the same again is the same file.
        """
        ...

    def discard(self, spooled: Path) -> None:
        """Remove a spooled file; no error if it is gone."""
        ...

    def keep_result(self, study_instance_uid: str, sop_instance_uid: str, part10: bytes) -> str:
        """Make an object of ours permanent and return its key; replaces an unfinished one."""
        ...


class Index(Protocol):
    """Studies and Instances. Every method is one transaction.

    Raises `RepositoryUnavailable` when the database cannot do it.
    """

    def find(self, sop_instance_uid: str) -> Instance | None: ...

    def is_result(self, sop_instance_uid: str) -> bool:
        """Is this an object that a recorded Result made?"""
        ...

    def add(self, instance: Instance, at: datetime, quiet: timedelta) -> Receipt:
        """Add `instance`; its Study is receiving again, until `at + quiet`.

        The same Instance again is `HELD_ALREADY` and changes nothing. Raises
        `ConflictingInstance` if the UID is held with another `sha256`.
        """
        ...

    def add_incident(self, incident: Incident, at: datetime) -> None:
        """Keep `incident`; one for each key and kind, however often the bytes are sent."""
        ...

    def incidents(self, limit: int = 100) -> Sequence[Incident]: ...

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

    def complete(self, study_instance_uid: str) -> bool:
        """Somebody who knows says that the Study is complete."""
        ...


# ------------------------------------------------------------------ work


class JobQueue(Protocol):
    def enqueue(self, requests: Sequence[JobRequest], at: datetime) -> None:
        """Add Jobs; one per Study, revision and model, however often it is asked for."""
        ...

    def claim(self, worker: str, now: datetime, lease: timedelta) -> Lease | None:
        """Take the most urgent Job that is due: higher priority first, then older first.

        A Job whose lease has run out counts as queued. Each claim adds an attempt.
        """
        ...

    def extend(self, lease: Lease, now: datetime, by: timedelta) -> Lease:
        """Raises `LeaseLost`."""
        ...

    def retry(self, lease: Lease, error: str, not_before: datetime) -> None:
        """Give the Job back, to be claimed again. Raises `LeaseLost`."""
        ...

    def release(self, worker: str) -> int:
        """Queue again all that `worker` holds, at its start after a crash; return how many."""
        ...

    def replay(self, job_id: int, at: datetime) -> bool:
        """Queue a failed Job again and forget its result; False if it is not failed."""
        ...

    def job(self, job_id: int) -> Job | None: ...

    def jobs(
        self, study_instance_uid: str | None = None, state: JobState | None = None, limit: int = 100
    ) -> Sequence[Job]:
        """Return Jobs, the newest first."""
        ...


class Results(Protocol):
    def record(self, lease: Lease, result: Result, destinations: Sequence[str]) -> None:
        """In one transaction: end the Job, keep `result`, add a Delivery to each destination.

        Raises `LeaseLost`, and then keeps nothing.
        """
        ...

    def of_study(self, study_instance_uid: str) -> Sequence[tuple[Job, Result]]:
        """Return the results of all revisions, the newest first."""
        ...

    def of_job(self, job_id: int) -> Result | None: ...

    def predecessor(
        self, study_instance_uid: str, model: ModelId | None, revision: int
    ) -> Result | None:
        """Return the newest result before `revision` by a model of the same name."""
        ...


class Outbox(Protocol):
    def claim(self, now: datetime, lease: timedelta) -> Delivery | None:
        """Take the Delivery that is due longest; nobody else gets it during `lease`."""
        ...

    def delivered(self, delivery: Delivery, at: datetime) -> None: ...

    def retry(self, delivery: Delivery, error: str, not_before: datetime) -> None: ...

    def fail(self, delivery: Delivery, error: str) -> None: ...

    def replay(self, delivery_id: int, at: datetime) -> bool:
        """Make a failed Delivery pending again; False if it is not failed."""
        ...

    def deliveries(self, job_id: int | None = None, limit: int = 100) -> Sequence[Delivery]:
        """Return Deliveries, the newest first."""
        ...


class Destination(Protocol):
    """Where results go."""

    @property
    def name(self) -> str: ...

    def send(self, objects: Sequence[tuple[ResultObject, Path]]) -> None:
        """Deliver all objects (with their Part 10 files), or raise.

        Sending an object again must do no harm. Raises `DestinationUnreachable` or
        `DestinationRefused`.
        """
        ...


# ------------------------------------------------------------------ reading and writing


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame as it should be looked at.

    `pixels`: (rows, columns), float32, 0 (black) to 1 (white), after Modality LUT, VOI LUT
    or window, and Presentation LUT: MONOCHROME1 is inverted already. Colour is reduced to
    luminance. `padding`: (rows, columns), bool, where Pixel Padding Value stands (black in
    `pixels`), or None.
    """

    pixels: NDArray[np.float32]
    padding: NDArray[np.bool_] | None = None


class PixelReader(Protocol):
    def read(self, part10: Path, frame: int = 1) -> Picture:
        """Read one frame (one-based). Raises `CodecMissing` or `UnreadablePixels`."""
        ...


@dataclass(frozen=True, slots=True)
class Assessment:
    """A model's answer on one picture, by name of `Manifest.outputs`.

    `certainty` is within 0 to 1, calibrated as the manifest says. `heat_maps` have the
    picture's shape (rows, columns), float32, 0 to 1.
    """

    certainty: Mapping[str, float]
    heat_maps: Mapping[str, NDArray[np.float32]]


class Model(Protocol):
    @property
    def manifest(self) -> Manifest: ...

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        """Return one Assessment for each picture. Raises `ModelFailed`.

        Without `explain` there are no heat maps: they cost more than the certainty does.
        """
        ...


class Gate(Protocol):
    """Stands before a model and sees by the pixels what it is asked to read."""

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        """Return one Recognition for each picture. Raises `ModelFailed`."""
        ...


class Gates(Protocol):
    def gate(self, name: str) -> Gate:
        """Raises `UnknownModel`, `ManifestError` or `WeightsChanged`."""
        ...


class ModelRegistry(Protocol):
    def manifests(self) -> Sequence[Manifest]: ...

    def active(self, name: str) -> ModelId:
        """Return the version of `name` that new Jobs use. Raises `UnknownModel`."""
        ...

    def load(self, model: ModelId) -> Model:
        """Raises `UnknownModel`, `ManifestError` or `WeightsChanged`."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """A source Instance with what was seen in it. No picture where none could be read.

    `heat_map`: (rows, columns) of the picture, float32, 0 to 1.
    """

    instance: Instance
    part10: Path
    picture: Picture | None = None
    heat_map: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class EncodedObject:
    role: Role
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    part10: bytes


class ResultEncoder(Protocol):
    def encode(
        self,
        result: Result,
        manifest: Manifest | None,
        evidence: Sequence[Evidence],
        predecessor: Result | None,
    ) -> Sequence[EncodedObject]:
        """Return the report, and an overlay for each assessed picture.

        The same arguments give the same UIDs: they are derived from Study, revision, model,
        version, role and source.
        """
        ...


# ------------------------------------------------------------------ running


class Service(Protocol):
    """Something that runs until it is told to stop."""

    @property
    def name(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None:
        """Finish what is under way and return when nothing runs any more."""
        ...
