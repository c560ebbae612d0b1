"""How to run the weights: the table `recipe` of a `model.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inference.models.table import Table

_SIZES = (32, 1024)  # pixels
_GREY = (-1000.0, 1000.0)


class Intensity(StrEnum):
    """How grey values become the network's numbers."""

    PERCENTILES = "percentiles"  # standardised, whatever window the modality chose
    UNIT = "unit"  # the picture's 0 (black) to 1 (white) as it is


class Resize(StrEnum):
    SQUASH = "squash"  # to the size of the recipe, the aspect ratio lost
    NONE = "none"


class Activation(StrEnum):
    """How the network's answers become certainties."""

    SIGMOID = "sigmoid"  # each output for itself
    SOFTMAX = "softmax"  # one of all
    NONE = "none"  # they are certainties already


class Layout(StrEnum):
    """What the network sees at once."""

    IMAGE = "image"  # (pictures, channels, rows, columns)
    VOLUME = "volume"  # (1, channels, slices, rows, columns)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Of concern to nobody outside `inference.models`.

    `size`: rows and columns of the network's input, pixels. `mirror`: average over the
    picture and its mirror image. `temperature` divides the logit. `mean` and `std`: one
    number for each channel, () for none: (grey - mean) / std. `multiple`: rows, columns and,
    of a volume, slices are filled up with black to a multiple of this. `batch`: pictures at
    once. `half`: the network may compute in half precision, which was measured to be enough.

    `background`: the network's first class is none of the outputs. `input` and `answer`:
    what the network calls its input and its logits, "" for the only and for the first one.
    `boxes`, `scores`, `labels`: the same of a detector. `overlap`: of two boxes of one output
    with a higher intersection over union, the surer stays; None leaves all.
    """

    size: int = 224
    mirror: bool = False
    temperature: float = 1.0
    intensity: Intensity = Intensity.PERCENTILES
    channels: int = 3
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: Resize = Resize.SQUASH
    multiple: int = 1
    batch: int = 16
    half: bool = False
    layout: Layout = Layout.IMAGE
    activation: Activation = Activation.SIGMOID
    background: bool = False
    input: str = ""
    answer: str = ""
    boxes: str = "boxes"
    scores: str = "scores"
    labels: str = "labels"
    overlap: float | None = None


def parse_recipe(table: Table) -> Recipe:
    """Raises `ManifestError`."""
    channels = table.whole("channels", 3, (1, 3))
    if channels == 2:
        table.refuse("channels", "write 1, or 3 for weights made for colour")
    recipe = Recipe(
        size=table.whole("size", 224, _SIZES),
        mirror=table.truth("mirror"),
        temperature=table.number("temperature", (0.01, 100.0), 1.0),
        intensity=table.choice("intensity", Intensity.PERCENTILES),
        channels=channels,
        mean=table.numbers("mean", channels, _GREY),
        std=table.numbers("std", channels, (1e-6, _GREY[1])),
        resize=table.choice("resize", Resize.SQUASH),
        multiple=table.whole("multiple", 1, (1, 256)),
        batch=table.whole("batch", 16, (1, 256)),
        half=table.truth("half"),
        layout=table.choice("layout", Layout.IMAGE),
        activation=table.choice("activation", Activation.SIGMOID),
        background=table.truth("background"),
        input=table.text("input", default=""),
        answer=table.text("answer", default=""),
        boxes=table.text("boxes", default="boxes"),
        scores=table.text("scores", default="scores"),
        labels=table.text("labels", default="labels"),
        overlap=table.number("overlap", (0.0, 1.0)) if table.has("overlap") else None,
    )
    if bool(recipe.mean) != bool(recipe.std):
        table.refuse("mean", "write both this key and std, or neither")
    if recipe.mean and recipe.intensity is not Intensity.UNIT:
        table.refuse("mean", 'write intensity = "unit" with it, or remove mean and std')
    if recipe.activation is Activation.NONE and recipe.temperature != 1.0:
        table.refuse("temperature", 'it divides a logit; with activation = "none" there is none')
    table.close()
    return recipe
