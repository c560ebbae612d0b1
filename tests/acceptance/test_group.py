"""Two receivers and three workers on PostgreSQL and an object store: one result for each study.

Whoever dies, and whatever they stand on is away. WETREAD_TEST_STUDIES says how many studies are
sent, WETREAD_TEST_OUTAGE how many seconds PostgreSQL and the object store are away; Orthanc is
away for three times as long.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import boto3.session
import pydicom
import pytest

from dicom_node.dimse.send import Outcome, send_files
from inference.domain.instance import Priority
from tests.support.group import Group, Modality
from tests.support.node import Node
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import HOST, wait_for
from tests.support.radiographs import radiograph
from tests.support.seaweedfs import SeaweedServer
from tests.support.servers import OrthancServer

BUCKET, REGION = "hospital", "any"
STUDIES = int(os.environ.get("WETREAD_TEST_STUDIES", "16"))
PATIENCE = 240 + 5 * STUDIES  # seconds
OUTAGE = float(os.environ.get("WETREAD_TEST_OUTAGE", "3"))  # seconds
AHEAD = 6  # studies that a STAT one overtakes
STAT_AND_AHEAD = AHEAD + 1

pytestmark = pytest.mark.timeout(3 * PATIENCE)


def draw(folder: Path, first: int, count: int) -> list[Path]:
    files = []
    for number in range(first, first + count):
        path = folder / f"{number}.dcm"
        radiograph(path, seed=number, AccessionNumber=f"A{number}", shape=(512, 448))
        files.append(path)
    return files


def study_of(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)


def reports(orthanc: OrthancServer) -> Counter[str]:
    """Return how many reports Orthanc holds of each Study."""
    return Counter(
        orthanc.get(f"/studies/{series['ParentStudy']}")["MainDicomTags"]["StudyInstanceUID"]
        for series in orthanc.get("/series?expand")
        if series["MainDicomTags"]["Modality"] == "SR"
        for _ in series["Instances"]
    )


@pytest.fixture
def make_group(make_node: Callable[..., Node], tmp_path: Path) -> Iterator[Callable[..., Group]]:
    with ExitStack() as stack:
        yield lambda *arguments, **settings: stack.enter_context(
            closing(Group(make_node, *arguments, folder=tmp_path, **settings))
        )


@pytest.fixture
def own_postgresql() -> Iterator[PostgresqlServer]:
    """One that a test may stop."""
    with PostgresqlServer() as server:
        yield server


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SeaweedServer]:
    with SeaweedServer(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        client = boto3.session.Session().client("s3", endpoint_url=server.url, region_name=REGION)
        client.create_bucket(Bucket=BUCKET)
        yield server


def settings_for(orthanc: OrthancServer, objects: SeaweedServer) -> dict[str, Any]:
    return {
        "archive": f"s3://{BUCKET}/group",
        "s3_endpoint_url": objects.url,
        "s3_region": REGION,
        "orthanc": [{"name": "pacs", "url": orthanc.url, "follow": False}],
        "lease_seconds": 5,
        "maximum_attempts": 20,
        "result_objects": [],
    }


def send_one(file: Path, receiver: Node) -> Outcome:
    (outcome,) = send_files([file], host=HOST, port=receiver.port, called_ae="WETREAD")
    return outcome


def arrive(modality: Modality, count: int) -> None:
    wait_for(lambda: len(modality.acknowledged) >= count, "images arrive", PATIENCE)


def assert_out_of_resources(outcome: Outcome) -> None:
    """PS3.4 Table B.2-1: the sender keeps what it has and tries again."""
    assert not outcome.taken
    assert outcome.status is not None
    assert 0xA700 <= outcome.status <= 0xA7FF


def test_whoever_dies_each_study_gets_one_result_and_stat_overtakes(
    make_group: Callable[..., Group],
    postgresql: PostgresqlServer,
    objects: SeaweedServer,
    orthanc_server: OrthancServer,
    tmp_path: Path,
) -> None:
    group = make_group(postgresql, receivers=2, workers=3, **settings_for(orthanc_server, objects))
    files = draw(tmp_path, 0, STUDIES)
    modality = Modality(files, group.receivers)
    modality.start()
    chance = random.Random(20261121)
    victims = [group.receivers[0], group.workers[0], group.receivers[1], group.workers[1]]
    victims += [chance.choice(group.nodes) for _ in range(max(2, STUDIES // 20))]
    for count, victim in enumerate(victims, 1):
        enough = min(count * STUDIES // len(victims), STUDIES - 1)
        arrive(modality, enough)
        if victim in group.workers:
            wait_for(
                lambda: group.account().jobs_running or not group.account().jobs_queued,
                "a job runs",
                PATIENCE,
            )
        victim.kill()
        victim.start(120)
    modality.wait(PATIENCE)
    account = group.settle(STUDIES, PATIENCE)
    assert account.problems == ()
    assert account.instances == account.jobs == account.results == STUDIES
    assert account.jobs_failed == account.deliveries_failed == 0
    assert group.tickets() == 0

    # Nobody reads while the queue fills; the STAT study comes last, and is read first.
    for each in group.workers:
        each.kill()
    ahead, stat = draw(tmp_path, STUDIES, AHEAD), draw(tmp_path, STUDIES + AHEAD, 1)
    for some, priority in ((ahead, Priority.MEDIUM), (stat, Priority.HIGH)):
        sender = Modality(some, group.receivers, priority)
        sender.start()
        sender.wait(PATIENCE)
        wanted = AHEAD if priority is Priority.MEDIUM else STAT_AND_AHEAD
        wait_for(
            lambda wanted=wanted: group.account().jobs_queued == wanted,  # type: ignore[misc]
            "they wait",
            PATIENCE,
        )
    group.workers[0].start(120)
    total = STUDIES + STAT_AND_AHEAD
    group.settle(total, PATIENCE)
    (urgent,) = group.jobs(study_of(stat[0]))
    assert urgent.started_at is not None
    others = [job for path in ahead for job in group.jobs(study_of(path))]
    assert len(others) == AHEAD
    assert all(job.started_at is not None and job.started_at > urgent.started_at for job in others)

    expected = {study_of(each) for each in (*files, *ahead, *stat)}
    assert reports(orthanc_server) == dict.fromkeys(expected, 1)


def test_whatever_is_away_nothing_that_was_acknowledged_is_lost(
    make_group: Callable[..., Group],
    own_postgresql: PostgresqlServer,
    objects: SeaweedServer,
    orthanc_server: OrthancServer,
    tmp_path: Path,
) -> None:
    settings = settings_for(orthanc_server, objects) | {"maximum_attempts": 3}
    group = make_group(own_postgresql, receivers=2, workers=3, **settings)
    receiver = group.receivers[0]
    files = draw(tmp_path, 0, STUDIES)
    *most, early, late, later = files
    modality = Modality(most, group.receivers)
    modality.start()
    arrive(modality, STUDIES // 5)

    # Frozen: senders wait, or are told to come again.
    own_postgresql.signal(signal.SIGSTOP)
    frozen = Modality([early], group.receivers)
    frozen.start()
    time.sleep(OUTAGE)
    own_postgresql.signal(signal.SIGCONT)
    frozen.wait(PATIENCE)
    arrive(modality, 2 * STUDIES // 5)

    # Gone: who sends is told so.
    own_postgresql.stop()
    assert_out_of_resources(send_one(late, receiver))
    time.sleep(OUTAGE)
    own_postgresql.start()
    arrive(modality, 3 * STUDIES // 5)

    # What is read meanwhile waits for Orthanc, to which it cannot be delivered.
    orthanc_server.stop()
    gone = time.monotonic()
    objects.kill()
    assert_out_of_resources(send_one(later, receiver))
    time.sleep(OUTAGE)
    objects.start()
    last = Modality([late, later], group.receivers)
    last.start()
    for each in (modality, last):
        each.wait(PATIENCE)
    time.sleep(max(0.0, gone + 3 * OUTAGE - time.monotonic()))
    orthanc_server.start()
    account = group.settle(STUDIES, PATIENCE)
    assert account.problems == ()
    assert account.instances == account.jobs == account.results == STUDIES
    assert account.jobs_failed == account.deliveries_failed == 0
    assert reports(orthanc_server) == dict.fromkeys(map(study_of, files), 1)
    assert all(each.running for each in group.nodes)
