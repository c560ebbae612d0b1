"""Retention on real databases and archives: beside receivers, and killed in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import boto3.session
import pytest

from dicom_node.archive import DiskArchive
from dicom_node.archive.object_store import ObjectStore
from dicom_node.archive.s3 import S3Archive
from inference.domain.instance import Origin, Receipt, Source
from inference.domain.retention import RetentionTerms
from inference.fakes.clock import FixedClock
from inference.intake.door import Door
from inference.intake.retention import Retention
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.index import SqlIndex
from inference.persistence.migrate import migrate
from inference.persistence.removals import SqlRemovals
from tests.contracts.archive import DESCRIPTION
from tests.support.postgresql import PostgresqlServer
from tests.support.seaweedfs import SeaweedServer
from tests.unit.dicom_node.part10 import from_description

BUCKET = "wetread"
STUDIES, IMAGES = 6, 3
QUIET = timedelta(seconds=1)
ORIGIN = Origin(Source.DIMSE, "MODALITY", "WETREAD")

# Removes all that is older than argv[4] says, and prints the key of each file before it goes.
REMOVER = """
import sys
from datetime import datetime
from pathlib import Path
from dicom_node.archive import DiskArchive
from dicom_node.archive.object_store import ObjectStore
from dicom_node.archive.s3 import S3Archive
from inference.domain.retention import RetentionTerms
from inference.fakes.clock import FixedClock
from inference.intake.retention import Retention
from inference.persistence.engine import Database
from inference.persistence.removals import SqlRemovals

url, root, endpoint, before = sys.argv[1:]
if endpoint:
    store = ObjectStore("wetread", "", endpoint, "us-east-1")
    archive = S3Archive(store, Path(root), 0, 1 << 30)
else:
    archive = DiskArchive(Path(root), 0)

class Telling:
    def remove(self, key):
        print(key, flush=True)
        sys.stdin.readline()
        archive.remove(key)

terms = RetentionTerms(datetime.fromisoformat(before))
retention = Retention(SqlRemovals(Database(url)), Telling(), FixedClock())
for _ in retention.sweep(retention.due(terms), terms):
    pass
