"""Pods have no more rights than they need, secrets stay where they are, the network is closed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.helm import CI, Helm, Manifest, Refused, containers, environment, one, pods

EXAMPLES = ["", *CI]
ORTHANC: dict[str, Any] = {"enabled": True, "existingSecret": {"name": "any"}}
OUTSIDE = {"host": "db.example", "existingSecret": {"name": "any"}}
NODE_PORT = {"type": "NodePort"}
NOBODY = {"receiver": {"allowedCidrs": []}}
TRAINING = {
    "name": "contrast",
    "config": "ct-contrast",
    "claim": "images",
    "data": "ct",
    "out": "runs",
    "resourceClass": "gpu-large",
}
# Pod Security Standards, restricted: what volumes may be.
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def breaches(pod: Manifest) -> Iterator[str]:
    """Yield what the standard "restricted" forbids in this pod."""
    whole = pod.get("securityContext", {})
    if any(pod.get(each) for each in ("hostNetwork", "hostPID", "hostIPC")):
        yield "uses the host's namespaces"
    if whole.get("sysctls"):
        yield "sets sysctls"
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= _VOLUMES:
            yield f"has a volume of the kind {set(volume) - {'name'}}"
    for each in containers(pod):
        own = each.get("securityContext", {})
        context = whole | own
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
            yield "may gain privileges"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield "keeps capabilities"
        if context.get("runAsNonRoot") is not True or context.get("runAsUser", 1) == 0:
            yield "may run as root"
        if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield "has no seccomp profile"
        if any("hostPort" in port for port in each.get("ports", [])):
            yield "takes a port of the host"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_pod_is_within_the_restricted_standard(helm4: Helm, example: str) -> None:
    found = list(pods(helm4.template(*filter(None, [example]))))
    assert found
    for name, pod in found:
        assert not list(breaches(pod)), name


def test_the_check_of_the_standard_sees_what_it_should() -> None:
    pod = {"hostNetwork": True, "containers": [{"name": "any"}], "volumes": [{"hostPath": {}}]}
    assert len(list(breaches(pod))) == 6


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_pod_has_a_root_that_cannot_be_written(helm4: Helm, example: str) -> None:
    for name, pod in pods(helm4.template(*filter(None, [example]))):
        for each in containers(pod):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True, name


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_pod_gets_a_token_of_the_cluster(helm4: Helm, example: str) -> None:
    for name, pod in pods(helm4.template(*filter(None, [example]))):
        assert pod["automountServiceAccountToken"] is False, name


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_container_says_what_it_needs_and_where_it_ends(helm4: Helm, example: str) -> None:
    for name, pod in pods(helm4.template(*filter(None, [example]))):
        for each in containers(pod):
            assert {"cpu", "memory"} <= set(each["resources"]["requests"]), name
            assert "memory" in each["resources"]["limits"], name


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_secret_is_in_any_manifest(helm4: Helm, example: str) -> None:
    manifests = helm4.template(*filter(None, [example]))
    assert "Secret" not in {each["kind"] for each in manifests}
    for _, pod in pods(manifests):
        for each in containers(pod):
            for name, value in environment(each | {"env": each.get("env", [])}).items():
                if re.search(r"PASSWORD|SECRET|ACCESS_KEY|^DATABASE_URL$", name):
                    assert "secretKeyRef" in value, name
                if name == "WETREAD_DATABASE_URL" and isinstance(value, str):
                    assert re.search(r":\$\([A-Z_]+\)@", value), value
                if name == "WETREAD_ORTHANC":
                    passwords = {peer["password"] for peer in json.loads(value)}
                    assert all(re.fullmatch(r"\$\([A-Z0-9_]+\)", each) for each in passwords)


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_is_put_into_a_variable_is_defined_before_it(helm4: Helm, example: str) -> None:
    for name, pod in pods(helm4.template(*filter(None, [example]))):
        for each in containers(pod):
            seen: set[str] = set()
            for variable in each.get("env", []):
                used = re.findall(r"\$\(([A-Z0-9_]+)\)", str(variable.get("value", "")))
                assert set(used) <= seen, name
                seen.add(variable["name"])


def test_a_password_cannot_be_given_as_a_value(helm: Helm) -> None:
    peer = {"name": "pacs", "url": "http://pacs", "password": "sesame"}
    with pytest.raises(Refused, match="password"):
        helm.template(peers={"orthanc": [peer]})


def test_nothing_comes_in_or_goes_out_but_what_is_named(helm4: Helm) -> None:
    policy = one(helm4.template("group"), "NetworkPolicy", "wetread")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert set(policy["spec"]["podSelector"]["matchLabels"]) == {
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
    }
    cidrs = [
        peer["ipBlock"]["cidr"]
        for rule in policy["spec"]["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
    assert cidrs == ["169.254.20.10/32", "10.1.0.10/32", "10.1.0.20/32", "10.31.2.0/24"]


def test_dicom_comes_in_only_from_where_the_values_say(helm4: Helm) -> None:
    manifests = helm4.template("group")
    (rule,) = one(manifests, "NetworkPolicy", "-receiver")["spec"]["ingress"]
    assert rule == {
        "from": [{"ipBlock": {"cidr": "10.31.0.0/16"}}],
        "ports": [{"port": "dimse", "protocol": "TCP"}],
    }
    service = one(manifests, "Service", "-receiver")["spec"]
    assert service["loadBalancerSourceRanges"] == ["10.31.0.0/16"]


def test_without_a_range_nobody_from_outside_may_send(helm4: Helm) -> None:
    manifests = helm4.template(receiver={"allowedCidrs": []})
    names = [each["metadata"]["name"] for each in manifests if each["kind"] == "NetworkPolicy"]
    assert names == ["wetread"]


def test_keda_may_ask_the_queue_inside(helm4: Helm) -> None:
    (rule,) = one(helm4.template("trial"), "NetworkPolicy", "-postgresql")["spec"]["ingress"]
    (sender,) = rule["from"]
    assert sender["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "keda"}


@pytest.mark.parametrize(
    ("example", "values", "why"),
    [
        ("group", {"networkPolicy": {"egress": []}}, "would not be reached"),
        ("edge", {"networkPolicy": {"egress": []}}, "no result would reach"),
        ("", {"form": "grown"}, "needs database.existingSecret.name"),
        ("group", {"archive": {"s3": {"bucket": ""}}}, "needs archive.s3.bucket"),
        ("edge", {"database": {"trial": {"enabled": True}}}, "keeps its own database"),
        ("", {"orthanc": {"enabled": True}}, "needs orthanc.existingSecret.name"),
        ("", {"orthanc": ORTHANC | {"database": OUTSIDE}}, "Orthanc would not reach"),
        ("", {"orthanc": ORTHANC | {"service": NODE_PORT}} | NOBODY, "nobody from outside"),
        ("", {"networkPolicy": {"enabled": False}} | NOBODY, "anybody could send"),
        ("edge", {"web": {"allowedFrom": []}}, "the ingress controller would not come in"),
        ("edge", {"web": {"ingress": {"hosts": []}}}, "needs web.ingress.hosts"),
        ("group", {"networkPolicy": {"metricsFrom": []}}, "Prometheus would not come in"),
        ("edge", {"settings": {"drain_seconds": 600}}, "kills a worker before"),
        ("group", {"worker": {"terminationGracePeriodSeconds": 60}}, "kills a worker before"),
        ("department", {"worker": {"resourceClass": "large"}}, "hpa would never add a worker"),
        ("gpu", {"jobs": {"training": [TRAINING]}}, "training computes on the CPU"),
        ("department", {"worker": {"autoscaling": {"minReplicas": 0}}}, "needs type: keda"),
        ("group", {"worker": {"resourceClass": "enormous"}}, 'no resource class "enormous"'),
    ],
)
def test_what_would_not_run_is_refused_before_it_is_installed(
    helm: Helm, example: str, values: dict[str, Any], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        helm.template(*filter(None, [example]), **values)


@pytest.mark.parametrize(
    ("example", "values"),
    [
        *((each, {}) for each in EXAMPLES),
        ("", NOBODY),
        ("department", {"orthanc": {"service": NODE_PORT}}),
        ("trial", NOBODY),
    ],
)
def test_no_rule_of_the_network_is_open_to_all(
    helm4: Helm, example: str, values: dict[str, Any]
) -> None:
    for manifest in helm4.template(*filter(None, [example]), **values):
        if manifest["kind"] == "NetworkPolicy":
            spec = manifest["spec"]
            rules = [(each, "from") for each in spec["ingress"]]
            rules += [(each, "to") for each in spec.get("egress", [])]
            # Where nobody is named, everybody is meant.
            assert all(rule.get(peers) for rule, peers in rules), manifest["metadata"]["name"]


def test_who_has_the_address_of_a_node_is_let_in_by_it(helm4: Helm) -> None:
    manifests = helm4.template(
        "edge",
        web={"allowedFrom": [{"cidr": "10.0.0.0/24"}]},
        networkPolicy={"metricsFrom": [{"cidr": "10.0.1.0/24"}]},
    )
    (pages,) = one(manifests, "NetworkPolicy", "-web")["spec"]["ingress"]
    assert pages["from"] == [{"ipBlock": {"cidr": "10.0.0.0/24"}}]
    rules = one(manifests, "NetworkPolicy", "wetread")["spec"]["ingress"]
    assert [{"ipBlock": {"cidr": "10.0.1.0/24"}}] in [each["from"] for each in rules]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_image_can_be_pulled_from_a_registry_that_asks_for_a_password(
    helm4: Helm, example: str
) -> None:
    secrets = {"image": {"pullSecrets": ["registry"]}, "retention": {"enabled": True}}
    for name, pod in pods(helm4.template(*filter(None, [example]), **secrets)):
        assert pod["imagePullSecrets"] == [{"name": "registry"}], name


@pytest.mark.parametrize("example", CI)
def test_a_reviewer_is_who_the_controller_says_and_not_the_browser(
    helm4: Helm, example: str
) -> None:
    manifests = helm4.template(example)
    text = next(
        each["data"]["wetread.toml"]
        for each in manifests
        if each["kind"] == "ConfigMap" and "wetread.toml" in each["data"]
    )
    if header := tomllib.loads(text).get("reviewer_header"):
        annotations = one(manifests, "Ingress")["metadata"]["annotations"]
        assert annotations["nginx.ingress.kubernetes.io/auth-response-headers"] == header
