"""What the environment says is heard, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.domain.errors import SettingsError
from wetread import settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WETREAD_HOME", str(tmp_path))


def test_a_name_that_is_no_setting_is_refused_with_all_other_faults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Unheard, it would be a node that keeps everything on a laptop's disk.
    monkeypatch.setenv("WETREAD_DATABSE_URL", "postgresql://wetread:secret@db/wetread")
    monkeypatch.setenv("WETREAD_HTTP_PORT", "high")
    with pytest.raises(SettingsError) as refused:
        settings.load()
    assert "WETREAD_DATABSE_URL: no setting is called so; WETREAD_DATABASE_URL" in str(
        refused.value
    )
    assert "http_port: " in str(refused.value)
    assert "secret" not in str(refused.value)


def test_what_stands_beside_the_settings_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WETREAD_TEST_STUDIES", "WETREAD_IMAGE", "WETREADY"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("wetread_http_port", "81")
    assert settings.load().http_port == 81


def test_what_kubernetes_tells_of_services_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "10.96.0.7"
    for name, value in {
        "WETREAD_SERVICE_HOST": address,
        "WETREAD_WEB_SERVICE_PORT_HTTP": "8080",
        "WETREAD_WEB_PORT": f"tcp://{address}:8080",
        "WETREAD_WEB_PORT_8080_TCP_ADDR": address,
    }.items():
        monkeypatch.setenv(name, value)
    assert settings.load().http_port == 8080
    monkeypatch.setenv("WETREAD_PORT", "81")
    with pytest.raises(SettingsError, match="WETREAD_HTTP_PORT is one"):
        settings.load()
