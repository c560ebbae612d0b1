"""What is watched: by names that the service has, by rules that Prometheus takes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.helm import CHART, Helm, container, kinds, one

_MANUAL = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
METRICS = {
    name: set(re.findall(r"`(\w+)`", labels))
    for name, labels in re.findall(r"^\| `(wetread_\w+)` \|([^|]*)\|", _MANUAL, re.MULTILINE)
}
_HISTOGRAMS = {"wetread_batch_size", "wetread_stage_seconds"}
# Those that the cluster's Prometheus adds, and a histogram's own.
_EVERYWHERE = {"namespace", "pod", "le"}


def dashboard(helm: Helm) -> dict[str, Any]:
    data = one(helm.template("group"), "ConfigMap", "-dashboard")["data"]
    (text,) = data.values()
    found: dict[str, Any] = json.loads(text)
    return found


def expressions(helm: Helm) -> list[str]:
    return [
        target["expr"] for panel in dashboard(helm)["panels"] for target in panel.get("targets", [])
    ]


def rules(helm: Helm) -> dict[str, Any]:
    spec: dict[str, Any] = one(helm.template("group"), "PrometheusRule")["spec"]
    return spec


def alerts(helm: Helm) -> list[str]:
    return [rule["expr"] for group in rules(helm)["groups"] for rule in group["rules"]]


def used(expression: str) -> set[str]:
    """The metrics in it, a histogram by its own name."""
    return {
        re.sub(r"_(bucket|sum|count)$", "", name)
        if re.sub(r"_(bucket|sum|count)$", "", name) in _HISTOGRAMS
        else name
        for name in re.findall(r"\bwetread_\w+", expression)
    }


def test_every_metric_that_is_asked_for_is_one_of_the_service(helm4: Helm) -> None:
    for expression in expressions(helm4) + alerts(helm4):
        assert used(expression), expression
        assert used(expression) <= set(METRICS), expression


def test_every_metric_has_its_place_on_the_dashboard(helm4: Helm) -> None:
    assert set().union(*map(used, expressions(helm4))) == set(METRICS)


def test_every_label_that_is_asked_for_is_one_of_the_metric(helm4: Helm) -> None:
    for expression in expressions(helm4) + alerts(helm4):
        known = set().union(*(METRICS[name] for name in used(expression))) | _EVERYWHERE
        grouped = [
            label.strip()
            for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
            for label in group.split(",")
        ]
        matched = re.findall(r"[{,]\s*(\w+)\s*=", expression)
        assert set(grouped) | set(matched) <= known, expression


def test_panels_have_their_own_place_a_unit_and_a_word_of_what_they_show(helm4: Helm) -> None:
    panels = [each for each in dashboard(helm4)["panels"] if each["type"] != "row"]
    cells: set[tuple[int, int]] = set()
    for each in dashboard(helm4)["panels"]:
        place = each["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & own, each["title"]
        assert place["x"] + place["w"] <= 24
        cells |= own
    assert all(each["description"] and each["fieldConfig"]["defaults"]["unit"] for each in panels)
    assert len({each["id"] for each in dashboard(helm4)["panels"]}) == len(
        dashboard(helm4)["panels"]
    )


def test_the_prices_of_the_values_give_the_cost_in_money(helm4: Helm) -> None:
    variables = {each["name"]: each for each in dashboard(helm4)["templating"]["list"]}
    assert float(variables["cpu_hour"]["query"]) == 0.04
    assert float(variables["gpu_hour"]["query"]) == 2.1
    (cost,) = [each for each in dashboard(helm4)["panels"] if "Cost" in each["title"]]
    assert cost["fieldConfig"]["defaults"]["unit"] == "currencyEUR"


def test_every_pod_of_the_service_is_asked_and_no_other(helm4: Helm) -> None:
    manifests = helm4.template("group", orthanc={"enabled": True, "existingSecret": {"name": "a"}})
    service = one(manifests, "Service", "-metrics")
    monitor = one(manifests, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    found = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in manifests
        if each["kind"] in ("Deployment", "StatefulSet")
        and service["spec"]["selector"].items()
        <= each["spec"]["template"]["metadata"]["labels"].items()
    }
    assert found == {"receiver", "web", "worker"}


def test_prometheus_may_come_in_where_the_values_name_it(helm4: Helm) -> None:
    manifests = helm4.template("department")
    policy = one(manifests, "NetworkPolicy", "-metrics")["spec"]
    (rule,) = policy["ingress"]
    (source,) = rule["from"]
    found = {
        each["metadata"]["name"]
        for each in manifests
        if each["kind"] in ("Deployment", "StatefulSet")
        and policy["podSelector"]["matchLabels"].items()
        <= each["spec"]["template"]["metadata"]["labels"].items()
    }
    # Orthanc is none of its.
    assert found == {"wetread-receiver", "wetread-web", "wetread-worker"}
    assert source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == "monitoring"


def test_nothing_is_watched_unless_asked(helm4: Helm) -> None:
    manifests = helm4.template()
    assert not kinds(manifests) & {"ServiceMonitor", "PrometheusRule"}
    assert container(manifests, "StatefulSet")["ports"][-1]["name"] == "http"


def test_the_manual_says_of_every_alert_what_to_do(helm4: Helm) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "kubernetes.md").read_text()
    named = [rule["alert"] for group in rules(helm4)["groups"] for rule in group["rules"]]
    assert re.findall(r"^\| `(Wetread\w+)`", manual, re.MULTILINE) == named


def promtool(*arguments: str | Path) -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules(helm4: Helm, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules(helm4)))
    assert "SUCCESS: 10 rules found" in promtool("check", "rules", "--lint-fatal", file)


def test_prometheus_takes_every_expression_of_the_dashboard(helm4: Helm, tmp_path: Path) -> None:
    recorded = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$\w+_hour", "1", expression)}
        for number, expression in enumerate(
            each.replace("$__rate_interval", "5m") for each in expressions(helm4)
        )
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    promtool("check", "rules", "--lint-fatal", file)


def panel(helm: Helm, title: str, target: int = 0) -> str:
    """The expression of the first panel of that title, of all hospitals and at a price of 1."""
    found = next(each for each in dashboard(helm)["panels"] if each["title"] == title)
    expression = str(found["targets"][target]["expr"])
    return re.sub(r"\$\w+_hour", "1", expression).replace("$namespace", ".*")


@pytest.mark.parametrize(
    ("title", "series", "hours", "value"),
    [
        # Each hospital's receivers all tell the same of their own database.
        (
            "Jobs waiting",
            {
                'wetread_queue_depth{namespace="north",pod="a",model="m"}': "4x999",
                'wetread_queue_depth{namespace="north",pod="b",model="m"}': "4x999",
                'wetread_queue_depth{namespace="south",pod="a",model="m"}': "3x999",
            },
            500,
            7,
        ),
        (
            "Studies",
            {
                'wetread_studies{namespace="north",state="stable"}': "100x999",
                'wetread_studies{namespace="south",state="stable"}': "20x999",
            },
            500,
            120,
        ),
        # KEDA's worker was asked for the first time when it had read all there was.
        (
            "Cost in 30 days",
            {
                'wetread_model_seconds_total{pod="a",tenant="t",device="cpu"}': "3600x5",
                'wetread_model_seconds_total{pod="b",tenant="t",device="cpu"}': "_x9 7200x5",
            },
            500,
            3,
        ),
        # What was there 30 days ago costs what was added since.
        (
            "Cost in 30 days",
            {'wetread_model_seconds_total{pod="a",tenant="t",device="cpu"}': "36000x999"},
            999,
            0,
        ),
        # The first review of each page that was started counts like any other.
        (
            "Disagreement",
            {
                'wetread_reviews_total{pod="a",model="m",verdict="disagree"}': "1x999",
                'wetread_reviews_total{pod="b",model="m",verdict="agree"}': "3x999",
            },
            500,
            0.25,
        ),
    ],
)
def test_a_panel_shows_what_is_so(
    helm4: Helm, tmp_path: Path, title: str, series: dict[str, str], hours: int, value: float
) -> None:
    check = {
        "tests": [
            {
                "interval": "1h",
                "input_series": [{"series": name, "values": v} for name, v in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f"sum({panel(helm4, title)})",
                        "eval_time": f"{hours}h",
                        "exp_samples": [{"value": value, "labels": "{}"}],
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(check))
    promtool("test", "rules", tmp_path / "test.yaml")


def test_each_hospital_has_a_dashboard_of_its_own(helm4: Helm) -> None:
    found = []
    for namespace in ("north", "south"):
        text = helm4.run(
            *("template", "wetread", CHART, "--namespace", namespace),
            *("--values", CHART / "ci" / "group-values.yaml"),
        )
        data = one(list(yaml.safe_load_all(text)), "ConfigMap", "-dashboard")["data"]
        ((name, content),) = data.items()
        said = json.loads(content)
        found.append((name, said["uid"], said["title"]))
        variables = {each["name"]: each for each in said["templating"]["list"]}
        assert variables["namespace"]["current"]["value"] == [namespace]
        assert len(said["uid"]) <= 40
    # Grafana puts the files of all into one folder, and takes a UID once.
    assert all(north != south for north, south in zip(*found, strict=True))


OURS = 'namespace="radiology"'
PACS = 'destination="pacs"'
DELIVERED = 'outcome="delivered"'
CONFLICT = 'kind="conflict"'
MINUTES = 30
_SLOW = ("WetreadInputDrift", "WetreadNotCompared")


@pytest.mark.parametrize(
    ("alert", "series", "fires"),
    [
        ("WetreadBacklog", {f'wetread_queue_age_seconds{{{OURS},model="m"}}': "0+60x60"}, True),
        ("WetreadBacklog", {f'wetread_queue_age_seconds{{{OURS},model="m"}}': "300x60"}, False),
        (
            "WetreadBacklog",
            {'wetread_queue_age_seconds{namespace="other",model="m"}': "9000x60"},
            False,
        ),
        (
            "WetreadDestinationDown",
            {f"wetread_deliveries_waiting{{{OURS},{PACS}}}": "5x60"},
            True,
        ),
        (
            "WetreadDestinationDown",
            {
                f"wetread_deliveries_waiting{{{OURS},{PACS}}}": "5x60",
                f"wetread_deliveries_total{{{OURS},{PACS},{DELIVERED}}}": "0+1x60",
            },
            False,
        ),
        ("WetreadArchiveFull", {f"wetread_archive_free_bytes{{{OURS}}}": "1e9x60"}, True),
        ("WetreadArchiveFull", {f"wetread_archive_free_bytes{{{OURS}}}": "1e12x60"}, False),
        (
            "WetreadInputDrift",
            {f'wetread_input_drift{{{OURS},model="m",statistic="mean"}}': "0.6x120"},
            True,
        ),
        ("WetreadJobsFail", {f'wetread_jobs{{{OURS},model="m",state="failed"}}': "0+1x60"}, True),
        ("WetreadJobsFail", {f'wetread_jobs{{{OURS},model="m",state="failed"}}': "7x60"}, False),
        ("WetreadRefused", {f"wetread_deliveries_failed{{{OURS},{PACS}}}": "0+1x60"}, True),
        ("WetreadRefused", {f"wetread_deliveries_failed{{{OURS},{PACS}}}": "3x60"}, False),
        (
            "WetreadSetAside",
            {
                f"wetread_incidents{{{OURS},{CONFLICT}}}": "2x60",
                f"wetread_incidents_to_compare{{{OURS},{CONFLICT}}}": "1x60",
            },
            True,
        ),
        (
            "WetreadSetAside",
            {
                f"wetread_incidents{{{OURS},{CONFLICT}}}": "0x20 7x40",
                f"wetread_incidents_to_compare{{{OURS},{CONFLICT}}}": "0x20 7x40",
            },
            False,
        ),
        (
            "WetreadNotCompared",
            {f"wetread_incidents_to_compare{{{OURS},{CONFLICT}}}": "7x99"},
            True,
        ),
        (
            "WetreadNotCompared",
            {f"wetread_incidents_to_compare{{{OURS},{CONFLICT}}}": "9x50 0 9x50"},
            False,
        ),
        ("WetreadDatabaseDown", {f"wetread_database_up{{{OURS}}}": "0x60"}, True),
        ("WetreadDatabaseDown", {f"wetread_database_up{{{OURS}}}": "1x60"}, False),
        ("WetreadDown", {}, True),
        ("WetreadDown", {f'wetread_build_info{{{OURS},pod="web"}}': "1x60"}, True),
        ("WetreadDown", {f'wetread_database_up{{{OURS},pod="receiver"}}': "1x60"}, False),
        ("WetreadDown", {f'wetread_database_up{{{OURS},pod="receiver"}}': "0x60"}, False),
    ],
    ids=str,
)
def test_an_alert_calls_when_it_should_and_only_then(
    helm4: Helm, tmp_path: Path, alert: str, series: dict[str, str], fires: bool
) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules(helm4)))
    firing = f'ALERTS{{alertname="{alert}", alertstate="firing"}}'
    check = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values} for name, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": f"count({firing}) or vector(0)",
                        "eval_time": "90m" if alert in _SLOW else f"{MINUTES}m",
                        "exp_samples": [{"value": int(fires), "labels": "{}"}],
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(check))
    promtool("test", "rules", tmp_path / "test.yaml")
