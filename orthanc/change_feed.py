"""The way in from an Orthanc: follow its list of changes, read the Studies that are stable."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Sequence

from inference.domain.errors import ResourceError
from inference.ports import Archive, Cursors, Intake
from orthanc.backlog import Backlog
from orthanc.client import (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    Change,
    NotFound,
    Orthanc,
    OrthancError,
    describe,
)
from orthanc.study_reader import Stopped, StudyReader

logger = logging.getLogger(__name__)

_PAGE = 1000  # changes in one answer
_KNOWN = 100  # numbers of changes that are looked at again
_EXPECTED = (OrthancError, ResourceError, OSError, Stopped)


class ChangeFeed:
    """A Service that takes in every Study for which an Orthanc says StableStudy.

    The cursor is kept by `cursors` under the name of the feed, and moves on when all before
    it is taken in: nothing is lost by a restart on either side. Whatever fails is tried
    again, after `retry_first` seconds, then twice that, up to `retry_last`.

    Without a cursor, it begins at the newest change; `from_start` begins at the first, so
    that the Studies which are in Orthanc already are read too.
    """

    def __init__(
        self,
        name: str,
        url: str,
        intake: Intake,
        archive: Archive,
        cursors: Cursors,
        username: str = "",
        password: str = "",
        *,
        from_start: bool = False,
        poll: float = 2.0,  # seconds between two requests while nothing happens
        sweep: float = 30.0,  # seconds between two looks at what waits for StableStudy
        retry_first: float = 1.0,  # seconds
        retry_last: float = 60.0,  # seconds
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._name = name
        self._cursors = cursors
        self._from_start = from_start
        self._poll = poll
        self._sweep = sweep
        self._retry_first = retry_first
        self._retry_last = retry_last
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._orthanc = Orthanc(url, username, password, connect_timeout, read_timeout)
        self._reader = StudyReader(self._orthanc, intake, archive, name, self._stop.is_set)
        self._backlog = Backlog()
        self._position: int | None = None  # read up to here
        self._saved: int | None = None  # the cursor on disk
        self._latest = 0  # `Change.at` of the latest that was read; 0 if there was none
        self._next_sweep = 0.0  # by time.monotonic
        self._problem = ""

    @property
    def name(self) -> str:
        return self._name

    @property
    def cursor_name(self) -> str:
        return f"orthanc:{self._name}"

    @property
    def _latest_name(self) -> str:
        return f"{self.cursor_name}:latest"

    @property
    def problem(self) -> str:
        """Why the feed does not get on now; "" if it does."""
        return self._problem

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=f"orthanc-{self._name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Break off what is under way; it is read again after the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        pause = self._retry_first
        while not self._stop.is_set():
            try:
                done = self._follow()
            except Stopped:
                break
            except Exception as error:
                self._report(error, pause)
                self._stop.wait(pause)
                pause = min(2 * pause, self._retry_last)
                continue
            if self._problem:
                logger.info("The feed %s gets on again", self._name)
            self._problem = ""
            pause = self._retry_first
            if done:
                self._stop.wait(self._poll)
        self._orthanc.close()

    def _follow(self) -> bool:
        """Read one page of changes; return True if there are no more of them now."""
        position = self._begin()
        changes, done = self._orthanc.changes(position, _PAGE)
        if self._was_reset(position, any_new=bool(changes)):
            logger.warning("The list of changes of %s was reset; it is read again", self._name)
            self._backlog.clear()
            self._position = self._latest = 0
            changes, done = (), False
        for change in changes:
            self._take(change)
            self._position = change.sequence
        self._save()
        if done and time.monotonic() >= self._next_sweep:
            self._sweep_backlog()
            self._next_sweep = time.monotonic() + self._sweep
        return done

    def _was_reset(self, position: int, *, any_new: bool) -> bool:
        """Does the list count anew, so that numbers up to `position` stand for other changes?

        Either it is shorter, or what stands where the feed has been is later than all it saw.
        """
        if not any_new:
            return self._orthanc.last_change() < position
        known = self._known(position)
        return bool(known) and 0 < self._latest < known[-1].at

    def _known(self, position: int) -> Sequence[Change]:
        """Return changes up to `position`, the last ones if they are still there."""
        since = max(position - _KNOWN, 0)
        near, _ = self._orthanc.changes(since, _KNOWN)
        if since and not (near and near[0].sequence <= position):
            # Orthanc forgets the changes of what is deleted.
            near, _ = self._orthanc.changes(0, 1)
        return [change for change in near if change.sequence <= position]

    def _begin(self) -> int:
        if self._position is None:
            self._latest = self._cursors.cursor(self._latest_name) or 0
            kept = self._cursors.cursor(self.cursor_name)
            if kept is not None:
                self._position = self._saved = kept
            else:
                self._position = 0 if self._from_start else self._orthanc.last_change()
                self._save()
            if not self._latest:
                known = self._known(self._position)
                self._latest = max((change.at for change in known), default=0)
        return self._position

    def _take(self, change: Change) -> None:
        self._latest = max(self._latest, change.at)
        if change.kind == "NewInstance":
            self._backlog.announce(change.resource, change.sequence)
        elif change.kind == "StableStudy":
            self._read(change.resource, change.sequence)
            self._position = change.sequence
            self._save()

    def _read(self, study: str, sequence: int) -> tuple[str, ...]:
        """Read a Study; return its Instances."""
        try:
            reading = self._reader.read(study)
        except NotFound:
            logger.info("Orthanc's study %s was deleted meanwhile", study)
            self._backlog.finish(study)
            return ()
        except _EXPECTED:
            raise
        except Exception as error:
            logger.error("Orthanc's study %s cannot be read: %s", study, _where(error))
            self._backlog.postpone(study, sequence)
            return ()
        self._backlog.drop(reading.instances)
        if reading.finished:
            self._backlog.finish(study)
        else:
            self._backlog.postpone(study, sequence)
        return reading.instances

    def _sweep_backlog(self) -> None:
        """Read what was left unfinished, and Studies that became stable without a change."""
        for study, sequence in self._backlog.unfinished:
            self._read(study, sequence)
        looked_at: set[str] = set()
        for instance, sequence in self._backlog.overdue():
            if instance in looked_at or not self._backlog.is_announced(instance):
                continue
            if self._stop.is_set():
                raise Stopped
            try:
                study = self._orthanc.study_of(instance)
                if self._orthanc.study(study).stable:
                    looked_at.update(self._read(study, sequence))
                else:
                    looked_at.update(i.orthanc_id for i in self._orthanc.instances(study))
            except NotFound:
                self._backlog.drop([instance])
        self._save()

    def _save(self) -> None:
        assert self._position is not None
        cursor = self._backlog.cursor(self._position)
        if cursor != self._saved:
            if self._latest:
                self._cursors.set_cursor(self._latest_name, self._latest)
            self._cursors.set_cursor(self.cursor_name, cursor)
            self._saved = cursor

    def _report(self, error: Exception, pause: float) -> None:
        expected = isinstance(error, _EXPECTED)
        self._problem = describe(error)
        logger.log(
            logging.WARNING if expected else logging.ERROR,
            "The feed %s does not get on (%s); again in %.0f seconds",
            self._name,
            self._problem if expected else _where(error),
            pause,
        )


def _where(error: BaseException) -> str:
    """Return the kind of `error` and where it was raised; its text may name a patient."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].name}, line {frames[-1].lineno}"
