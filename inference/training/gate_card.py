"""The card of a gate, written from measured numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.domain.recognition import Kind
from inference.training.card import heading

_SHORT = {
    Kind.FRONTAL_CHEST.value: "frontal chest",
    Kind.TURNED_CLOCKWISE.value: "clockwise",
    Kind.UPSIDE_DOWN.value: "upside down",
    Kind.TURNED_COUNTERCLOCKWISE.value: "counterclockwise",
    Kind.INVERTED_CHEST.value: "inverted",
    Kind.PART_OF_CHEST.value: "part",
    Kind.OTHER_RADIOGRAPH.value: "other radiograph",
    Kind.CT_SLICE.value: "CT",
    Kind.OTHER.value: "else",
    Kind.BLANK.value: "blank",
}


def card(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Return `CARD.md`. `metrics` is what `metrics.json` holds."""
    training = metrics["training"]
    lines = [
        *heading(manifest, metrics),
        "## What it is",
        "",
        "The backbone of EfficientNet-Lite0 with its ImageNet weights, frozen; a small head that "
        "was trained on its last stage; and the distance of the pooled features to those of "
        "frontal chest radiographs (Mahalanobis, with what the principal components leave).",
        f"A picture passes if the head says frontal chest radiograph with {metrics['certainty']:g} "
        f"or more, and the distance is at most {metrics['distance']:g}. Both limits were set on "
        "radiographs of held-out patients. The certainty is not calibrated. An image with hardly "
        "any contrast is blank before the network is asked.",
        "",
        "## What it learned from",
        "",
        *(f"- {name}: {count}" for name, count in metrics["images"].items()),
        "",
        "Counted are images. Patients are in one part only. Every training image was seen in many "
        "views, varied in size, grey values, sharpness, noise, compression, borders and burned-in "
        "text; chest radiographs also turned, inverted and cut. Noise, slopes, shapes, pages of "
        "text and shuffled radiographs were made up.",
        "",
        "## What was measured",
        "",
        "On images that neither trained it nor set a limit; nothing was chosen after they were "
        "scored. Rows are the truth, columns what the gate saw. "
        "Turned, inverted and cut pictures are the same images, "
        "exactly turned, inverted or cut to a quarter. Intervals are of 95 % (Wilson).",
        "",
        "| truth | images | passed | " + " | ".join(_SHORT.values()) + " |",
        "| --- | --- | --- | " + " | ".join("---" for _ in _SHORT) + " |",
        *(_row(name, row) for name, row in metrics["test"].items()),
        "",
        *(text for remark in metrics["remarks"] for text in (remark, "")),
        "Of what is no chest radiograph there is little, so each group was left out in turn, and "
        "a gate trained without any of it was asked (photos in parts). `passed` should be 0.",
        "",
        "| left out | truth | images | passed | seen as |",
        "| --- | --- | --- | --- | --- |",
        *(_stranger(each) for each in metrics["left_out_in_turn"]),
        "",
        "## What it cannot do",
        "",
        *(f"- {limit}" for limit in _LIMITS),
        "",
        "## To make it again",
        "",
        f"Seed {training['seed']}. SHA-256 of the list of images, kinds and parts: "
        f"`{metrics['data_sha256']}`. SHA-256 of the weights: `{metrics['weights_sha256']}`. "
        "Versions are in `metrics.json`.",
        "",
        "## Licence",
        "",
        manifest["licence"],
    ]
    return "\n".join(lines) + "\n"


_LIMITS = (
    "Lateral chest radiographs: there was one lateral thorax to learn from, and it is of an "
    "animal. Whether a person's lateral is refused was not measured.",
    "Other radiographs: one hip, one leg, one breast. Hands, skulls, abdomens and spines were "
    "never seen; that they are refused is to be expected, and was not measured.",
    "The left and the right: a mirrored chest radiograph passes.",
    "Tilt of less than 90°: up to about 10° passes by design; what lies between was not measured.",
    "Cut off by less than half: how much lung may be missing was not measured.",
    "The front and the back: PA and AP are the same to it.",
    "Localizers (scouts) of CT look like chest radiographs; there were none to learn from.",
    "Quality: exposure, motion and breathing are not its matter.",
)


def _row(name: str, row: Mapping[str, Any]) -> str:
    share = f"{row['passed']} ({row['low']:.1%}–{row['high']:.1%})"
    counts = " | ".join(str(row["seen"].get(kind, 0)) for kind in _SHORT)
    return f"| {name} | {row['of']} | {share} | {counts} |"


def _stranger(each: Mapping[str, Any]) -> str:
    seen = ", ".join(f"{_SHORT[kind]} {count}" for kind, count in each["seen"].items())
    return f"| {each['group']} | {each['kind']} | {each['of']} | {each['passed']} | {seen} |"
