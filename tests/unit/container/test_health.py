"""The image's health check, and how what it runs ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stub_http import HOST, Answer, StubServer
from tools import image_health
from tools.image_health import ask, roles
from wetread import cli, settings

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


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to be in, with a WETREAD_HOME in it, and an environment without settings."""
    for name in [name for name in os.environ if name.lower().startswith("wetread_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".wetread").mkdir()
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        ({}, {}),
        ({}, {"WETREAD_HTTP_PORT": "8081", "WETREAD_HTTP_HOST": "127.0.0.2"}),
        ({}, {"wetread_http_port": "8081"}),
        ({"wetread.toml": 8082}, {}),
        ({"wetread.toml": 8082}, {"WETREAD_HTTP_PORT": "8081"}),
        ({".wetread/wetread.toml": 8083}, {}),
        ({"home/wetread.toml": 8084}, {"WETREAD_HOME": "home"}),
        ({"home/wetread.toml": 8084}, {"WETREAD_HOME": "~/home"}),
        ({"home/wetread.toml": 8084, "wetread.toml": 8082}, {"WETREAD_HOME": "home"}),
        ({"named.toml": 8085, "wetread.toml": 8082}, {"WETREAD_CONFIG": "named.toml"}),
    ],
)
def test_it_asks_where_the_settings_say(
    files: dict[str, int],
    environment: dict[str, str],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, port in files.items():
        (place / name).write_text(f'http_port = {port}\nhttp_host = "127.0.0.3"\n')
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    served = settings.load()
    assert image_health.place(image_health.settings()) == (served.http_host, served.http_port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_what_listens_everywhere_is_asked_on_this_machine(
    host: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WETREAD_HTTP_HOST", host)
    assert image_health.place(image_health.settings()) == ("127.0.0.1", 8080)


def serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_health, "command", lambda: ["wetread", "serve", ""])


def test_a_port_in_the_file_is_the_one_that_is_asked(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serves(monkeypatch)
    with StubServer(lambda method, path: Answer(200, b"ready")) as server:
        port = server.url.rpartition(":")[2]
        (place / "wetread.toml").write_text(f'http_port = {port}\nroles = ["web", "worker"]\n')
        assert image_health.main() == 0
    assert capsys.readouterr().out == "web, worker: ready\n"


@pytest.mark.parametrize("text", ["http_port = ", "http_port = 'many'", "http_port = 'é'"])
def test_settings_that_cannot_be_read_are_not_healthy(
    text: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serves(monkeypatch)
    (place / "wetread.toml").write_bytes(text.encode("latin-1"))
    assert image_health.main() == 1
    assert capsys.readouterr().out.startswith("the settings cannot be read: ")


def test_it_loads_nothing_but_the_standard_library() -> None:
    script = Path(image_health.__file__)
    code = (
        f"import runpy, sys; runpy.run_path({str(script)!r}); "
        "print(*{each.partition('.')[0] for each in sys.modules} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["__main__"])


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
