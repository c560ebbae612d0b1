"""The slices to look at: Key Object Selection (PS3.3 A.35.4, PS3.16 TID 2010)."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from pydicom.dataset import Dataset

from inference.domain.finding import Finding, Presence
from inference.domain.result import Role
from structured_reports import concepts, tree
from structured_reports.device import long_string
from structured_reports.run import Run
from structured_reports.source import Source, name_classes
from structured_reports.subject import Subject, key_slices, slices
from structured_reports.words import key_slices_text


def key_objects(subjects: Sequence[Subject], run: Run) -> Dataset | None:
    """Return the key slices of all findings in Series; None if there are none.

    What is absent has no slices of interest, though the model was least sure of some.
    """
    findings = [
        finding
        for subject in subjects
        if subject.is_series
        for finding, _ in subject.findings
        if finding.presence is not Presence.ABSENT
    ]
    sources = {each.uid: each.source for subject in subjects for each in subject.seen}
    chosen = [each for each in slices(findings) if each.sop_instance_uid in sources]
    if not chosen:
        return None
    images = list(dict.fromkeys(each.sop_instance_uid for each in chosen))
    stubs = [sources[uid].image_stub(placed=False) for uid in images]
    first = sources[images[0]]
    arguments = run.arguments(Role.KEY_OBJECTS, first, "", 1)
    document: Dataset = KeyObjectSelectionDocument(
        evidence=stubs,
        content=KeyObjectSelection(
            document_title=concepts.OF_INTEREST,
            referenced_objects=stubs,
            observer_device_context=tree.observer(run.device),
            description="\n".join(_sentence(each, sources) for each in findings)[:1024],
        ),
        series_description=long_string(f"AI key images, not verified: {run.device.model_name}"),
        **arguments,
    )
    name_classes(document, list(sources.values()))
    frames: dict[str, list[int]] = {}
    for each in chosen:
        frames.setdefault(each.sop_instance_uid, []).append(each.frame)
    for item in document.ContentSequence:
        for reference in item.get("ReferencedSOPSequence", []):
            uid = reference.ReferencedSOPInstanceUID
            if sources[uid].frames > 1:
                reference.ReferencedFrameNumber = sorted(frames[uid])
    run.finish(document, first)
    return document


def _sentence(finding: Finding, sources: dict[str, Source]) -> str:
    return (
        f"AI result, not verified. {finding.finding.meaning}: {finding.presence.value}, "
        f"certainty {finding.certainty * 100:.1f} %. "
        f"{key_slices_text(key_slices(finding), sources)}."
    )
