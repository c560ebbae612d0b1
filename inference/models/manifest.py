"""`model.toml`: read, checked key by key, and turned into the domain's `Manifest`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inference.domain.errors import ManifestError
from inference.domain.job import ModelId
from inference.domain.manifest import (
    BurnedIn,
    Format,
    InputNeeds,
    Manifest,
    Output,
    Policy,
    Population,
    Scope,
    Task,
)
from inference.domain.pooling import Pooling
from inference.domain.uid import derive_uid
from inference.models.combinations import check_explanation, check_recipe, usual_explanation
from inference.models.recipe import Recipe, parse_recipe
from inference.models.server import Server, parse_server
from inference.models.table import Table

FILE_NAME = "model.toml"

# They become folder names and parts of UIDs and titles, so they are kept plain.
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIX = {
    Format.STATE_DICT: ".safetensors",
    Format.TORCHSCRIPT: ".pt",
    Format.PT2: ".pt2",
    Format.ONNX: ".onnx",
}
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """`server` is None for weights that lie in a file."""

    manifest: Manifest
    recipe: Recipe
    server: Server | None = None


def read_model_file(path: Path) -> ModelFile:
    """Raises `ManifestError`: which key of which file is wrong, and what to write there."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"there is no {path.name} in {path.parent}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not TOML: {error}") from None
    return parse_model_file(raw, str(path))


def parse_model_file(raw: Mapping[str, Any], source: str) -> ModelFile:
    """Check the content of a `model.toml`; `source` is its name in messages."""
    top = Table(raw, source)
    name = top.text("name", _NAME, "lower case letters, digits and single hyphens")
    version = top.text("version", _VERSION, "numbers and dots, as in 1.0.0")
    form = top.choice("format", Format.STATE_DICT)
    weights, sha256 = _weights(top, form)
    server = parse_server(top.table("server")) if form is Format.OPEN_INFERENCE else None
    needs, population, recipe = (top.table(key) for key in ("needs", "population", "recipe"))
    outputs = tuple(_output(table) for table in top.tables("output"))
    names = [output.name for output in outputs]
    if len(set(names)) < len(names):
        top.refuse("output", "give every output another name")
    how = parse_recipe(recipe)
    task = top.choice("task", Task.CLASSIFICATION)
    manifest = Manifest(
        model=ModelId(name, version),
        title=top.text("title"),
        manufacturer=top.text("manufacturer"),
        architecture=top.text("architecture") if form is Format.STATE_DICT else "",
        weights_file=weights,
        weights_sha256=sha256,
        device_uid=_device_uid(name, version, sha256, server),
        calibration=top.text("calibration"),
        intended_use=top.text("intended_use"),
        licence=top.text("licence"),
        outputs=outputs,
        needs=InputNeeds(
            modality=needs.names("modality"),
            body_part=needs.names("body_part"),
            view=needs.names("view"),
            minimum_rows=needs.whole("minimum_rows", 1),
            minimum_columns=needs.whole("minimum_columns", 1),
            minimum_slices=needs.whole("minimum_slices", 1),
            body_part_known=needs.truth("body_part_known"),
            recognised=needs.kinds("recognised"),
            burned_in=needs.choice("burned_in", BurnedIn.FLAG),
        ),
        population=Population(
            description=population.text("description", default=""),
            age_years=population.interval("age_years"),
            outside=population.choice("outside", Policy.FLAG),
            unknown=population.choice("unknown", Policy.FLAG),
        ),
        gate=top.text("gate", default=""),
        format=form,
        task=task,
        reads=top.choice("reads", Scope.IMAGE),
        window=top.interval("window", (-65536, 65536)),
        pooling=top.choice("pooling", Pooling.MEAN),
        explanation=top.choice("explanation", usual_explanation(form, task, how.layout)),
    )
    if bool(manifest.gate) != bool(manifest.needs.recognised):
        top.refuse("gate", "write both this key and needs.recognised, or neither")
    check_explanation(top, manifest, how.layout)
    check_recipe(recipe, manifest, how)
    for table in (top, needs, population):
        table.close()
    if task is Task.DETECTION and how.batch != 1:
        how = replace(how, batch=1)  # detectors answer with as many boxes as there are
    return ModelFile(manifest, how, server)


def _weights(top: Table, form: Format) -> tuple[str, str]:
    """Return the file's name and its SHA-256, both "" where a server holds them."""
    if form is Format.OPEN_INFERENCE:
        return "", ""
    suffix = _SUFFIX.get(form)
    if suffix is None:
        weights = top.text("weights", _FOLDER, "the name of the bundle's folder or zip")
    else:
        pattern = re.compile(_FOLDER.pattern + re.escape(suffix))
        weights = top.text("weights", pattern, f"a file name that ends in {suffix}")
    return weights, top.text("weights_sha256", _SHA256, "64 digits, 0-9 and a-f")


def _device_uid(name: str, version: str, sha256: str, server: Server | None) -> str:
    if server is None:
        return derive_uid("device", name, version, sha256)
    return derive_uid("device", name, version, server.model, server.version)


def _output(table: Table) -> Output:
    output = Output(
        name=table.text("name", _NAME, "lower case letters, digits and single hyphens"),
        finding=table.code("finding"),
        site=table.code("site"),
        threshold=table.number("threshold", (0.0, 1.0)),
        category=table.code("category", needed=False),
    )
    table.close()
    return output
