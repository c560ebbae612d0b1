"""Server-sent events of a whole node: in order, without loss, and no obstacle to stopping it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from inference.persistence.events import events
from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import wait_for
from tests.support.radiographs import PATIENT_NAME, radiograph
from wetread.bootstrap import open_stores
from wetread.settings import Settings

Told = dict[str, Any]


def messages(lines: Iterator[str]) -> Iterator[Told]:
    """Yield the data of each event; `id` and `event` stand in it, too."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif "data" in fields:
            data = json.loads(fields["data"])
            assert (str(data["id"]), data["event"]) == (fields["id"], fields["event"])
            assert PATIENT_NAME not in fields["data"]
            yield data
            fields = {}


@contextmanager
def listening(node: Node, after: str = "", **headers: str) -> Iterator[Iterator[Told]]:
    url = f"{node.url}/api/v1/events{after and f'?after={after}'}"
    with (
        httpx.Client(trust_env=False, timeout=60) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        yield messages(lines)


def until(told: Iterator[Told], kind: str) -> list[Told]:
    found = []
    for each in told:
        found.append(each)
        if each["event"] == kind:
            return found
    raise AssertionError(f"no {kind} in {found}")


def test_what_happens_is_told_and_nothing_is_missed(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    node = make_node()
    radiograph(tmp_path / "a.dcm")
    with listening(node) as told:
        storescu([tmp_path / "a.dcm"], node.port, called="WETREAD")
        live = until(told, "delivery.sent")
    kinds = [each["event"] for each in live]
    assert kinds == [
        "study.received",
        "study.stable",
        "job.started",
        "job.finished",
        "delivery.sent",
    ]
    for each in live:
        answer = httpx.get(each["url"], trust_env=False, timeout=30)
        assert answer.status_code == 200, each
    job = live[3]["job"]
    review = {"verdict": "agree", "finding": 1, "reviewer": {"id": "ann"}}
    url = f"{node.url}/api/v1/results/{job}/reviews"
    httpx.post(url, json=review, trust_env=False, timeout=60).raise_for_status()
    node.settle(1)

    # Whoever was away goes on where they were, by header or by address, over a kill -9, too.
    node.kill()
    node.start()
    with listening(node, **{"Last-Event-ID": str(live[1]["id"])}) as told:
        again = until(told, "review.made")
    assert again[:3] == [each | {"url": a["url"]} for each, a in zip(live[2:], again, strict=False)]
    with listening(node, after="0") as told:
        assert [each["id"] for each in until(told, "review.made")] == [
            *(each["id"] for each in live[:2]),
            *(each["id"] for each in again),
        ]


@pytest.fixture(params=["embedded", "grown"])
def form(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[dict[str, str], list[dict[str, Any]]]]:
    """The settings of all processes, and of each."""
    if request.param == "embedded":
        yield {}, [{}]
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    name = server.create()
    roles: list[dict[str, Any]] = [
        {"roles": ["web", "worker"]},
        {"roles": ["receiver"]},
        {"roles": ["receiver"]},
    ]
    yield {"database_url": server.url(name), "archive": str(tmp_path / "archive")}, roles
    server.drop(name)


def test_who_asks_for_what_is_no_longer_kept_is_told_so(
    make_node: Callable[..., Node],
    form: tuple[dict[str, str], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    common, each = form
    nodes = [make_node(event_days=1, **common, **settings) for settings in each]
    web, receiver = nodes[0], nodes[-1]
    radiograph(tmp_path / "a.dcm")
    storescu([tmp_path / "a.dcm"], receiver.port, called="WETREAD")
    web.settle(1)
    with closing(open_stores(Settings(home=web.home, **common))) as stores:
        numbers = [each.number for each in stores.events.after(0)]
        assert len(numbers) == 5
        for node in nodes:
            node.stop()
        old = {"occurred_at": datetime.now(UTC) - timedelta(days=2)}
        with stores.database.writing() as connection:
            connection.execute(update(events).where(events.c.number <= numbers[1]).values(old))
        for node in nodes:
            node.start()
        assert wait_for(stores.events.pruned, "old events are gone") == numbers[1]

    for known in ({"after": "0"}, {"Last-Event-ID": str(numbers[0])}):
        with listening(web, **known) as told:
            gap, *kept = until(told, "delivery.sent")
        assert (gap["event"], gap["id"], gap["oldest"]) == ("gap", numbers[1], numbers[2])
        assert [each["id"] for each in kept] == numbers[2:]
        for url in (gap["studies"], gap["results"]):
            (item,) = httpx.get(url, trust_env=False, timeout=30).json()["items"]
            assert item["study_instance_uid"] == kept[0]["study_instance_uid"]
    # Who has heard of the gap, or of all that is gone, goes on.
    with listening(web, **{"Last-Event-ID": str(gap["id"])}) as told:
        assert [each["id"] for each in until(told, "delivery.sent")] == numbers[2:]
    assert sum("removed 2 events" in each.log_text for each in nodes) == 1


def test_a_node_with_open_streams_stops_at_once(make_node: Callable[..., Node]) -> None:
    node = make_node()
    with ExitStack() as stack:
        told = [stack.enter_context(listening(node)) for _ in range(40)]
        node.stop()
        for each in told:
            assert list(each) == []  # ended, and not cut off
    assert "stopped" in node.log_text
    assert "graceful" not in node.log_text


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node to which nothing is sent."""
    with Node(tmp_path_factory.mktemp("idle")) as node:
        yield node


def test_what_is_no_id_is_refused(idle: Node) -> None:
    with httpx.Client(base_url=f"{idle.url}/api/v1", trust_env=False, timeout=30) as client:
        assert client.get("/events?after=x").status_code == 400
        assert client.get("/events?after=" + "1" * 21).status_code == 422
        assert client.get("/events", headers={"Last-Event-ID": "-1"}).status_code == 400
        assert client.get("/events", headers={"Accept": "application/json"}).status_code == 406


def test_many_listeners_take_no_thread_each(idle: Node) -> None:
    threads = Path(f"/proc/{idle.pid}/task")
    with ExitStack() as stack:
        stack.enter_context(listening(idle))
        before = wait_for(lambda: len(list(threads.iterdir())), "threads")
        for _ in range(100):
            stack.enter_context(listening(idle))
        assert len(list(threads.iterdir())) <= before + 45  # the pool that all requests share
