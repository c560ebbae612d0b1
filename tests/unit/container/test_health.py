"""The image's health check, and how what it runs ends."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.stub_http import HOST, Answer, StubServer
from tools.image_health import ask, roles
from wetread import cli

ENTRYPOINT = Path(__file__).parents[3] / "tools" / "image-entrypoint.sh"


def test_it_names_the_roles_of_the_command() -> None:
    serve = ["/opt/wetread/bin/python", "/opt/wetread/bin/wetread", "serve"]
    assert roles([*serve, "--role", "receiver", "--role=web", ""]) == ["receiver", "web"]
    assert roles([*serve, ""]) == []


def test_what_does_not_serve_is_not_asked() -> None:
    assert roles(["python", "/opt/wetread/bin/wetread", "train", ""]) is None


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_it_is_healthy_while_it_is_ready(status: int, ready: bool) -> None:
    with StubServer(lambda method, path: Answer(status, b'{"status":"said"}')) as server:
        assert ask(HOST, int(server.url.rpartition(":")[2])) == (ready, '{"status":"said"}')
        assert server.requests == [("GET", "/readyz")]


def test_no_answer_is_not_healthy() -> None:
    with StubServer(lambda method, path: Answer()) as server:
        port = int(server.url.rpartition(":")[2])
    ready, said = ask(HOST, port)
    assert not ready
    assert "no answer" in said


@pytest.mark.parametrize(
    ("arguments", "run"),
    [
        (["serve", "--role", "web"], "wetread serve --role web"),
        (["--help"], "wetread --help"),
        (["wetread", "status"], "wetread status"),
        (["echo", "--host", "here"], "wetread echo --host here"),
        (["python", "-c", "1"], "python -c 1"),
        ([], "wetread"),
    ],
)
def test_the_name_of_the_command_may_be_left_out(
    arguments: list[str], run: str, tmp_path: Path
) -> None:
    for name in ("wetread", "python"):
        (tmp_path / name).write_text('#!/bin/sh\necho "${0##*/}" "$@"\n')
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [ENTRYPOINT, *arguments],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == run


def test_process_1_ends_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getpid", lambda: 1)
    monkeypatch.setattr("wetread.cli.app.app", lambda: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 143