"""


@dataclass
class Place:
    """A node's door, its index and its archive. `endpoint` is the object store's, "" for a disk."""

    url: str
    root: Path
    archive: DiskArchive | S3Archive
    files: Callable[[], set[str]]
    endpoint: str = ""

    def __post_init__(self) -> None:
        self.database = Database(self.url)
        migrate(self.database)
        self.index = SqlIndex(self.database)
        self.clock = FixedClock()
        self.door = Door(self.archive, self.index, self.clock, QUIET)
        self.retention = Retention(SqlRemovals(self.database), self.archive, self.clock)

    def receive(self, study: int, image: int) -> Receipt:
        described = replace(
            DESCRIPTION,
            study_instance_uid=f"1.2.{study}",
            series_instance_uid=f"1.2.{study}.1",
            sop_instance_uid=f"1.2.{study}.1.{image}",
        )
        spooled = self.archive.spool()
        spooled.write_bytes(from_description(described, b"px" * 100))
        return self.door.receive(spooled, ORIGIN)

    def age(self) -> RetentionTerms:
        """Make every Study stable and old; return what is to be removed."""
        for study in self.index.receiving():
            assert self.index.close_revision(study, [], self.clock.now())
        self.clock.advance(2 * 86400)
        return RetentionTerms(self.clock.now() - timedelta(days=1))

    def held(self) -> int:
        return self.index.account().instances

    def check(self) -> None:
        """Every row has its file, every file its row, and the counts add up."""
        studies = [self.index.instances(each.study_instance_uid) for each in self.index.studies()]
        held = {each.key: each.sha256 for instances in studies for each in instances}
        assert self.files() == set(held)
        for key, sha256 in held.items():
            assert self.archive.digest(self.archive.path(key)) == sha256
        problems = self.index.account().problems
        assert set(problems) <= {"every revision has a job"}  # no rule book is here

    def remover(self, terms: RetentionTerms) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(sys.executable, "-c", REMOVER, self.url, str(self.root / "remover")),
                *(self.endpoint, terms.before.isoformat()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    directory = tmp_path_factory.mktemp("seaweedfs")
    with SeaweedServer(directory) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


def on_disk(tmp_path: Path) -> Place:
    archive = DiskArchive(tmp_path / "remover", 0)

    def files() -> set[str]:
        return {key for key in iter(archive.keys()) if key.startswith("studies/")}

    return Place(sqlite_url(tmp_path / "wetread.db"), tmp_path, archive, files)


def on_object_store(tmp_path: Path, seaweed: SeaweedServer, url: str) -> Place:
    session = boto3.session.Session()
    client = session.client("s3", endpoint_url=seaweed.url, region_name="us-east-1")
    if not client.list_buckets()["Buckets"]:
        client.create_bucket(Bucket=BUCKET)
    store = ObjectStore(BUCKET, "", seaweed.url, "us-east-1")
    archive = S3Archive(store, tmp_path / "scratch", 0, 1 << 30)

    def files() -> set[str]:
        found = client.list_objects_v2(Bucket=BUCKET, Prefix="studies/").get("Contents", [])
        return {each["Key"] for each in found}

    return Place(url, tmp_path, archive, files, seaweed.url)


@pytest.fixture(params=["SQLite and a disk", "PostgreSQL and an object store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param.startswith("SQLite"):
        place = on_disk(tmp_path)
        yield place
        place.database.close()
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    name = server.create()
    place = on_object_store(tmp_path, request.getfixturevalue("seaweed"), server.url(name))
    yield place
    for key in place.files():
        place.archive.remove(key)
    place.database.close()
    server.drop(name)


def test_what_is_sent_again_while_it_is_removed_is_never_lost(place: Place) -> None:
    images = [(study, image) for study in range(STUDIES) for image in range(IMAGES)]
    for each in images:
        assert place.receive(*each) is Receipt.STORED
    terms = place.age()
    stored = set()

    def send_again(each: tuple[int, int]) -> None:
        # As a PACS does that was asked to send a study again: in no order, and more than once.
        for _ in range(3):
            if place.receive(*each) is Receipt.STORED:
                stored.add(each)

    with ThreadPoolExecutor(4) as pool:
        due = place.retention.due(terms)
        removed = pool.submit(lambda: list(place.retention.sweep(due, terms)))
        list(pool.map(send_again, images))
        weighed = removed.result()
    assert len(weighed) == STUDIES
    place.check()
    for study, image in stored:
        assert place.index.find(f"1.2.{study}.1.{image}") is not None
    # What was sent again in time to be held already went with the others; it is told apart.
    missing = sum(each.removed for each in place.index.studies())
    assert place.index.account().removed == missing == len(images) - place.held()


def test_a_removal_that_is_killed_at_any_file_is_finished_by_the_next(place: Place) -> None:
    images = [(study, image) for study in range(STUDIES) for image in range(IMAGES)]
    for each in images:
        place.receive(*each)
    terms = place.age()
    for kill in (1, 4, 6):
        with place.remover(terms) as remover:
            assert remover.stdin is not None
            assert remover.stdout is not None
            for _ in range(kill):
                assert remover.stdout.readline().startswith("studies/")
                remover.stdin.write("\n")
                remover.stdin.flush()
            remover.send_signal(signal.SIGKILL)
            assert remover.wait() == -signal.SIGKILL
        # In the meantime somebody sends what is going: it stays.
        assert place.receive(0, 0) in (Receipt.STORED, Receipt.HELD_ALREADY)
    list(place.retention.sweep(place.retention.due(terms), terms))
    place.check()
    assert place.held() == 1
    assert place.index.account().removed == len(images) - 1
    assert SqlRemovals(place.database).unfinished() == []


def test_a_study_may_come_and_go_as_often_as_it_likes(place: Place) -> None:
    for turn in range(3):
        assert [place.receive(0, image) for image in range(IMAGES)] == [Receipt.STORED] * IMAGES
        assert place.receive(0, 0) is Receipt.HELD_ALREADY
        (study,) = place.index.studies()
        assert (study.revision, study.instances, study.removed) == (turn, IMAGES, 0)
        terms = place.age()
        (weighed,) = place.retention.sweep(place.retention.due(terms), terms)
        assert weighed.claims == ()
        place.check()
        assert place.files() == set()


def test_no_empty_folder_is_left_on_a_disk(tmp_path: Path) -> None:
    place = on_disk(tmp_path)
    for study in range(2):
        place.receive(study, 0)
    terms = place.age()
    list(place.retention.sweep(place.retention.due(terms), terms))
    assert list((place.archive.root / "studies").iterdir()) == []
    place.database.close()
