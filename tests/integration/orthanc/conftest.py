"""A feed and what it is connected to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import pytest

from orthanc.change_feed import ChangeFeed
from tests.support.instances import make_instance
from tests.support.recording import RecordingCursors, RecordingIntake, SpoolOnly
from tests.support.servers import OrthancServer, wait_for


@dataclass
class House:
    """The other side of a feed. `feed` makes one that polls fast."""

    archive: SpoolOnly
    stack: ExitStack
    intake: RecordingIntake = field(default_factory=RecordingIntake)
    cursors: RecordingCursors = field(default_factory=RecordingCursors)

    def feed(self, server: OrthancServer, **arguments: Any) -> ChangeFeed:
        """Start a feed, from the first change on unless told otherwise."""
        settings: dict[str, Any] = {
            "from_start": True,
            "poll": 0.1,
            "sweep": 0.3,
            "retry_first": 0.1,
            "retry_last": 0.5,
        }
        feed = ChangeFeed(
            "pacs", server.url, self.intake, self.archive, self.cursors, **settings | arguments
        )
        feed.start()
        self.stack.callback(feed.stop)
        return feed

    @property
    def cursor(self) -> int:
        return self.cursors.values.get("orthanc:pacs", -1)

    def wait_completed(self, *studies: str) -> None:
        wait_for(lambda: set(studies) <= set(self.intake.completed), "the study is completed")

    def wait_caught_up(self, server: OrthancServer) -> None:
        wait_for(lambda: self.cursor == server.get("/changes?last")["Last"], "the feed caught up")


@pytest.fixture
def server(make_orthanc: Callable[..., OrthancServer]) -> OrthancServer:
    return make_orthanc(stable_age=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(SpoolOnly(tmp_path / "spool"), stack)


@pytest.fixture
def make(tmp_path: Path, pydicom_data: Path) -> Callable[..., tuple[Path, pydicom.Dataset]]:
    """Make a small Instance; the arguments are those of `make_instance`."""
    count = 0

    def make(**arguments: Any) -> tuple[Path, pydicom.Dataset]:
        nonlocal count
        count += 1
        target = tmp_path / f"instance-{count}.dcm"
        return target, make_instance(pydicom_data / "693_J2KR.dcm", target, **arguments)

    return make
