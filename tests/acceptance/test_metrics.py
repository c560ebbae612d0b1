"""A real Prometheus scrapes a node, and every panel of the dashboard shows something."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.programs import HOST, wait_for
from tests.support.prometheus import PrometheusServer
from tests.support.radiographs import radiograph

DASHBOARD = Path(__file__).parents[2] / "helm" / "wetread" / "files" / "dashboard.json"
IMAGES = 100  # so many pictures are needed before drift is told


def expressions() -> dict[str, str]:
    """Each panel's question, by its title, with its variables filled in."""
    found = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for number, target in enumerate(panel.get("targets", [])):
            text = target["expr"]
            for name in ("cpu_hour", "gpu_hour"):
                text = text.replace(f"${name}", "1")
            text = text.replace("$namespace", "test").replace("$__rate_interval", "1m")
            found[f"{panel['title']} {number}"] = text
    return found


def test_every_panel_shows_something(make_node: Callable[..., Node], tmp_path: Path) -> None:
    node = make_node(result_objects=[], tenant="north")
    (tmp_path / "watch").mkdir()
    targets = [f"{HOST}:{node.http_port}"]
    with PrometheusServer(tmp_path / "watch", targets, {"namespace": "test"}) as prometheus:
        files = []
        for number in range(IMAGES):
            file = tmp_path / f"{number}.dcm"
            radiograph(
                file,
                seed=number,
                shape=(256, 224),
                StudyInstanceUID="2.25.1",
                SeriesInstanceUID="2.25.1.1",
                PatientID="HASHIDDEN",
                BodyPartExamined="LEG" if number == 0 else "CHEST",
            )
            files.append(file)
        storescu(files[:10], node.port, called="WETREAD", calling="XR1")
        # A counter that Prometheus saw once has not grown yet.
        wait_for(lambda: prometheus.query("wetread_instances_received_total > 0"), "a scrape")
        storescu(files[10:], node.port, called="WETREAD", calling="XR1")
        status = node.settle(1)
        (study,) = status["studies"]
        job = study["jobs"][0]["job"]
        for verdict in ("agree", "not assessable"):
            httpx.post(
                f"{node.url}/api/v1/results/{job}/reviews",
                json={"verdict": verdict, "reviewer": {"id": verdict[:3], "name": "A"}},
                trust_env=False,
                timeout=30,
            ).raise_for_status()
        silent = dict(expressions())
        # No model runs on a GPU here.
        silent = {name: text for name, text in silent.items() if 'device=~"cuda' not in text}

        def all_speak() -> bool:
            for name, text in list(silent.items()):
                if prometheus.query(text):
                    del silent[name]
            return not silent

        try:
            wait_for(all_speak, "every panel", 60)
        except AssertionError:
            raise AssertionError(f"these panels show nothing: {silent}") from None
        seconds = prometheus.query('wetread_model_seconds_total{tenant="north"}')
        assert float(seconds[0]["value"][1]) > 0
        node.settle(1)
        text = httpx.get(f"{node.url}/metrics", trust_env=False, timeout=30).text
        assert "HASHIDDEN" not in text
        assert "2.25.1" not in text
