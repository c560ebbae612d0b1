"""The network is closed but for what is named, and what would not run is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.helm import CI, Helm, Refused, one

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


def test_the_migration_reaches_a_database_that_the_release_before_did_not_name(helm4: Helm) -> None:
    manifests = helm4.template("group")
    policy, job = (one(manifests, kind, "-migration") for kind in ("NetworkPolicy", "Job"))
    hooks = [each["metadata"]["annotations"] for each in (policy, job)]
    assert hooks[0]["helm.sh/hook"] == hooks[1]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert int(hooks[0]["helm.sh/hook-weight"]) < int(hooks[1].get("helm.sh/hook-weight", "0"))
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    of_release = one(manifests, "NetworkPolicy", "wetread")["spec"]["egress"]
    assert policy["spec"]["egress"] == of_release[1:]  # all but the release's own pods


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
        ("edge", {"archive": {"s3": {"bucket": "images"}}}, "keeps its own database, archive"),
        ("edge", {"models": {"existingClaim": "group-models"}}, "keeps its own database, archive"),
        ("trial", {"database": {"existingSecret": {"name": "any"}}}, "names another database"),
        ("trial", {"archive": {"s3": {"endpointUrl": "https://s3"}}}, "names another store"),
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
        ("group", {"worker": {"scratchSize": "10Gi"}}, "its pods would be evicted"),
        ("group", {"web": {"scratchSize": "500M"}}, "its pods would be evicted"),
        ("gpu", {"settings": {"archive_cache_mb": 20480}}, "its pods would be evicted"),
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
            rules = [(each, "from") for each in spec.get("ingress", [])]
            rules += [(each, "to") for each in spec.get("egress", [])]
            # Where nobody is named, everybody is meant.
            assert all(rule.get(peers) for rule, peers in rules), manifest["metadata"]["name"]


@pytest.mark.parametrize(
    ("example", "size", "cache"),
    [
        ("group", "11Gi", 10240),
        ("group", "2Ti", 10240),
        ("gpu", "3G", 1000),
        ("department", "1Gi", 0),
    ],
)
def test_a_scratch_volume_that_holds_the_cache_is_taken(
    helm: Helm, example: str, size: str, cache: int
) -> None:
    roles = {role: {"scratchSize": size} for role in ("receiver", "web", "worker")}
    assert helm.template(example, settings={"archive_cache_mb": cache}, **roles)


def test_who_has_the_address_of_a_node_is_let_in_by_it(helm4: Helm) -> None:
    manifests = helm4.template(
        "edge",
        web={"allowedFrom": [{"cidr": "10.0.0.0/24"}]},
        networkPolicy={"metricsFrom": [{"cidr": "10.0.1.0/24"}]},
    )
    (pages,) = one(manifests, "NetworkPolicy", "-web")["spec"]["ingress"]
    assert pages["from"] == [{"ipBlock": {"cidr": "10.0.0.0/24"}}]
    (metrics,) = one(manifests, "NetworkPolicy", "-metrics")["spec"]["ingress"]
    assert metrics["from"] == [{"ipBlock": {"cidr": "10.0.1.0/24"}}]
