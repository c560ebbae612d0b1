"""Takes one Study of Orthanc in, Instance by Instance."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.domain.errors import InputError, InvalidUid
from inference.domain.instance import Origin, Receipt, Source
from inference.domain.uid import check_uid
from inference.ports import Archive, Intake
from orthanc.client import InstanceFacts, NotFound, Orthanc, OrthancError, describe, http_status

logger = logging.getLogger(__name__)

# Statuses that speak of Orthanc, or of a proxy before it, and not of the one Instance.
_NOT_THE_INSTANCE = frozenset({401, 403, 407, 408, 429, 502, 503, 504, 507})
_REMEMBERED = 10_000  # Instances


class Stopped(Exception):
    """The feed was told to stop in the middle of a Study."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`instances` are all of the Study, by Orthanc's identifiers.

    `finished` is False if one could not be fetched now.
    """

    instances: tuple[str, ...]
    finished: bool


class StudyReader:
    def __init__(
        self,
        orthanc: Orthanc,
        intake: Intake,
        archive: Archive,
        name: str,
        stopping: Callable[[], bool],
    ) -> None:
        self._orthanc = orthanc
        self._intake = intake
        self._archive = archive
        self._origin = Origin(Source.ORTHANC, calling_ae=name)
        self._stopping = stopping
        # Survives an attempt that failed half-way: the next one finds those Instances held.
        self._fresh: set[str] = set()
        # Fetched and refused: what is written back to the Study must not fetch them again.
        self._refused: dict[str, None] = {}
        self._unreadable: dict[str, None] = {}  # reported once, tried for ever

    def read(self, study: str) -> Reading:
        """Hand in what is not held yet; tell the Intake that the Study is complete.

        What retention took away is left alone, or every old change that is read again would
        bring it back; but where an image is new, the whole Study is brought.

        Raises `OrthancError` (among them `NotFound`: the Study was deleted), `ResourceError`,
        `OSError` or `Stopped`; then it is safe to read the Study again.
        """
        study_instance_uid = self._orthanc.study(study).study_instance_uid
        instances = self._orthanc.instances(study)
        finished = True
        retired = {each for each in instances if self._is_retired(each)}
        for instance in sorted(instances, key=retired.__contains__):
            if self._stopping():
                raise Stopped
            if instance in retired and self._is_retired(instance):
                continue
            finished = self._read_instance(study, instance) and finished
        if study in self._fresh:
            self._intake.complete(study_instance_uid)
            self._fresh.discard(study)
        return Reading(tuple(instance.orthanc_id for instance in instances), finished)

    def _read_instance(self, study: str, instance: InstanceFacts) -> bool:
        if instance.orthanc_id in self._refused or self._is_held(instance):
            return True
        self._archive.check_space()
        spooled = self._archive.spool()
        try:
            if not self._download(instance.orthanc_id, spooled):
                return False
            if self._intake.receive(spooled, self._origin) is Receipt.STORED:
                self._fresh.add(study)
        except NotFound:
            logger.info("Orthanc's instance %s was deleted meanwhile", instance.orthanc_id)
        except InputError as error:
            logger.warning(
                "Orthanc's instance %s is refused: %s", instance.orthanc_id, type(error).__name__
            )
            _remember(self._refused, instance.orthanc_id)
        finally:
            self._archive.discard(spooled)
        return True

    def _is_held(self, instance: InstanceFacts) -> bool:
        try:
            return self._intake.holds(check_uid(instance.sop_instance_uid))
        except InvalidUid:
            return False  # the Intake shall see it, and set it aside

    def _is_retired(self, instance: InstanceFacts) -> bool:
        try:
            return self._intake.retired(check_uid(instance.sop_instance_uid))
        except InvalidUid:
            return False

    def _download(self, instance: str, spooled: Path) -> bool:
        """Return False if Orthanc cannot hand out this one Instance now."""
        try:
            with (
                spooled.open("wb") as file,
                contextlib.closing(self._orthanc.download(instance)) as pieces,
            ):
                for piece in pieces:
                    if self._stopping():
                        raise Stopped
                    file.write(piece)
        except OrthancError as error:
            status = http_status(error)
            if status is None or status in _NOT_THE_INSTANCE:
                raise
            # Raises `NotFound` if the Instance was deleted; else its file is what is missing.
            self._orthanc.study_of(instance)
            if instance not in self._unreadable:
                logger.warning("Orthanc cannot read its instance %s: %s", instance, describe(error))
                _remember(self._unreadable, instance)
            return False
        return True


def _remember(instances: dict[str, None], instance: str) -> None:
    instances[instance] = None
    if len(instances) > _REMEMBERED:
        del instances[next(iter(instances))]
