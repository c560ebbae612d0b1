"""Models: what each says of itself, which versions are in use, what was measured."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, Field

from inference.domain.job import ModelId
from inference.domain.manifest import BurnedIn, Explanation, Format, Manifest, Policy, Scope, Task
from inference.domain.rollout import Rollout, Stage
from wetread.shelf import Shelf
from wetread.web.api.codes import CodeBody, shown
from wetread.web.api.links import Links
from wetread.web.api.paging import Page
from wetread.web.api.parameters import ModelName, ModelVersion
from wetread.web.api.route import Shown, problems, router
from wetread.web.problems import NotFound


class OutputBody(Shown):
    name: str
    finding: CodeBody
    site: CodeBody
    threshold: float = Field(ge=0, le=1)


class VersionBody(Shown):
    """One version of a model."""

    name: str
    version: str
    url: str
    title: str
    manufacturer: str
    intended_use: str
    stage: Stage | None = Field(description="What it is in use for; null for nothing.")
    task: Task
    reads: Scope
    outputs: list[OutputBody]
    card: str = Field(description="The page with the model's card.")


class NeedsBody(Shown):
    """What it takes; an empty list accepts all."""

    modality: list[str]
    body_part: list[str]
    view: list[str]
    minimum_rows_pixels: int
    minimum_columns_pixels: int
    minimum_slices: int
    burned_in_annotation: BurnedIn


class PopulationBody(Shown):
    """Whom it learned from, and what is done outside."""

    description: str
    age_years: tuple[float, float] | None = Field(description="From, to; both included.")
    outside: Policy
    unknown: Policy


class VersionDetail(VersionBody):
    licence: str
    calibration: str
    format: Format
    explanation: Explanation
    gate: str | None = Field(description="What looks at the pixels before it does.")
    weights_sha256: str | None = Field(description="Null where a server holds them.")
    device_uid: str
    needs: NeedsBody
    population: PopulationBody
    metrics: dict[str, Any] | None = Field(description="`metrics.json`, as the model brings it.")


class RolloutBody(Shown):
    active: str
    canary: str | None
    canary_fraction: float = Field(ge=0, le=1, description="Share of studies that it reads.")
    shadow: str | None


class ModelBody(Shown):
    """A model, with all of its versions and those of them that are in use."""

    name: str
    rollout: RolloutBody
    versions: list[VersionBody]


class RolloutChangeBody(Shown):
    number: int
    rollout: RolloutBody
    changed_at: AwareDatetime
    who: str
    why: str
    restores: int | None = Field(description="The change that a rollback brought back.")


class ModelDetail(ModelBody):
    history: list[RolloutChangeBody] = Field(description="Every change, the newest first.")


def build_models(shelf: Shelf | None) -> APIRouter:
    """Without a shelf there are no models."""
    api = router("models")

    @api.get("/models", responses=problems())
    def list_models(request: Request) -> Page[ModelBody]:
        """Every model with its versions, by name."""
        names = dict.fromkeys(each.model.name for each in (shelf.manifests() if shelf else ()))
        return Page(items=[_model(shelf, name, Links(request)) for name in names], next=None)

    @api.get("/models/{name}", responses=problems(404))
    def get_model(name: ModelName, request: Request) -> ModelDetail:
        """A model, with the history of what was in use."""
        shown_model = _model(shelf, name, Links(request))
        history = shelf.rollouts.history(name) if shelf else ()
        return ModelDetail(
            **dict(shown_model),
            history=[
                RolloutChangeBody(
                    number=each.number,
                    rollout=_rollout(each.rollout),
                    changed_at=each.changed_at,
                    who=each.who,
                    why=each.why,
                    restores=each.restores,
                )
                for each in history
            ],
        )

    @api.get("/models/{name}/{version}", responses=problems(404))
    def get_version(name: ModelName, version: ModelVersion, request: Request) -> VersionDetail:
        """One version of a model, with what was measured."""
        if shelf is None:
            raise NotFound("no model of this name and version is registered")
        model = ModelId(name, version)
        manifest = shelf.manifest(model)
        version_body = _version(manifest, shelf.rollout(name), Links(request))
        return VersionDetail(
            **dict(version_body),
            licence=manifest.licence,
            calibration=manifest.calibration,
            format=manifest.format,
            explanation=manifest.explanation,
            gate=manifest.gate or None,
            weights_sha256=manifest.weights_sha256 or None,
            device_uid=manifest.device_uid,
            needs=_needs(manifest),
            population=PopulationBody(
                description=manifest.population.description,
                age_years=manifest.population.age_years,
                outside=manifest.population.outside,
                unknown=manifest.population.unknown,
            ),
            metrics=shelf.metrics(model),
        )

    return api


def _model(shelf: Shelf | None, name: str, links: Links) -> ModelBody:
    held = [each for each in (shelf.manifests() if shelf else ()) if each.model.name == name]
    if shelf is None or not held:
        raise NotFound("no model of this name is registered")
    rollout = shelf.rollout(name)
    return ModelBody(
        name=name,
        rollout=_rollout(rollout),
        versions=[_version(each, rollout, links) for each in held],
    )


def _rollout(rollout: Rollout) -> RolloutBody:
    return RolloutBody(
        active=rollout.active,
        canary=rollout.canary or None,
        canary_fraction=rollout.fraction,
        shadow=rollout.shadow or None,
    )


def _version(manifest: Manifest, rollout: Rollout, links: Links) -> VersionBody:
    model = manifest.model
    return VersionBody(
        name=model.name,
        version=model.version,
        url=links.api("models", model.name, model.version),
        title=manifest.title,
        manufacturer=manifest.manufacturer,
        intended_use=manifest.intended_use,
        stage=rollout.stage(model.version),
        task=manifest.task,
        reads=manifest.reads,
        outputs=[
            OutputBody(
                name=each.name,
                finding=shown(each.finding),
                site=shown(each.site),
                threshold=each.threshold,
            )
            for each in manifest.outputs
        ],
        card=links.card(model),
    )


def _needs(manifest: Manifest) -> NeedsBody:
    needs = manifest.needs
    return NeedsBody(
        modality=list(needs.modality),
        body_part=list(needs.body_part),
        view=list(needs.view),
        minimum_rows_pixels=needs.minimum_rows,
        minimum_columns_pixels=needs.minimum_columns,
        minimum_slices=needs.minimum_slices,
        burned_in_annotation=needs.burned_in,
    )
