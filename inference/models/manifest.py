"""`model.toml`: read, checked key by key, and turned into the domain's `Manifest`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar, overload

from inference.domain.code import Code
from inference.domain.errors import ManifestError
from inference.domain.job import ModelId
from inference.domain.manifest import (
    Explanation,
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
from inference.domain.recognition import Kind
from inference.domain.uid import derive_uid

FILE_NAME = "model.toml"

_Choice = TypeVar("_Choice", bound=StrEnum)

# They become folder names and parts of UIDs and titles, so they are kept plain.
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WEIGHTS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.safetensors")
_SIZES = (32, 1024)  # pixels


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to run the weights, of concern to nobody outside `inference.models`.

    `size`: rows and columns of the network's input, pixels. `mirror`: average over the
    picture and its mirror image. `temperature` divides the logit.
    """

    size: int = 224
    mirror: bool = False
    temperature: float = 1.0


@dataclass(frozen=True, slots=True)
class ModelFile:
    manifest: Manifest
    recipe: Recipe


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
    top = _Table(raw, source)
    name = top.text("name", _NAME, "lower case letters, digits and single hyphens")
    version = top.text("version", _VERSION, "numbers and dots, as in 1.0.0")
    sha256 = top.text("weights_sha256", _SHA256, "64 digits, 0-9 and a-f")
    needs, population, recipe = (top.table(key) for key in ("needs", "population", "recipe"))
    outputs = tuple(_output(table) for table in top.tables("output"))
    names = [output.name for output in outputs]
    if len(set(names)) < len(names):
        top.refuse("output", "give every output another name")
    manifest = Manifest(
        model=ModelId(name, version),
        title=top.text("title"),
        manufacturer=top.text("manufacturer"),
        architecture=top.text("architecture"),
        weights_file=top.text("weights", _WEIGHTS, "a file name that ends in .safetensors"),
        weights_sha256=sha256,
        device_uid=derive_uid("device", name, version, sha256),
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
            recognised=needs.kinds("recognised"),
        ),
        population=Population(
            description=population.text("description", default=""),
            age_years=population.interval("age_years"),
            outside=population.choice("outside", Policy.FLAG),
            unknown=population.choice("unknown", Policy.FLAG),
        ),
        gate=top.text("gate", default=""),
        format=top.choice("format", Format.STATE_DICT),
        task=top.choice("task", Task.CLASSIFICATION),
        reads=top.choice("reads", Scope.IMAGE),
        window=top.interval("window", (-65536, 65536)),
        pooling=top.choice("pooling", Pooling.MEAN),
        explanation=top.choice("explanation", Explanation.GRAD_CAM),
    )
    if bool(manifest.gate) != bool(manifest.needs.recognised):
        top.refuse("gate", "write both this key and needs.recognised, or neither")
    how = Recipe(
        size=recipe.whole("size", 224, _SIZES),
        mirror=recipe.truth("mirror"),
        temperature=recipe.number("temperature", (0.01, 100.0), 1.0),
    )
    for table in (top, needs, population, recipe):
        table.close()
    return ModelFile(manifest, how)


def _output(table: _Table) -> Output:
    output = Output(
        name=table.text("name", _NAME, "lower case letters, digits and single hyphens"),
        finding=table.code("finding"),
        site=table.code("site"),
        threshold=table.number("threshold", (0.0, 1.0)),
        category=table.code("category", needed=False),
    )
    table.close()
    return output


class _Table:
    """One table of the file. Every reader takes its key away; `close` refuses the rest."""

    def __init__(self, raw: Mapping[str, Any], source: str, prefix: str = "") -> None:
        self._rest = dict(raw)
        self._source = source
        self._prefix = prefix

    def refuse(self, key: str, what_to_do: str) -> NoReturn:
        raise ManifestError(f"{self._source}: {self._prefix}{key}: {what_to_do}")

    def close(self) -> None:
        if self._rest:
            self.refuse(min(self._rest), "this key is not known; remove it")

    def text(
        self,
        key: str,
        pattern: re.Pattern[str] | None = None,
        form: str = "",
        default: str | None = None,
    ) -> str:
        value = self._rest.pop(key, default)
        if not isinstance(value, str) or (not value and default is None):
            self.refuse(key, f"write a text here{', ' + form if form else ''}")
        if pattern and not pattern.fullmatch(value):
            self.refuse(key, f"{value[:80]!r} cannot stand here; write {form}")
        return value

    def number(self, key: str, limits: tuple[float, float], default: float | None = None) -> float:
        value = self._rest.pop(key, default)
        low, high = limits
        # A bool is an int to Python.
        if type(value) not in (int, float) or not low <= value <= high:
            self.refuse(key, f"write a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, key: str, default: int, limits: tuple[int, int] = (1, 65535)) -> int:
        value = self._rest.pop(key, default)
        if type(value) is not int or not limits[0] <= value <= limits[1]:
            self.refuse(key, f"write a whole number from {limits[0]} to {limits[1]}")
        return value

    def truth(self, key: str) -> bool:
        value = self._rest.pop(key, False)
        if not isinstance(value, bool):
            self.refuse(key, "write true or false")
        return value

    def names(self, key: str) -> tuple[str, ...]:
        """Return the values in upper case."""
        value = self._rest.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            self.refuse(key, 'write a list of texts, as in ["CHEST"], or remove the key')
        return tuple(each.upper() for each in value)

    def kinds(self, key: str) -> tuple[Kind, ...]:
        """Return what a gate must recognise."""
        known = {kind.value.upper(): kind for kind in Kind}
        names = self.names(key)
        if not set(names) <= set(known):
            self.refuse(key, "write a list of these: " + ", ".join(f'"{k}"' for k in Kind))
        return tuple(known[name] for name in names)

    def interval(
        self, key: str, limits: tuple[float, float] = (0, 150)
    ) -> tuple[float, float] | None:
        value = self._rest.pop(key, None)
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 2
            or any(type(v) not in (int, float) for v in value)
            or not limits[0] <= value[0] <= value[1] <= limits[1]
        ):
            self.refuse(key, "write the lowest and the highest value, as in [1, 5]")
        return float(value[0]), float(value[1])

    def choice(self, key: str, default: _Choice) -> _Choice:
        kind = type(default)
        value = self._rest.pop(key, default.value)
        if value not in [each.value for each in kind]:
            self.refuse(key, "write " + " or ".join(f'"{each}"' for each in kind))
        return kind(value)

    @overload
    def code(self, key: str) -> Code: ...

    @overload
    def code(self, key: str, needed: bool) -> Code | None: ...

    def code(self, key: str, needed: bool = True) -> Code | None:
        value = self._rest.pop(key, None)
        if value is None and not needed:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not all(isinstance(v, str) and v for v in value)
        ):
            self.refuse(key, 'write code value, scheme and meaning: ["39607008", "SCT", "Lung"]')
        return Code(*value)

    def table(self, key: str) -> _Table:
        value = self._rest.pop(key, {})
        if not isinstance(value, dict):
            self.refuse(key, f"write a table, [{key}]")
        return _Table(value, self._source, f"{self._prefix}{key}.")

    def tables(self, key: str) -> list[_Table]:
        value = self._rest.pop(key, None)
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            self.refuse(key, f"write one table or more, [[{key}]]")
        return [
            _Table(each, self._source, f"{self._prefix}{key}[{index}].")
            for index, each in enumerate(value, start=1)
        ]
