"""The explainer that a manifest asks for."""

from __future__ import annotations

from inference.domain.errors import ManifestError
from inference.domain.manifest import Explanation, Manifest
from inference.models.explanations.explainer import Explainer
from inference.models.explanations.occlusion import OcclusionExplainer
from inference.models.recipe import Recipe
from inference.models.runtimes.module import ModuleRuntime
from inference.models.runtimes.runtime import Runtime


def build_explainer(manifest: Manifest, recipe: Recipe, runtime: Runtime) -> Explainer | None:
    """Return None for a model without heat maps. Raises `ManifestError`."""
    how = manifest.explanation
    first = int(recipe.background)
    classes = range(first, first + len(manifest.outputs))
    if how is Explanation.OCCLUSION:
        return OcclusionExplainer(runtime, classes, recipe.answer, recipe.batch)
    if how is Explanation.NONE:
        return None
    if not isinstance(runtime, ModuleRuntime):
        raise ManifestError(f"{manifest.model}: {how} needs a network of torch")
    if how is Explanation.GRAD_CAM:
        from inference.models.explanations.grad_cam import GradCamExplainer

        try:
            return GradCamExplainer(runtime, classes)
        except ValueError as error:
            raise ManifestError(
                f"{manifest.model}: {error}; write another explanation, or none"
            ) from error
    # Slow to import, and few models ask for it.
    from inference.models.explanations.integrated_gradients import IntegratedGradientsExplainer

    return IntegratedGradientsExplainer(runtime, classes, recipe.answer)
