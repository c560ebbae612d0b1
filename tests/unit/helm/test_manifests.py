"""The chart renders what Kubernetes takes, with Helm 3 and Helm 4."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.support.crds import SCHEMAS
from tests.support.helm import CHART, CI, Helm, Manifest, Refused, program

OLDEST = "1.30"
NEWEST = kubernetes_validate.latest_version()
EXAMPLES = ["", *CI]


def rendered(helm: Helm, example: str) -> list[Manifest]:
    return helm.template(*filter(None, [example]))


@pytest.mark.parametrize("example", CI)
def test_lint_has_nothing_to_say(helm: Helm, example: str) -> None:
    values = CHART / "ci" / f"{example}-values.yaml"
    helm.run("lint", "--strict", CHART, "--values", values)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("example", EXAMPLES)
def test_kubernetes_takes_every_manifest(helm: Helm, example: str, version: str) -> None:
    for manifest in rendered(helm, example):
        if manifest["kind"] not in SCHEMAS:
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_operators_take_every_custom_resource(helm: Helm, example: str) -> None:
    for manifest in rendered(helm, example):
        if manifest["kind"] in SCHEMAS:
            jsonschema.validate(manifest, SCHEMAS[manifest["kind"]])


@pytest.mark.parametrize("example", EXAMPLES)
def test_both_versions_of_helm_render_the_same(example: str) -> None:
    assert rendered(Helm(3), example) == rendered(Helm(4), example)


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_two_objects_have_the_same_name(helm4: Helm, example: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered(helm4, example)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("example", EXAMPLES)
def test_everything_carries_the_recommended_labels(helm4: Helm, example: str) -> None:
    wanted = {"name", "instance", "version", "component", "part-of", "managed-by"}
    for manifest in rendered(helm4, example):
        labels = manifest["metadata"]["labels"]
        assert {f"app.kubernetes.io/{each}" for each in wanted} <= set(labels), manifest["kind"]


def test_two_releases_in_one_namespace_share_no_name(helm4: Helm) -> None:
    names = [
        {(each["kind"], each["metadata"]["name"]) for each in helm4.template("group", release=name)}
        for name in ("north", "south")
    ]
    assert not names[0] & names[1]


@pytest.mark.parametrize(
    "release", ["north.hospital", "a.b", "a" * 20 + ".wetread." + "b" * 20, "x" * 39 + ".y"]
)
def test_a_release_may_have_dots_in_its_name_and_a_service_has_none(
    helm: Helm, release: str
) -> None:
    for manifest in helm.template("department", release=release):
        name = manifest["metadata"]["name"]
        assert len(name) <= (52 if manifest["kind"] == "CronJob" else 63)
        if manifest["kind"] in ("Service", "StatefulSet", "Deployment", "Job", "CronJob"):
            assert re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", name), manifest["kind"]


@pytest.mark.parametrize("values", [{}, {"fullnameOverride": "North"}, {"nameOverride": "a_b"}])
def test_a_name_that_no_service_may_have_is_refused(helm4: Helm, values: dict[str, str]) -> None:
    with pytest.raises(Refused, match="say fullnameOverride"):
        helm4.template("department", release="north" if values else "3rd-floor", **values)


def test_the_example_for_argo_cd_renders(helm4: Helm, tmp_path: Path) -> None:
    application = yaml.safe_load((CHART / "examples" / "argocd.yaml").read_text())
    source = application["spec"]["source"]
    assert CHART.match(source["path"])
    (tmp_path / "values.json").write_text(json.dumps(source["helm"]["valuesObject"]))
    arguments: list[str | Path] = ["template", source["helm"]["releaseName"], CHART]
    for name in source["helm"]["valueFiles"]:
        arguments += ["--values", CHART / name]
    text = helm4.run(*arguments, "--values", tmp_path / "values.json")
    deployments = [each for each in yaml.safe_load_all(text) if each["kind"] == "Deployment"]
    ignored = {each["name"] for each in application["spec"]["ignoreDifferences"]}
    assert ignored <= {each["metadata"]["name"] for each in deployments}


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_notes_say_what_to_do_next(helm: Helm, example: str, tmp_path: Path) -> None:
    # Helm prints the notes when it installs, and that wants a cluster: here they are a manifest.
    chart = shutil.copytree(CHART, tmp_path / "wetread")
    text = (chart / "templates" / "NOTES.txt").read_text()
    (chart / "templates" / "_notes.tpl").write_text(f'{{{{ define "notes" }}}}{text}{{{{ end }}}}')
    (chart / "templates" / "notes.yaml").write_text('notes: {{ include "notes" . | toJson }}')
    arguments: list[str | Path] = ["--namespace", "radiology", "-s", "templates/notes.yaml"]
    if example:
        arguments += ["--values", CHART / "ci" / f"{example}-values.yaml"]
    notes = yaml.safe_load(helm.run("template", "wetread", chart, *arguments))["notes"]
    assert "helm test wetread -n radiology --logs --timeout 660s" in notes
    assert "For research use only" in notes
    assert "%!" not in notes
    print(notes)


def test_helm_is_of_the_version_that_it_is_taken_for(helm: Helm) -> None:
    assert program(helm.major).stat().st_mode & 0o111
    assert helm.run("version", "--short").startswith(f"v{helm.major}.")
