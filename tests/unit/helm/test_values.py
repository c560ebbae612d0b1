"""What may stand in values: nothing that is not known, and the service's own settings."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.helm import CHART, CI, Helm, Refused, containers, environment, one, pods
from tools.chart import CHARTS_OWN, documented, rendered
from wetread import settings
from wetread.settings import Settings

ROOT = CHART.parents[1]
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
EXAMPLES = ["", *CI]


@pytest.mark.parametrize(
    "values",
    [
        {"nope": 1},
        {"web": {"ingress": {"host": "typo"}}},
        {"settings": {"ae_titel": "TYPO"}},
        {"settings": {"rules": [{"name": "a", "model": "b", "modalitee": ["CT"]}]}},
        {"settings": {"database_url": "postgresql://user:password@host/name"}},
        {"settings": {"maximum_pdu": "many"}},
        {"resourceClasses": {"small": {"resource": {}}}},
        {"receiver": {"service": {"type": "Loadbalancer"}}},
        {"receiver": {"allowedCidrs": ["anywhere"]}},
        {"extraEnv": [{"name": "WETREAD_GATE", "value": "false"}]},
        {"jobs": {"training": [{"name": "a", "config": "--resume"}]}},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_is_not_known_is_refused(helm: Helm, values: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        helm.template(**values)


def objects(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield path, node
        for name, each in node.items():
            yield from objects(each, f"{path}/{name}")
    elif isinstance(node, list):
        for number, each in enumerate(node):
            yield from objects(each, f"{path}/{number}")


def test_the_schema_is_closed_everywhere() -> None:
    for path, node in objects(SCHEMA):
        if path == "/properties/global":  # Helm's, where the chart is part of another
            continue
        further = node.get("additionalProperties")
        assert further is False or isinstance(further, dict), path


def test_the_schema_and_the_readme_are_in_step() -> None:
    for path, text in rendered().items():
        assert path.read_text() == text, f"{path.name}: python -m tools.chart --write"


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, dict) and node:
        for name, each in node.items():
            yield from leaves(each, (*path, name))
    else:
        yield path


def test_every_value_is_explained() -> None:
    explained = documented((CHART / "values.yaml").read_text())
    for path in leaves(VALUES):
        own = {".".join(path[:length]) for length in range(1, len(path) + 1)}
        assert own & set(explained), ".".join(path)


def test_every_value_has_a_default_and_every_default_a_schema() -> None:
    def compare(values: dict[str, Any], schema: dict[str, Any], path: str) -> None:
        known = set(schema.get("properties", {}))
        if path in ("settings", "resourceClasses"):
            return
        assert set(values) == known - {"global"}, path
        for name, each in values.items():
            below = schema["properties"][name]
            if isinstance(each, dict) and "properties" in below:
                compare(each, below, name)

    compare(VALUES, SCHEMA, "")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_setting_that_the_chart_sets_is_one_of_the_service(helm4: Helm, example: str) -> None:
    known = {f"WETREAD_{name.upper()}" for name in Settings.model_fields} | {"WETREAD_CONFIG"}
    for name, pod in pods(helm4.template(*filter(None, [example]))):
        for each in containers(pod):
            names = {variable["name"] for variable in each.get("env", [])}
            ours = {each for each in names if each.startswith("WETREAD_")}
            assert ours <= known, name


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_service_starts_with_the_settings_that_the_chart_gives_it(
    helm: Helm, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = helm.template(*filter(None, [example]))
    text = next(
        each["data"]["wetread.toml"]
        for each in manifests
        if each["kind"] == "ConfigMap" and "wetread.toml" in each["data"]
    )
    (tmp_path / "wetread.toml").write_text(text)
    kind, name = (
        ("StatefulSet", "wetread") if example in ("", "edge") else ("Deployment", "-worker")
    )
    (pod,) = [pod for _, pod in pods([one(manifests, kind, name)])]
    for variable, value in environment(pod["containers"][0]).items():
        said = value if isinstance(value, str) else "postgresql://from:secret@where/ever"
        monkeypatch.setenv(variable, re.sub(r"\$\([A-Z0-9_]+\)", "from-a-secret", said))
    monkeypatch.setenv("WETREAD_CONFIG", str(tmp_path / "wetread.toml"))
    found = settings.load(roles=tuple(pod["containers"][0]["args"][2::2]) or None)
    assert found.is_embedded is (example in ("", "edge"))
    assert found.roles == (("receiver", "web", "worker") if found.is_embedded else ("worker",))
    assert found.log_format == "json"
    assert found.tenant == "radiology"  # the release's namespace
    for setting, value in tomllib.loads(text).items():
        if not isinstance(value, list):
            assert getattr(found, setting) == value
    assert len(found.rules) == 2
    peers = {"department": ["orthanc"], "group": ["north-pacs"], "trial": ["orthanc"]}
    assert [each.name for each in found.orthanc] == peers.get(example, [])


def test_what_the_chart_sets_itself_is_a_setting() -> None:
    assert set(Settings.model_fields) >= CHARTS_OWN


def test_the_charts_version_is_the_packages() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chart["appVersion"] == chart["version"] == project["version"]
