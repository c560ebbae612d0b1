"""The roles in processes of their own, on one PostgreSQL and one archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from dicom_node.dimse.send import send_files
from tests.support.node import Node
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import HOST, wait_for
from tests.support.radiographs import radiograph


@pytest.fixture
def shared(postgresql: PostgresqlServer, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings of processes that belong together."""
    name = postgresql.create()
    yield {"database_url": postgresql.url(name), "archive": str(tmp_path / "archive")}
    postgresql.drop(name)


def test_three_roles_do_the_work_of_one(
    make_node: Callable[..., Node], shared: dict[str, str], tmp_path: Path
) -> None:
    receiver, web, worker = (
        make_node(roles=[role], **shared) for role in ("receiver", "web", "worker")
    )
    assert not receiver.maps("libtorch")
    assert not web.maps("libtorch")
    assert worker.maps("libtorch")

    sent = tmp_path / "1.dcm"
    radiograph(sent, shape=(512, 448))
    (outcome,) = send_files([sent], host=HOST, port=receiver.port, called_ae="WETREAD")
    assert outcome.taken
    status = web.settle(1)
    assert status["account"]["jobs_done"] == 1
    uid = status["studies"][0]["study_instance_uid"]
    with httpx.Client(base_url=web.url, trust_env=False) as http:
        series = http.get(f"/dicom-web/studies/{uid}/series").raise_for_status().json()
        assert {each["00080060"]["Value"][0] for each in series} >= {"CR", "SR"}
        assert http.get(f"/studies/{uid}").status_code == 200
    for node in (receiver, worker):
        assert httpx.get(f"{node.url}/healthz", trust_env=False).json() == {"status": "ok"}
        assert httpx.get(f"{node.url}/", trust_env=False).status_code == 404


def test_the_probes_tell_a_database_that_is_away(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    with PostgresqlServer() as server:
        name = server.create()
        archive = str(tmp_path / "archive")
        node = make_node(roles=["receiver"], database_url=server.url(name), archive=archive)
        server.stop()
        with httpx.Client(base_url=node.url, trust_env=False, timeout=30) as http:
            assert http.get("/readyz").status_code == 503
            assert http.get("/healthz").status_code == 200
            server.start()
            wait_for(lambda: http.get("/readyz").status_code == 200, "ready again")


def test_a_node_that_must_not_migrate_waits_for_who_does(
    make_node: Callable[..., Node], shared: dict[str, str]
) -> None:
    node = Node(Path(shared["archive"]).parent, migrate_on_start=False, **shared)
    refused = node.run("serve")
    assert refused.returncode == 1
    assert "wetread migrate" in refused.stderr
    migrated = node.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert "from revision nothing to" in migrated.stdout
    assert "already" in node.run("migrate").stdout
    make_node(migrate_on_start=False, **shared)


def test_fewer_roles_than_all_need_a_database_that_can_be_shared(tmp_path: Path) -> None:
    refused = Node(tmp_path).run("serve", "--role", "worker")
    assert refused.returncode == 1
    assert "set database_url to PostgreSQL" in refused.stderr


def test_a_filled_home_is_moved_and_goes_on(
    make_node: Callable[..., Node], postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    embedded = make_node()
    files = [tmp_path / f"{number}.dcm" for number in range(3)]
    for number, path in enumerate(files):
        radiograph(path, seed=number, shape=(512, 448))
    for outcome in send_files(files[:2], host=HOST, port=embedded.port, called_ae="WETREAD"):
        assert outcome.taken
    before = embedded.settle(2)
    name = postgresql.create()
    refused = embedded.run("migrate", "--to", postgresql.url(name))
    assert refused.returncode == 1
    assert "another `wetread serve`" in refused.stderr
    embedded.stop()
    archive = tmp_path / "shared"
    where = ("--to", postgresql.url(name), "--archive", str(archive))
    for _ in range(2):
        moved = embedded.run("migrate", *where)
        assert moved.returncode == 0, moved.stderr
        assert "are the same on both sides" in moved.stdout
    refused = embedded.run("serve")
    assert refused.returncode == 1
    assert "was moved to PostgreSQL" in refused.stderr
    old, new = (
        {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
        for root in (embedded.home / "archive", archive)
    )
    assert old == new != set()
    (embedded.home / "archive").rename(embedded.home / "left")

    grown = make_node(database_url=postgresql.url(name), archive=str(archive))
    status = grown.status()
    assert status["account"] == before["account"]
    assert status["studies"] == before["studies"]
    (outcome,) = send_files(files[2:], host=HOST, port=grown.port, called_ae="WETREAD")
    assert outcome.taken
    assert grown.settle(3)["account"]["jobs_done"] == 3
