"""The model card, written from measured numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.domain.manifest import Explanation
from inference.training.config import Config
from inference.training.evaluate import Interval, Performance

_HEAT_MAPS = {
    Explanation.GRAD_CAM: "Grad-CAM of the last layer",
    Explanation.INTEGRATED_GRADIENTS: "of integrated gradients",
    Explanation.OCCLUSION: "made by occlusion: what the answer loses where a part is covered",
}


def card(config: Config, metrics: Mapping[str, Any], measured: Mapping[str, Performance]) -> str:
    """Return `CARD.md`. `metrics` is what `metrics.json` holds, `measured` its parts."""
    manifest = config.manifest
    training = metrics["training"]
    population = manifest.get("population", {}).get("description", "not stated")
    lines = [
        *heading(manifest, metrics),
        "## What it is",
        "",
        f"A network of the architecture `{config.network.architecture}` on "
        f"{config.network.size}×{config.network.size} pixels. Each picture is resized with "
        "antialiasing, stretched between its 1st and 99th percentile and brought to the same "
        "mean and spread."
        + (
            " The answer is the mean over the picture and its mirror image."
            if config.network.mirror
            else ""
        ),
        f"The certainty is the sigmoid of the logit divided by {metrics['temperature']:g}; from "
        f"{metrics['threshold']:g} on, the finding counts as present. {_heat_map(manifest)}",
        "",
        "## What it learned from",
        "",
        f"{config.data.attribution}.",
        f"Population: {population}.",
        "",
        f"{metrics['images']['training']} images for training; "
        f"{metrics['images']['left_out']} images were left out because the person occurs among "
        "the test images too. The validation images are of patients of whom no image was used "
        "for training.",
        "",
        "## What was measured",
        "",
        "Validation chose the epoch, the temperature and the threshold "
        f"(a sensitivity of {config.validation.sensitivity:.0%}), so its numbers flatter. All "
        "other images were scored once, after every choice was made. Intervals are of 95 %: "
        "bootstrap for AUROC, Wilson for sensitivity and specificity.",
        "",
        "| images | with / without finding | AUROC | sensitivity | specificity | Brier score |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row(name, each) for name, each in measured.items()),
        "",
        *_notes(config, measured),
        "## What it cannot do",
        "",
        *_limits(config, measured),
        "",
        "## To make it again",
        "",
        f"Seed {training['seed']}, {training['epochs']} epochs, of which epoch "
        f"{training['epoch_chosen']} was chosen. SHA-256 of the list of images and parts: "
        f"`{metrics['data_sha256']}`. SHA-256 of the weights: `{metrics['weights_sha256']}`. "
        "Versions and the history of all epochs are in `metrics.json`.",
        *config.remarks,
        "",
        "## Licence",
        "",
        manifest["licence"],
    ]
    return "\n".join(lines) + "\n"


def heading(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """Return the lines that every card begins with."""
    return [
        f"# {manifest['title']}",
        "",
        f"`{metrics['model']}` {metrics['version']}, by {manifest['manufacturer']}.",
        "",
        "## Intended use",
        "",
        manifest["intended_use"],
        "",
    ]


def _heat_map(manifest: Mapping[str, Any]) -> str:
    how = Explanation(manifest.get("explanation", Explanation.GRAD_CAM))
    if how is Explanation.NONE:
        return "There are no heat maps."
    return (
        f"The heat map is {_HEAT_MAPS[how]}, full from the threshold on and fainter below: it "
        "shows what moved the answer, and is no outline of disease."
    )


def _row(name: str, each: Performance) -> str:
    return (
        f"| {name} | {each.positive} / {each.images - each.positive} "
        f"| {each.auroc.value:.3f} ({each.auroc.low:.3f}–{each.auroc.high:.3f}) "
        f"| {_percent(each.sensitivity)} | {_percent(each.specificity)} | {each.brier:.3f} |"
    )


def _notes(config: Config, measured: Mapping[str, Performance]) -> list[str]:
    lines = [f"*{other.name}*: {other.about}" for other in config.evaluation]
    test = measured.get("test")
    if test and test.sensitivity_of:
        parts = (f"{name} {_percent(share)}" for name, share in test.sensitivity_of.items())
        lines.append(f"Sensitivity on the test images by subtype: {'; '.join(parts)}.")
    return [text for line in lines for text in (line, "")]


def _limits(config: Config, measured: Mapping[str, Performance]) -> list[str]:
    lines = [f"- {limit}" for limit in config.limits]
    validation, test = measured["validation"], measured.get("test")
    if test:
        lines.append(
            f"- Where images are acquired otherwise, expect other numbers: AUROC "
            f"{validation.auroc.value:.3f} on held-out patients, {test.auroc.value:.3f} on the "
            f"test images; and at the same threshold specificity "
            f"{_percent(validation.specificity)} there, {_percent(test.specificity)} here. "
            "Measure it on your own images before you look at its answers."
        )
    return lines


def _percent(share: Interval) -> str:
    return f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%}; n = {share.of})"
