"""How answers are cut into what is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from dicom_node.dicomweb import responses
from dicom_node.dicomweb.responses import Streamed, behind, gathered
from tests.support.origin import OriginServer, radiograph


def test_small_chunks_are_joined() -> None:
    assert list(gathered([b"ab", b"", b"c"])) == [b"abc"]
    assert list(gathered([])) == []


def test_large_chunks_are_passed_on() -> None:
    large = b"x" * (1 << 20)
    assert [len(each) for each in gathered([b"head", large, b"tail", large, b"end"])] == [
        4 + (1 << 20),
        4 + (1 << 20),
        3,
    ]


def test_no_more_is_read_than_is_asked_for() -> None:
    made = []

    def chunks() -> Iterator[bytes]:
        for number in range(100):
            made.append(number)
            yield b"x" * (256 << 10)

    next(gathered(chunks()))
    assert len(made) == 2


def test_what_takes_long_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "_PATIENCE", -1.0)
    assert list(gathered([b"a", b"b"])) == [b"a", b"b"]


def test_a_short_answer_says_its_length(origin: OriginServer) -> None:
    origin.add(radiograph())
    answer = origin.get("/studies", **{"Accept-Encoding": "identity"})
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    pressed = origin.get("/studies", **{"Accept-Encoding": "gzip"})
    assert pressed.headers["Content-Encoding"] == "gzip"
    assert pressed.json() == answer.json()


def test_what_is_read_from_is_closed_when_the_client_goes_away() -> None:
    closed = []

    def chunks() -> Iterator[bytes]:
        try:
            yield b"first"
            yield b"second"
        finally:
            closed.append(True)

    async def gone(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError

    async def receive() -> Any:
        raise AssertionError("nothing is asked for")

    inner = chunks()
    answer = Streamed(behind(inner, b"before"))
    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    next(inner)  # a generator that has not begun has nothing to close
    with pytest.raises(ClientDisconnect):
        asyncio.run(answer(scope, receive, gone))
    del inner
    assert closed == [True]
