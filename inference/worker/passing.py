"""Which pictures a gate lets through."""

from __future__ import annotations

from collections.abc import Sequence

from inference.domain import recognition
from inference.domain.manifest import Manifest, Scope
from inference.domain.refusal import Reason, Refusal
from inference.ports import Gate
from inference.worker.seen import Seen


def let_pass(
    manifest: Manifest, gate: Gate, seen: Sequence[Seen]
) -> tuple[list[Seen], tuple[Refusal, ...]]:
    """Return what `gate` lets through to the model, and why the rest is refused."""
    accepted, name = manifest.needs.recognised, manifest.model.name
    passed: list[Seen] = []
    refused: list[Refusal] = []
    recognised = gate.look([each.picture for each in seen])
    for each, what in zip(seen, recognised, strict=True):
        why = recognition.objection(what, accepted, name)
        if why is None:
            passed.append(each)
        else:
            refused.append(Refusal(*why, each.instance.sop_instance_uid))
    if manifest.reads is Scope.SERIES and 2 * len(passed) < len(seen):
        # What few slices of a Series look like says nothing against what most do.
        detail = f"Only {len(passed)} of the {len(seen)} slices are what {name} reads"
        refused.extend(
            Refusal(Reason.NOT_RECOGNISED, detail, each.instance.sop_instance_uid)
            for each in passed
        )
        passed = []
    return passed, tuple(refused)
