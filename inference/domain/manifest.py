"""What a model says of itself: the content of its `model.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inference.domain.code import Code
from inference.domain.job import ModelId
from inference.domain.recognition import Kind


class Policy(StrEnum):
    """What to do outside the population."""

    FLAG = "flag"  # report the number, presence undetermined
    REFUSE = "refuse"  # no finding


@dataclass(frozen=True, slots=True)
class InputNeeds:
    """An empty tuple accepts all. Values are compared in upper case.

    `recognised` is what the model's gate must see in the pixels.
    """

    modality: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    minimum_rows: int = 1  # pixels
    minimum_columns: int = 1  # pixels
    recognised: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Population:
    """Whom the model learned from."""

    description: str = ""
    age_years: tuple[float, float] | None = None  # inclusive
    outside: Policy = Policy.FLAG
    unknown: Policy = Policy.FLAG  # age, body part or view not in the header


@dataclass(frozen=True, slots=True)
class Output:
    """One coded output: `name` is the key of its score; `threshold` is within 0 to 1."""

    name: str
    finding: Code
    site: Code
    threshold: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """Identity, needs and promises of a model.

    `weights_sha256` is over the weights file. `device_uid` follows name, version and
    weights, so that it changes whenever the model does (IHE AIR 6.5.3.1).
    """

    model: ModelId
    title: str
    manufacturer: str
    architecture: str
    weights_file: str
    weights_sha256: str
    device_uid: str
    calibration: str
    intended_use: str
    licence: str
    outputs: tuple[Output, ...]
    needs: InputNeeds = field(default_factory=InputNeeds)
    population: Population = field(default_factory=Population)
    gate: str = ""  # its name; "" for none
