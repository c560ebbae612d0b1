"""compose.yaml: the same roles on one box, with no more rights than in a cluster."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.support.compose import FILE, SAID, TEXT, Compose, put_in, services
from tests.support.docker import Docker
from tests.support.helm import Helm, container, one
from wetread import settings
from wetread.settings import Settings

ROLES = ("receiver", "web", "worker")
SERVICES = services(**SAID)
OVERRIDE = {"services": {"web": {"environment": {"WETREAD_TENANT": "here"}}}}


def test_compose_takes_the_file(tmp_path: Path) -> None:
    whole = yaml.safe_load(Compose(Docker(), tmp_path, OVERRIDE, **SAID)("config"))
    assert set(whole["services"]) == set(SERVICES)


def test_every_role_is_a_service_of_the_same_image() -> None:
    assert {name: SERVICES[name]["command"] for name in ROLES} == {
        role: ["serve", "--role", role] for role in ROLES
    }
    assert {SERVICES[name]["image"] for name in ROLES} == {"wetread:0.1.0"}


def test_the_database_is_brought_up_once_before_the_roles_start() -> None:
    assert SERVICES["migration"]["command"] == ["migrate"]
    for role in ROLES:
        waits = SERVICES[role]["depends_on"]
        assert waits == {"migration": {"condition": "service_completed_successfully"}}


def test_no_service_has_more_rights_than_it_needs() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert {SERVICES[name]["user"] for name in (*ROLES, "migration")} == {"10001:10001"}


def test_the_pages_are_reached_from_this_box_alone() -> None:
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8080:8080"]
    assert SERVICES["receiver"]["ports"] == ["11112:11112"]


def test_no_password_is_in_the_file() -> None:
    for name in SAID:
        with pytest.raises(AssertionError, match=name):
            put_in(TEXT, **{other: value for other, value in SAID.items() if other != name})


def test_postgresql_is_healthy_when_others_reach_it_and_not_while_it_is_set_up() -> None:
    # Its entry point runs one that listens to a socket alone, and stops it again.
    assert SERVICES["postgresql"]["healthcheck"]["test"][:4] == [
        *("CMD", "pg_isready", "-h", "127.0.0.1")
    ]


def test_orthanc_knows_every_variable_of_its_configuration() -> None:
    text = (FILE.parent / "compose" / "orthanc.json").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(SERVICES["orthanc"]["environment"])


def test_what_is_mounted_is_declared() -> None:
    whole = yaml.safe_load(put_in(TEXT, **SAID))
    for service in whole["services"].values():
        for volume in service.get("volumes", []):
            assert volume.startswith("/") or volume.partition(":")[0] in whole["volumes"]
        for each in service.get("configs", []):
            assert each["source"] in whole["configs"]


def test_compose_has_nothing_to_write_into_a_root_that_cannot_be_written() -> None:
    whole = yaml.safe_load(TEXT)
    for name, each in (whole["configs"] | whole.get("secrets", {})).items():
        # It mounts files; a text, or a variable, it copies into the container, and refuses here.
        assert list(each) == ["file"], name
        assert (FILE.parent / each["file"]).is_file(), name


@pytest.mark.parametrize("role", ROLES)
def test_the_service_starts_with_the_settings_that_the_file_gives_it(
    role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in SERVICES[role]["environment"].items():
        assert name.removeprefix("WETREAD_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    found = settings.load(roles=(role,))
    assert not found.is_embedded
    assert not found.migrate_on_start
    assert found.log_format == "json"
    assert found.orthanc[0].password.get_secret_value() == SAID["ORTHANC_PASSWORD"]


def test_orthanc_is_set_up_as_in_the_chart() -> None:
    manifests = Helm(4).template("trial")
    chart = json.loads(one(manifests, "ConfigMap", "-orthanc")["data"]["orthanc.json"])
    file = yaml.safe_load(TEXT)["configs"]["orthanc"]["file"]
    here = json.loads((FILE.parent / file).read_text())
    assert here["Plugins"] == chart["Plugins"]
    assert here["PostgreSQL"] == {
        name: value for name, value in chart["PostgreSQL"].items() if name != "Port"
    } | {"Host": "postgresql"}
    modality = chart["DicomModalities"]["wetread"]
    assert here["DicomModalities"]["wetread"] == modality | {
        "AET": "${AE_TITLE}",
        "Host": "receiver",
    }
    assert SERVICES["orthanc"]["image"] == container(manifests, "StatefulSet", "-orthanc")["image"]
    assert (
        SERVICES["postgresql"]["image"]
        == container(manifests, "StatefulSet", "-postgresql")["image"]
    )
