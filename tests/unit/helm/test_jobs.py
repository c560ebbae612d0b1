"""Jobs of the chart: models measured and trained."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.helm import Helm, Refused, container, environment, one, pods

VALIDATION = {
    "name": "chest",
    "model": "cxr-pneumonia",
    "claim": "images",
    "data": "chest",
    "out": "reports",
    "resourceClass": "medium",
}


def test_a_model_is_measured_every_month_against_its_bars(helm4: Helm) -> None:
    manifests = helm4.template("department")
    assert one(manifests, "CronJob", "-monthly")["spec"]["schedule"] == "0 3 1 * *"
    assert container(manifests, "CronJob", "-monthly")["args"] == [
        *("validate", "run", "cxr-pneumonia", "/data/chest"),
        *("--gate", "/data/bars.toml", "--out", "/data/reports/cxr-pneumonia"),
    ]


def test_validation_measures_the_version_in_use_by_the_settings_of_the_service(helm4: Helm) -> None:
    manifests = helm4.template("department")
    found = environment(container(manifests, "CronJob", "-monthly"))
    worker = environment(container(manifests, "Deployment", "-worker"))
    for name in ("WETREAD_DATABASE_URL", "WETREAD_CONFIG", "WETREAD_HOME"):
        assert found[name] == worker[name]
    assert not {"WETREAD_ORTHANC", "AWS_SECRET_ACCESS_KEY"} & set(found)
    (pod,) = [pod for _, pod in pods([one(manifests, "CronJob", "-monthly")])]
    assert {"name": "config", "configMap": {"name": "wetread"}} in pod["volumes"]


def test_in_the_embedded_form_validation_runs_beside_the_one_pod_on_its_volume(
    helm4: Helm,
) -> None:
    manifests = helm4.template("edge", jobs={"validation": [VALIDATION]})
    (pod,) = [pod for _, pod in pods([one(manifests, "Job")])]
    (term,) = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    labels = one(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert term["labelSelector"]["matchLabels"].items() <= labels.items()
    claims = {
        each["name"]: each["persistentVolumeClaim"]["claimName"]
        for each in pod["volumes"]
        if "persistentVolumeClaim" in each
    }
    assert claims == {"data": "images", "home": "home-wetread-0"}


@pytest.mark.parametrize(
    "values",
    [
        {"resourceClasses": {"medium": {"resources": {"requests": {"memory": "9Gi"}}}}},
        {"commonLabels": {"hospital": "north"}},
        {"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}]},
        {"models": {"existingClaim": "models"}},
    ],
    ids=lambda values: next(iter(values)),
)
def test_kubernetes_is_never_asked_to_change_a_job(helm4: Helm, values: dict[str, Any]) -> None:
    def jobs(**more: Any) -> dict[str, Any]:
        manifests = helm4.template("gpu", jobs={"validation": [VALIDATION]}, **more)
        found = [each for each in manifests if each["kind"] == "Job"]
        return {
            each["metadata"]["name"]: each["spec"]
            for each in found
            if "helm.sh/hook" not in each["metadata"].get("annotations", {})
        }

    before, after = jobs(), jobs(**values)
    assert before == jobs()
    for name in before.keys() & after.keys():
        assert before[name] == after[name]


def test_a_job_whose_name_is_too_long_for_kubernetes_is_refused(helm4: Helm) -> None:
    long = VALIDATION | {"name": "n" * 50, "schedule": "0 3 1 * *"}
    with pytest.raises(Refused, match="too long"):
        helm4.template("gpu", jobs={"validation": [long]})


def test_a_model_is_trained(helm4: Helm) -> None:
    manifests = helm4.template("gpu")
    name = next(
        each["metadata"]["name"]
        for each in manifests
        if each["kind"] == "Job" and "-contrast-" in each["metadata"]["name"]
    )
    assert container(manifests, "Job", name)["args"] == [
        *("train", "ct-contrast", "--data", "/data/ct", "--resume", "--out", "/data/runs")
    ]
    # Training computes on the CPU.
    assert container(manifests, "Job", name)["image"] == "wetread:0.1.0"
