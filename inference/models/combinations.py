"""Which keys of a `model.toml` go together."""

from __future__ import annotations

from inference.domain.manifest import Explanation, Format, Manifest, Scope, Task
from inference.models.recipe import Activation, Layout, Recipe
from inference.models.table import Table

# Of the formats whose networks are torch's, and so can be differentiated.
_DIFFERENTIABLE = (Format.STATE_DICT, Format.TORCHSCRIPT, Format.PT2, Format.MONAI_BUNDLE)


def usual_explanation(form: Format, task: Task, layout: Layout) -> Explanation:
    """Return what holds where the key is absent."""
    if form is Format.STATE_DICT and task is Task.CLASSIFICATION and layout is Layout.IMAGE:
        return Explanation.GRAD_CAM
    return Explanation.NONE


def check_explanation(table: Table, manifest: Manifest, layout: Layout) -> None:
    """Raises `ManifestError` for heat maps that cannot be made."""
    how = manifest.explanation
    if how is Explanation.NONE:
        return
    if manifest.task is not Task.CLASSIFICATION:
        table.refuse("explanation", f"a {manifest.task} shows where; remove this key")
    if how is Explanation.GRAD_CAM and manifest.format is not Format.STATE_DICT:
        table.refuse(
            "explanation",
            f'Grad-CAM needs the layers, which {manifest.format} hides; write "occlusion"'
            + (' or "integrated-gradients"' if manifest.format in _DIFFERENTIABLE else ""),
        )
    if how is Explanation.GRAD_CAM and layout is Layout.VOLUME:
        table.refuse("explanation", 'Grad-CAM is of images here; write "integrated-gradients"')
    if how is Explanation.INTEGRATED_GRADIENTS and manifest.format not in _DIFFERENTIABLE:
        table.refuse(
            "explanation", f'{manifest.format} gives no gradients; write "occlusion" or "none"'
        )


def check_recipe(table: Table, manifest: Manifest, recipe: Recipe) -> None:
    """Raises `ManifestError` for a recipe that does not fit the task. `table` is the recipe."""
    if recipe.layout is Layout.VOLUME:
        if manifest.reads is not Scope.SERIES:
            table.refuse("layout", 'a volume is a Series; write reads = "series"')
        if manifest.task is Task.DETECTION:
            table.refuse("layout", "boxes are of images; detection reads no volumes")
    if manifest.task is Task.DETECTION:
        if recipe.mirror:
            table.refuse("mirror", "the boxes of mirror images are not averaged; remove it")
        if recipe.activation is not Activation.SIGMOID or recipe.temperature != 1.0:
            table.refuse(
                "activation",
                "a detector's scores are certainties already; remove it and temperature",
            )
        if recipe.background:
            table.refuse("background", "label 0 is a detector's background; remove it")
    elif recipe.overlap is not None:
        table.refuse("overlap", "only boxes overlap; remove it")
    if recipe.activation is Activation.SOFTMAX and len(manifest.outputs) + recipe.background < 2:
        table.refuse(
            "activation",
            "softmax of one class is always 1; write background = true, or a second output",
        )
