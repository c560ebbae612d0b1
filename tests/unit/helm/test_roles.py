"""One pod with all roles, or three roles over a database and an archive that they share."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from inference.persistence.engine import Database, sqlite_url
from inference.persistence.migrate import migrate
from tests.support.helm import CHART, Helm, container, environment, kinds, one, pods

ROLES = ("receiver", "web", "worker")


def test_without_a_word_it_is_one_pod_with_all_roles(helm4: Helm) -> None:
    manifests = helm4.template()
    assert "Deployment" not in kinds(manifests)
    spec = one(manifests, "StatefulSet")["spec"]
    assert spec["replicas"] == 1
    assert container(manifests, "StatefulSet")["args"] == ["serve"]
    assert spec["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_one_pod_has_nothing_of_the_grown_form(helm4: Helm) -> None:
    found = kinds(helm4.template("edge"))
    assert not found & {"Job", "PodDisruptionBudget", "ScaledObject", "HorizontalPodAutoscaler"}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_a_deployment_of_the_same_image(helm4: Helm, role: str) -> None:
    manifests = helm4.template("group")
    found = container(manifests, "Deployment", f"-{role}")
    assert found["args"] == ["serve", "--role", role]
    assert found["image"] == "wetread:0.1.0"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_shows_that_it_lives_and_that_it_is_ready(helm4: Helm, role: str) -> None:
    found = container(helm4.template("group"), "Deployment", f"-{role}")
    probes = {
        name: found[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")
    }
    assert probes == {
        "startup": {"path": "/healthz", "port": "http"},
        "liveness": {"path": "/healthz", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
    }


def test_only_receivers_take_dicom(helm4: Helm) -> None:
    manifests = helm4.template("group")
    ports = {
        role: {each["name"] for each in container(manifests, "Deployment", f"-{role}")["ports"]}
        for role in ROLES
    }
    assert ports == {"receiver": {"dimse", "http"}, "web": {"http"}, "worker": {"http"}}


@pytest.mark.parametrize("example", ["edge", "department", "group"])
def test_the_senders_address_is_kept(helm4: Helm, example: str) -> None:
    service = one(helm4.template(example), "Service", "-receiver")["spec"]
    assert service["type"] in ("LoadBalancer", "NodePort")
    assert service["externalTrafficPolicy"] == "Local"


@pytest.mark.parametrize("example", ["edge", "group"])
def test_services_find_their_pods(helm4: Helm, example: str) -> None:
    manifests = helm4.template(example)
    labels = [
        (each["spec"]["template"]["metadata"]["labels"], each["spec"]["template"]["spec"])
        for each in manifests
        if each["kind"] in ("Deployment", "StatefulSet")
    ]
    for service in (each["spec"] for each in manifests if each["kind"] == "Service"):
        found = [pod for label, pod in labels if service["selector"].items() <= label.items()]
        assert found
        for pod in found:
            names = {port["name"] for each in pod["containers"] for port in each["ports"]}
            assert {port["targetPort"] for port in service["ports"]} <= names


def test_a_worker_is_scaled_by_the_depth_of_its_queue_to_zero_and_back(helm4: Helm) -> None:
    manifests = helm4.template("group")
    spec = one(manifests, "ScaledObject")["spec"]
    assert (
        spec["scaleTargetRef"]["name"]
        == one(manifests, "Deployment", "-worker")["metadata"]["name"]
    )
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 12)
    (trigger,) = spec["triggers"]
    assert trigger["metadata"]["activationTargetQueryValue"] == "0"
    assert trigger["metadata"]["targetQueryValue"] == "4"
    assert "replicas" not in one(manifests, "Deployment", "-worker")["spec"]


def test_keda_asks_with_the_services_own_secret(helm4: Helm) -> None:
    (reference,) = one(helm4.template("group"), "TriggerAuthentication")["spec"]["secretTargetRef"]
    assert reference == {"parameter": "connection", "name": "wetread-database", "key": "url"}


def test_the_query_that_keda_asks_counts_what_waits_and_what_runs(
    helm4: Helm, tmp_path: Path
) -> None:
    (trigger,) = one(helm4.template("group"), "ScaledObject")["spec"]["triggers"]
    assert trigger["metadata"]["query"] == (CHART / "files" / "queue_depth.sql").read_text().strip()
    database = Database(sqlite_url(tmp_path / "wetread.db"))
    migrate(database)
    database.close()
    with sqlite3.connect(tmp_path / "wetread.db") as connection:
        assert connection.execute(trigger["metadata"]["query"]).fetchone() == (0,)
    connection.close()


def test_without_keda_the_load_scales_or_nothing_does(helm4: Helm) -> None:
    by_load = one(helm4.template("department"), "HorizontalPodAutoscaler")["spec"]
    assert (by_load["minReplicas"], by_load["maxReplicas"]) == (1, 3)
    fixed = helm4.template("group", worker={"replicas": 5, "autoscaling": {"type": "none"}})
    assert not kinds(fixed) & {"ScaledObject", "HorizontalPodAutoscaler"}
    assert one(fixed, "Deployment", "-worker")["spec"]["replicas"] == 5


def test_the_database_is_brought_up_before_the_release(helm4: Helm) -> None:
    manifests = helm4.template("group")
    job = one(manifests, "Job", "-migration")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert container(manifests, "Job", "-migration")["args"] == ["migrate"]
    for role in ROLES:
        found = environment(container(manifests, "Deployment", f"-{role}"))
        assert found["WETREAD_MIGRATE_ON_START"] == "false"


def test_the_migration_needs_nothing_that_the_release_brings(helm4: Helm) -> None:
    manifests = helm4.template("group", serviceAccount={"create": True})
    (pod,) = [pod for name, pod in pods([one(manifests, "Job", "-migration")])]
    names = {each["metadata"]["name"] for each in manifests}
    assert "serviceAccountName" not in pod
    sources = [each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each]
    assert sources == ["group-ca"]
    assert not names & set(sources)


def test_a_database_inside_is_not_there_before_so_the_pods_bring_it_up(helm4: Helm) -> None:
    manifests = helm4.template("trial")
    assert "Job" not in kinds(manifests)
    found = environment(container(manifests, "Deployment", "-receiver"))
    assert found["WETREAD_MIGRATE_ON_START"] == "true"


def test_a_gpu_class_brings_the_cuda_image_its_nodes_and_its_runtime(helm4: Helm) -> None:
    manifests = helm4.template("gpu")
    (pod,) = [pod for _, pod in pods([one(manifests, "Deployment", "-worker")])]
    assert pod["containers"][0]["image"] == "wetread:0.1.0-cuda"
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/mig-1g.18gb"] == 1
    assert pod["runtimeClassName"] == "nvidia"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-H200-MIG-1g.18gb"}
    assert container(manifests, "Deployment", "-receiver")["image"] == "wetread:0.1.0"


def test_a_digest_goes_before_the_tags(helm4: Helm) -> None:
    digest = "sha256:" + "0" * 64
    manifests = helm4.template("gpu", image={"digest": digest})
    assert container(manifests, "Deployment", "-worker")["image"] == f"wetread@{digest}"


def test_a_shared_volume_is_mounted_by_every_role_and_kept_when_the_release_goes(
    helm4: Helm,
) -> None:
    manifests = helm4.template("department")
    claim = one(manifests, "PersistentVolumeClaim", "-archive")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for role in ROLES:
        found = container(manifests, "Deployment", f"-{role}")
        mounts = {each["mountPath"] for each in found["volumeMounts"]}
        assert environment(found)["WETREAD_ARCHIVE"] in mounts


def test_hospitals_share_a_bucket_by_a_prefix_of_their_own(helm4: Helm) -> None:
    found = environment(container(helm4.template("group"), "Deployment", "-receiver"))
    assert found["WETREAD_ARCHIVE"] == "s3://wetread/north"


def test_a_change_of_settings_starts_new_pods(helm4: Helm) -> None:
    def checksum(**settings: Any) -> str:
        manifest = one(helm4.template("group", settings=settings), "Deployment", "-web")
        return str(manifest["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum()
    assert checksum() != checksum(quiet_seconds=99)


@pytest.mark.parametrize("role", ROLES)
def test_a_drained_node_takes_one_pod_of_a_role_at_a_time(helm4: Helm, role: str) -> None:
    manifests = helm4.template("group")
    budget = one(manifests, "PodDisruptionBudget", f"-{role}")["spec"]
    deployment = one(manifests, "Deployment", f"-{role}")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == deployment["selector"]


@pytest.mark.parametrize("role", ROLES)
def test_pods_of_a_role_go_on_different_nodes_and_zones(helm4: Helm, role: str) -> None:
    deployment = one(helm4.template("group"), "Deployment", f"-{role}")["spec"]
    constraints = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in constraints] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    assert all(each["labelSelector"] == deployment["selector"] for each in constraints)


def test_a_hospital_has_a_quota(helm4: Helm) -> None:
    hard = one(helm4.template("group"), "ResourceQuota")["spec"]["hard"]
    assert hard["requests.memory"] == "256Gi"


def test_a_worker_makes_room_before_the_next_one_starts(helm4: Helm) -> None:
    manifests = helm4.template("gpu")
    found = {
        role: one(manifests, "Deployment", f"-{role}")["spec"]["strategy"]["rollingUpdate"]
        for role in ROLES
    }
    assert found["worker"] == {"maxUnavailable": "25%", "maxSurge": 0}
    assert found["receiver"] == found["web"] == {"maxUnavailable": 0, "maxSurge": 1}


@pytest.mark.parametrize("example", ["edge", "department", "trial"])
def test_a_pod_that_never_became_ready_is_replaced_all_the_same(helm4: Helm, example: str) -> None:
    found = [each for each in helm4.template(example) if each["kind"] == "StatefulSet"]
    assert found
    assert {each["spec"]["podManagementPolicy"] for each in found} == {"Parallel"}


def test_a_gpu_that_the_driver_does_not_show_is_no_reason_to_read_on_the_cpu(helm4: Helm) -> None:
    manifests = helm4.template("gpu")
    assert environment(container(manifests, "Deployment", "-worker"))["WETREAD_DEVICE"] == "cuda"
    name = next(
        each["metadata"]["name"]
        for each in manifests
        if each["kind"] == "Job" and "-chest-" in each["metadata"]["name"]
    )
    assert environment(container(manifests, "Job", name))["WETREAD_DEVICE"] == "cuda"
    assert "WETREAD_DEVICE" not in environment(container(manifests, "Deployment", "-receiver"))
    said = helm4.template("gpu", settings={"device": "cuda:0"})
    assert "WETREAD_DEVICE" not in environment(container(said, "Deployment", "-worker"))


@pytest.mark.parametrize(("example", "seconds"), [("edge", 1800), ("trial", 1800), ("group", 300)])
def test_a_pod_that_brings_the_database_up_has_the_time_for_it(
    helm4: Helm, example: str, seconds: int
) -> None:
    manifests = helm4.template(example)
    kind, name = ("StatefulSet", "wetread") if example == "edge" else ("Deployment", "-receiver")
    probe = container(manifests, kind, name)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == seconds


def test_orthanc_inside_is_followed_and_delivered_to(helm4: Helm) -> None:
    manifests = helm4.template("department")
    (peer,) = json.loads(
        environment(container(manifests, "Deployment", "-receiver"))["WETREAD_ORTHANC"]
    )
    assert peer["url"] == "http://wetread-orthanc:8042"
    assert one(manifests, "Service", "-orthanc")["spec"]["ports"][0]["port"] == 8042


def test_orthanc_keeps_its_index_in_postgresql_and_its_passwords_in_the_environment(
    helm4: Helm,
) -> None:
    manifests = helm4.template("department")
    configuration = json.loads(one(manifests, "ConfigMap", "-orthanc")["data"]["orthanc.json"])
    assert configuration["PostgreSQL"]["Password"] == "${ORTHANC_DATABASE_PASSWORD}"
    assert configuration["RegisteredUsers"] == {"wetread": "${ORTHANC_PASSWORD}"}
    found = environment(container(manifests, "StatefulSet", "-orthanc"))
    assert found["ORTHANC_PASSWORD"]["secretKeyRef"]["name"] == "wetread-orthanc"
    assert found["ORTHANC_DATABASE_PASSWORD"]["secretKeyRef"]["name"] == "wetread-orthanc-database"


def test_orthanc_is_of_a_version_without_the_known_holes(helm4: Helm) -> None:
    image = container(helm4.template("department"), "StatefulSet", "-orthanc")["image"]
    year, month = image.rpartition(":")[2].split(".")[:2]
    assert (int(year), int(month)) >= (26, 8)  # Orthanc 1.13.0; 1.12.11 is the oldest to use


def test_helm_test_sends_a_study_and_waits_for_its_report(helm4: Helm) -> None:
    manifests = helm4.template("group")
    pod = one(manifests, "Pod", "-test")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    found = environment(container(manifests, "Pod", "-test"))
    service = one(manifests, "Service", "-receiver")
    assert found["TEST_HOST"] == service["metadata"]["name"]
    assert found["TEST_PORT"] == str(service["spec"]["ports"][0]["port"])
    assert found["TEST_AE_TITLE"] == "NORTH_AI"
    # Helm 3 asks for the log when it has deleted what is to be deleted.
    policy = pod["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert policy == "before-hook-creation"
    script = one(manifests, "ConfigMap", "-test")["data"]["send_study.py"]
    compile(script, "send_study.py", "exec")


def test_helm_test_goes_where_its_class_says(helm4: Helm) -> None:
    toleration = {"key": "radiology", "operator": "Exists"}
    small = {"tolerations": [toleration], "nodeSelector": {"pool": "radiology"}}
    (pod,) = [
        pod
        for _, pod in pods([one(helm4.template(resourceClasses={"small": small}), "Pod", "-test")])
    ]
    assert pod["tolerations"] == [toleration]
    assert pod["nodeSelector"] == {"pool": "radiology"}
