"""The settings of a training, read from TOML."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from inference.domain.errors import SettingsError

CONFIGS = Path(__file__).parent / "configs"  # of the shipped models, by name

_Section = TypeVar("_Section")


@dataclass(frozen=True, slots=True)
class Data:
    """`folder` is below the folder that the command names, and holds a `labels.csv`."""

    folder: str
    positive: str  # the value of the column `label`
    attribution: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Images of another source, scored once at the end. `about` is a sentence for the card."""

    name: str
    folder: str
    column: str
    positive: str
    about: str


@dataclass(frozen=True, slots=True)
class Network:
    architecture: str
    pretrained: bool = False  # ImageNet weights, EfficientNet-Lite0 only
    size: int = 224  # rows and columns, pixels
    dropout: float = 0.2
    mirror: bool = False  # average over the picture and its mirror image when serving


@dataclass(frozen=True, slots=True)
class Optimisation:
    epochs: int
    batch: int = 16  # images
    learning_rate: float = 4e-4  # at its peak
    warm_up: float = 0.5  # epochs
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    mixup: float = 0.2  # Beta(mixup, mixup); 0 for none
    average: float = 0.998  # decay of the moving average of the weights, per step
    seed: int = 20180301
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Validation:
    """`fraction` of the training patients; `sensitivity` is where the threshold is set."""

    fraction: float = 0.11
    sensitivity: float = 0.95


@dataclass(frozen=True, slots=True)
class Config:
    """`manifest` goes into `model.toml` as it stands, but for what training finds out.

    `limits` and `remarks` are sentences for the card: what the model cannot do, and what
    else is needed to make it again.
    """

    data: Data
    network: Network
    optimisation: Optimisation
    validation: Validation
    manifest: Mapping[str, Any]
    evaluation: tuple[Evaluation, ...] = ()
    limits: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def find_config(name: str) -> Path:
    """Return the configuration of a shipped model by its name, or the file of that path.

    Raises `SettingsError` that lists the names, if it is neither.
    """
    shipped = {path.stem: path for path in sorted(CONFIGS.glob("*.toml"))}
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if path.is_file():
        return path
    raise SettingsError(
        f"there is no training configuration {name!r}: give a file, or the name of a shipped "
        f"model: {', '.join(shipped)}"
    )


def read_config(path: Path) -> Config:
    """Raises `SettingsError` that names the key which is wrong."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"there is no training configuration {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name} is not TOML: {error}") from None
    unknown = set(raw) - {field.name for field in dataclasses.fields(Config)}
    if unknown:
        raise SettingsError(f"{path.name}: remove the unknown section [{min(unknown)}]")
    manifest = raw.get("manifest")
    if not isinstance(manifest, dict):
        raise SettingsError(f"{path.name}: the section [manifest] is missing")
    outputs = manifest.get("output")
    if not isinstance(outputs, list) or len(outputs) != 1:
        raise SettingsError(f"{path.name}: write one [[manifest.output]]: training knows one")
    for key in ("limits", "remarks"):
        sentences = raw.setdefault(key, [])
        if not isinstance(sentences, list) or not all(isinstance(each, str) for each in sentences):
            raise SettingsError(f"{path.name}: {key} must be a list of sentences")
    evaluation = raw.get("evaluation", [])
    if not isinstance(evaluation, list):
        raise SettingsError(f"{path.name}: write one [[evaluation]] or more, or none")
    return Config(
        data=_section(path, raw.get("data", {}), "data", Data),
        network=_section(path, raw.get("network", {}), "network", Network),
        optimisation=_section(path, raw.get("optimisation", {}), "optimisation", Optimisation),
        validation=_section(path, raw.get("validation", {}), "validation", Validation),
        manifest=manifest,
        evaluation=tuple(_section(path, each, "evaluation", Evaluation) for each in evaluation),
        limits=tuple(raw["limits"]),
        remarks=tuple(raw["remarks"]),
    )


def _section(path: Path, values: object, name: str, kind: type[_Section]) -> _Section:
    if not isinstance(values, dict):
        raise SettingsError(f"{path.name}: {name} must be a section, [{name}]")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in fields:
            raise SettingsError(f"{path.name}: remove the unknown key {name}.{key}")
        wanted = str(fields[key].type)
        given = type(value).__name__
        if given != wanted and not (wanted == "float" and given == "int"):
            raise SettingsError(f"{path.name}: {name}.{key} must be of type {wanted}, not {given}")
    missing = [
        key
        for key, field in fields.items()
        if key not in values and field.default is dataclasses.MISSING
    ]
    if missing:
        raise SettingsError(f"{path.name}: add {name}.{missing[0]}")
    return kind(**values)
