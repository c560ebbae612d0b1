"""What a model says of itself: the content of its `model.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inference.domain.code import Code
from inference.domain.job import ModelId
from inference.domain.pooling import Pooling
from inference.domain.recognition import Kind


class Task(StrEnum):
    """What the outputs are."""

    CLASSIFICATION = "classification"  # a certainty
    SEGMENTATION = "segmentation"  # a certainty for each pixel
    DETECTION = "detection"  # boxes, each with a certainty


class Scope(StrEnum):
    """What one answer is about."""

    IMAGE = "image"
    SERIES = "series"


class Explanation(StrEnum):
    """How heat maps are made, for models that have no masks or boxes."""

    GRAD_CAM = "grad-cam"  # Selvaraju 2017
    INTEGRATED_GRADIENTS = "integrated-gradients"  # Sundararajan 2017
    OCCLUSION = "occlusion"  # Zeiler 2014; needs nothing but the answers
    NONE = "none"


class Format(StrEnum):
    """What the weights are kept in."""

    STATE_DICT = "state-dict"  # safetensors, for an architecture that is known here
    TORCHSCRIPT = "torchscript"
    PT2 = "pt2"  # torch.export
    ONNX = "onnx"
    MONAI_BUNDLE = "monai-bundle"
    OPEN_INFERENCE = "open-inference"  # a server: Open Inference Protocol v2


class Policy(StrEnum):
    """What to do outside the population."""

    FLAG = "flag"  # report the number, presence undetermined
    REFUSE = "refuse"  # no finding


class BurnedIn(StrEnum):
    """What to do with an image into which text is burned, by its header or by its pixels."""

    FLAG = "flag"  # report the number, presence undetermined
    REFUSE = "refuse"  # no finding
    ACCEPT = "accept"  # the model was measured on such images


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
    minimum_slices: int = 1  # of a Series that is read as one
    body_part_known: bool = False  # refuse what does not say its body part
    recognised: tuple[Kind, ...] = ()
    burned_in: BurnedIn = BurnedIn.FLAG


@dataclass(frozen=True, slots=True)
class Population:
    """Whom the model learned from."""

    description: str = ""
    age_years: tuple[float, float] | None = None  # inclusive
    outside: Policy = Policy.FLAG
    unknown: Policy = Policy.FLAG  # age, body part or view not in the header


@dataclass(frozen=True, slots=True)
class Output:
    """One coded output: `name` is the key of its score; `threshold` is within 0 to 1.

    `category`: Segmented Property Category (CID 7150) of a segment; None for the usual one.
    """

    name: str
    finding: Code
    site: Code
    threshold: float
    category: Code | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Identity, needs and promises of a model.

    `weights_sha256` is over the weights file, "" where a server holds them. `device_uid`
    follows name, version and weights, so that it changes whenever the model does (IHE AIR
    6.5.3.1). `architecture` is "" where the file says it.

    `window`: the values after the Modality LUT that are black and white in the pictures, HU
    for CT; None for the window that the header gives. `pooling`: how the certainties of
    slices become that of their Series.
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
    format: Format = Format.STATE_DICT
    task: Task = Task.CLASSIFICATION
    reads: Scope = Scope.IMAGE
    window: tuple[float, float] | None = None
    pooling: Pooling = Pooling.MEAN
    explanation: Explanation = Explanation.GRAD_CAM
