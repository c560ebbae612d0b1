"""The card of a model of Series, written from measured numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inference.training.card import heading

if TYPE_CHECKING:
    from inference.training.series import Settings


def card(settings: Settings, metrics: Mapping[str, Any]) -> str:
    """Return `CARD.md`. `metrics` is what `metrics.json` holds."""
    manifest, training = settings.manifest, metrics["training"]
    lines = [
        *heading(manifest, metrics),
        "## What it cannot do",
        "",
        *(f"- {limit}" for limit in settings.limits),
        "",
        "## What it is",
        "",
        *_what(settings, metrics),
        "",
        "## What it learned from",
        "",
        f"{settings.attribution}.",
        f"{metrics['slices']} slices of {metrics['patients']} patients: "
        f"{manifest.get('population', {}).get('description', 'not stated')}. The same pixels of a "
        "patient count once. Nothing but pixels and their spacing was read from the files. The "
        "weights that are shipped learned from all of them.",
        "",
        "## What was measured",
        "",
        *_measured(settings, metrics),
        *(text for remark in settings.remarks for text in (remark, "")),
        "## To make it again",
        "",
        f"Seed {training['seed']}. SHA-256 of the list of files, patients and labels: "
        f"`{metrics['data_sha256']}`. SHA-256 of the weights: `{metrics['weights_sha256']}`. "
        "Versions, and all that was fixed beforehand, are in `metrics.json`.",
        "",
        "## Licence",
        "",
        manifest["licence"],
    ]
    return "\n".join(lines) + "\n"


def _what(settings: Settings, metrics: Mapping[str, Any]) -> Sequence[str]:
    low, high = settings.window
    training = metrics["training"]
    levels = ", ".join(f"{each:g}" for each in settings.levels)
    names = {"mean": "mean", "median": "median", "maximum": "highest"}
    pooling = names[str(settings.manifest.get("pooling", "mean"))]
    return (
        "It measures density. A slice is windowed from "
        f"{low:g} to {high:g} HU, resized with antialiasing to {settings.size}×{settings.size} "
        "pixels and smoothed. A grey-scale opening by a square of "
        f"{2 * training['radius'] + 1} pixels takes away what is bright and narrow. Where it takes "
        f"more than {settings.bone:g} HU, there is mostly bone; that, and all within "
        f"{training['reach']} pixels of it, is left out. Of what remains and is denser than "
        f"{settings.tissue:g} HU, the shares above {levels} HU are weighed by a logistic "
        f"regression: {len(settings.levels) + 1} numbers were learned.",
        f"The certainty of a slice is the sigmoid of the logit divided by "
        f"{metrics['temperature']:g}; that of a Series is the {pooling} of its slices'. From "
        f"{metrics['threshold']:g} on, contrast counts as given. The heat map is Grad-CAM of the "
        "shares, which here is each pixel's own part in the logit.",
    )


def _measured(settings: Settings, metrics: Mapping[str, Any]) -> Sequence[str]:
    within = metrics["within_patients"]
    performance = metrics["performance"]
    first = next(iter(performance.values()))
    spread = first["auroc_of_repeats"]
    often = sorted(metrics["chosen_in_folds"].items(), key=lambda item: -item[1])
    chosen = ", ".join(f"{name} {count}×" for name, count in often)
    return (
        f"By cross-validation, {settings.repeats} times over {settings.folds} parts, no patient in "
        "two parts: every number here is of slices whose patient was not learned from. The "
        "radius of the opening, the reach of bone, in pixels, and the penalty were chosen in each "
        f"fold by a second cross-validation inside it ({chosen}). "
        "Window, size, levels and threshold were fixed beforehand. The temperature was set on "
        "these same out-of-fold answers, so the Brier score flatters a little "
        f"({metrics['brier_uncalibrated']:.3f} without it); AUROC, sensitivity and specificity "
        "do not depend on it, but for the pooling of patients. There is no other test.",
        "",
        "Intervals are of 95 %: bootstrap over patients for AUROC, Wilson for sensitivity and "
        "specificity, which takes slices of one patient as if they were of several. A patient's "
        "slices with the same label are pooled as those of a Series are.",
        "",
        "| what | with / without contrast | AUROC | average precision | sensitivity | specificity "
        "| Brier score |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_row(name, each) for name, each in performance.items()),
        "",
        f"Repeat by repeat, the AUROC of slices went from {spread[0]:.3f} to {spread[1]:.3f}. Of "
        f"{within['patients']} patients there are slices of both kinds: in {within['right']} of "
        f"their {within['pairs']} pairs the slice with contrast scored higher.",
        "",
        "The classes differ in their field of view. So it learned from views of every slice that "
        "all have the same fields of view, and the rows that name one were measured on such views: "
        "there the width tells nothing.",
        "",
        "| certainty | slices | with contrast | mean certainty |",
        "| --- | --- | --- | --- |",
        *(
            f"| {each['low']:g}–{each['high']:g} | {each['slices']} | {each['positive']} "
            f"({each['positive'] / each['slices']:.0%}) | {each['mean']:.2f} |"
            for each in metrics["calibration"]
        ),
        "",
        *_others(metrics["others"]),
    )


def _others(others: Mapping[str, Any]) -> Sequence[str]:
    if not others:
        return ()
    return (
        "Tried in the same folds, with a logistic regression on top, and not taken. That they "
        "were compared on the same patients flatters what was taken, if by little:",
        "",
        "| features | AUROC | Brier score |",
        "| --- | --- | --- |",
        *(f"| {name} | {_auroc(each)} | {each['brier']:.3f} |" for name, each in others.items()),
        "",
    )


def _row(name: str, each: Mapping[str, Any]) -> str:
    return (
        f"| {name} | {each['positive']} / {each['units'] - each['positive']} | {_auroc(each)} "
        f"| {each['average_precision']:.3f} | {_percent(each['sensitivity'])} "
        f"| {_percent(each['specificity'])} | {each['brier']:.3f} |"
    )


def _auroc(each: Mapping[str, Any]) -> str:
    value = each["auroc"]
    return f"{value['value']:.3f} ({value['low']:.3f}–{value['high']:.3f})"


def _percent(share: Mapping[str, Any]) -> str:
    return f"{share['value']:.1%} ({share['low']:.1%}–{share['high']:.1%}; n = {share['of']})"
