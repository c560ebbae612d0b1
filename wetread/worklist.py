"""Puts the worklist together: UPS, over the queue and the index of this node."""

from __future__ import annotations

from inference.intake.requested import Requested
from inference.intake.versions import Versions
from inference.intake.worklist import WorklistDesk
from inference.intake.worklist_keeper import WorklistKeeper
from inference.ports import ModelRegistry
from wetread.bootstrap import Stores
from wetread.settings import Settings


def build_worklist(
    settings: Settings, stores: Stores, registry: ModelRegistry
) -> tuple[WorklistDesk, WorklistKeeper]:
    """Return the desk at which others ask, and what keeps the worklist true."""
    from structured_reports.worklist import worklist_codes

    def title(name: str) -> str:
        titles = (each.title for each in registry.manifests() if each.model.name == name)
        return next(titles, "")

    codes, clock = worklist_codes(settings.ae_title, title), stores.clock
    requested = Requested(
        workitems=stores.workitems,
        queue=stores.queue,
        index=stores.index,
        versions=Versions(registry, stores.rollouts),
        codes=codes,
        clock=clock,
    )
    desk = WorklistDesk(
        workitems=stores.workitems,
        queue=stores.queue,
        index=stores.index,
        archive=stores.archive,
        requested=requested,
        codes=codes,
        clock=clock,
    )
    keeper = WorklistKeeper(
        workitems=stores.workitems,
        index=stores.index,
        results=stores.results,
        cursors=stores.cursors,
        requested=requested,
        codes=codes,
        clock=clock,
        told=desk.ring,
    )
    return desk, keeper
