"""Pods have no more rights than they need, and secrets stay where they are."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator

import kubernetes_validate
import pytest
import yaml

from tests.support.helm import (
    CHART,
    CI,
    Helm,
    Manifest,
    Refused,
    containers,
    environment,
    one,
    pods,
)
from wetread.cli.app import load

EXAMPLES = ["", *CI]
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


def test_the_job_that_moves_the_embedded_form_takes_its_volume_and_no_right(helm4: Helm) -> None:
    job = yaml.safe_load((CHART / "examples" / "move.yaml").read_text())
    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    ((_, pod),) = pods([job])
    assert not list(breaches(pod))
    (container,) = containers(pod)
    home = next(each for each in pod["volumes"] if each["name"] == "home")
    embedded = one(helm4.template("edge"), "StatefulSet")
    (template,) = embedded["spec"]["volumeClaimTemplates"]
    name = f"{template['metadata']['name']}-{embedded['metadata']['name']}-0"
    assert home["persistentVolumeClaim"]["claimName"] == name
    running = containers(embedded["spec"]["template"]["spec"])[0]
    assert container["image"] == running["image"]
    # What moves is the embedded form: its database is named by no variable.
    assert environment(container)["WETREAD_HOME"] == environment(running)["WETREAD_HOME"]
    assert "WETREAD_DATABASE_URL" not in environment(container)
    parsed = load(container["args"][0]).make_context("migrate", container["args"][1:])
    assert parsed.params["to"] == "$(DATABASE_URL)"
    assert parsed.params["archive"] == "s3://wetread"


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
