"""What `helm test` runs: it waits for a release that has only just been installed."""

from __future__ import annotations

import http.client
import importlib.util
import subprocess
from types import ModuleType

import pytest

from tests.support.helm import CHART

_SCRIPT = CHART / "files" / "send_study.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("send_study", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("HOST", "PORT", "AE_TITLE", "CALLING_AE_TITLE", "URL"):
        monkeypatch.setenv(f"TEST_{name}", "any")
    monkeypatch.setenv("TEST_SECONDS", "60")
    monkeypatch.setattr(module, "study", lambda folder: "1.2.3")
    monkeypatch.setattr(module, "PAUSE", 0)
    return module


def sends(monkeypatch: pytest.MonkeyPatch, *codes: int) -> list[int]:
    left = list(codes)

    def run(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        assert command[:2] == ["wetread", "send"]
        return subprocess.CompletedProcess(command, left.pop(0))

    monkeypatch.setattr(subprocess, "run", run)
    return left


def test_it_sends_again_until_somebody_listens(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left = sends(monkeypatch, 1, 1, 0)
    monkeypatch.setattr(script, "reports", lambda uid: [{"of": uid}])
    script.main()
    assert not left
    assert "Its report is there: 1 series" in capsys.readouterr().out


def test_it_asks_again_where_the_pages_are_not_up_yet(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sends(monkeypatch, 0)
    answers = iter([ConnectionResetError(), http.client.RemoteDisconnected("gone"), None])

    def reports(uid: str) -> list[dict[str, object]]:
        if answer := next(answers):
            raise answer
        return [{}]

    monkeypatch.setattr(script, "reports", reports)
    script.main()
    assert "Its report is there" in capsys.readouterr().out


def test_it_fails_where_nobody_takes_the_study(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends(monkeypatch, 1)
    monkeypatch.setenv("TEST_SECONDS", "-1")
    with pytest.raises(SystemExit, match="The study was not taken"):
        script.main()
