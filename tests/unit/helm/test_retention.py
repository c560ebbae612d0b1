"""Retention in the chart: when it runs, where, and what it is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.helm import Helm, Manifest, Refused, one

ON = {"retention": {"enabled": True}}


def cron_job(manifests: list[Manifest]) -> Any:
    return one(manifests, "CronJob", "-retention")["spec"]


def pod(manifests: list[Manifest]) -> Any:
    return cron_job(manifests)["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("example", ["edge", "gpu", "trial"])
def test_nothing_is_removed_unless_it_is_asked_for(helm4: Helm, example: str) -> None:
    names = [each["metadata"]["name"] for each in helm4.template(example)]
    assert not [name for name in names if "retention" in name]


def test_two_runs_never_overlap_and_none_runs_for_ever(helm4: Helm) -> None:
    spec = cron_job(helm4.template("group"))
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["schedule"] == "30 2 * * *"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 14400


def test_the_command_is_told_how_old_a_study_has_to_be(helm4: Helm) -> None:
    (container,) = pod(helm4.template("department"))["containers"]
    assert container["args"] == ["retention", "--days", "365"]
    more = helm4.template("edge", retention={"enabled": True, "days": 7, "reviewed": True})
    (container,) = pod(more)["containers"]
    assert container["args"] == ["retention", "--days", "7", "--reviewed"]


@pytest.mark.parametrize("days", [0, -1, 1.5, "7"])
def test_a_number_of_days_that_makes_no_sense_is_refused(helm4: Helm, days: object) -> None:
    with pytest.raises(Refused, match="days"):
        helm4.template("edge", retention={"enabled": True, "days": days})


def test_it_has_the_database_the_archive_and_the_peers_of_the_service(helm4: Helm) -> None:
    manifests = helm4.template("group")
    worker = one(manifests, "Deployment", "-worker")["spec"]["template"]["spec"]
    (container,), (other,) = pod(manifests)["containers"], worker["containers"]
    assert container["env"] == other["env"]
    assert pod(manifests)["serviceAccountName"] == worker["serviceAccountName"]
    assert {each["mountPath"] for each in container["volumeMounts"]} >= {
        "/etc/wetread",
        "/etc/wetread-ca",
        "/var/lib/wetread",
    }


def test_a_shared_volume_is_mounted_as_the_workers_have_it(helm4: Helm) -> None:
    (claim,) = (
        each["persistentVolumeClaim"]["claimName"]
        for each in pod(helm4.template("department"))["volumes"]
        if each["name"] == "archive"
    )
    assert claim == "wetread-archive"


def test_in_the_embedded_form_it_runs_where_the_one_pod_runs_on_its_volume(helm4: Helm) -> None:
    manifests = helm4.template("edge", **ON)
    spec = pod(manifests)
    (term,) = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    stateful = one(manifests, "StatefulSet", "wetread")
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    assert term["labelSelector"]["matchLabels"].items() <= labels.items()
    (home,) = (each for each in spec["volumes"] if each["name"] == "home")
    (template,) = stateful["spec"]["volumeClaimTemplates"]
    name = f"{template['metadata']['name']}-{stateful['metadata']['name']}-0"
    assert home["persistentVolumeClaim"]["claimName"] == name
    assert stateful["spec"]["replicas"] == 1


def test_it_gets_onto_a_tainted_node_that_the_embedded_pod_is_on(helm4: Helm) -> None:
    taint = {"key": "radiology", "operator": "Exists"}
    manifests = helm4.template("edge", **ON, embedded={"tolerations": [taint]})
    assert pod(manifests)["tolerations"] == [taint]


@pytest.mark.parametrize("example", ["edge", "group"])
def test_the_network_policy_of_the_release_is_its_own(helm4: Helm, example: str) -> None:
    manifests = helm4.template(example, **ON)
    policy = one(manifests, "NetworkPolicy", "wetread")["spec"]
    labels = cron_job(manifests)["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert "Egress" in policy["policyTypes"]


@pytest.mark.parametrize("example", ["edge", "group"])
def test_no_service_and_no_monitor_takes_its_pod_for_one_of_theirs(
    helm4: Helm, example: str
) -> None:
    manifests = helm4.template(example, **ON)
    labels = cron_job(manifests)["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    for each in manifests:
        if each["kind"] == "Service":
            assert not each["spec"]["selector"].items() <= labels.items()
    assert "wetread/metrics" not in labels


def test_a_class_that_is_not_there_is_refused(helm4: Helm) -> None:
    with pytest.raises(Refused, match="enormous"):
        helm4.template("edge", retention={"enabled": True, "resourceClass": "enormous"})
