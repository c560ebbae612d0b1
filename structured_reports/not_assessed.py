"""What was not assessed, and why: Qualitative Evaluations (PS3.16 TID 1500 rows 12 to 14).

Silence is never an answer. A Study that no model may read gets a report that says so, with
a coded reason to count and a sentence to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from highdicom.sr import ContainerContentItem, ContentItem
from pydicom.sr.coding import Code

from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Outcome, Result
from structured_reports import concepts, tree
from structured_reports.source import Source


def evaluations(
    result: Result, sources: Mapping[str, Source], items: Sequence[ContentItem] = ()
) -> ContainerContentItem:
    """Return the container of everything in `result` that was refused."""
    children: list[ContentItem] = [
        *items,
        tree.code(concepts.SUMMARY_OF_ANALYSES, status(result)),
        tree.text(concepts.SUMMARY, summary(result, len(sources))),
    ]
    for (reason, detail), uids in grouped(reasons(result)).items():
        count = f" ({len(uids)} images)" if len(uids) > 1 else ""
        # The sentence follows its code as a sibling: OHIF shows nothing that is deeper.
        children.append(
            tree.code(
                concepts.REASON_NOT_ASSESSED,
                concepts.reason_code(reason),
                [tree.reference(sources[uid]) for uid in uids if uid in sources],
            )
        )
        children.append(tree.text(concepts.COMMENT, detail + count))
    return tree.container(concepts.QUALITATIVE_EVALUATIONS, children)


def reasons(result: Result) -> tuple[Refusal, ...]:
    """Return the refusals of `result`; never none for a Study that was not assessed."""
    if result.refusals or result.outcome is Outcome.ASSESSED:
        return result.refusals
    reason = Reason.PROCESSING_FAILED if result.failed else Reason.NO_RULE
    return (Refusal(reason, reason.value),)


def grouped(refusals: Sequence[Refusal]) -> dict[tuple[Reason, str], list[str]]:
    """Return the Instances of each reason: a CT of 500 slices is refused in one sentence."""
    found: dict[tuple[Reason, str], list[str]] = {}
    for refusal in refusals:
        uids = found.setdefault((refusal.reason, refusal.detail or refusal.reason.value), [])
        if refusal.sop_instance_uid and refusal.sop_instance_uid not in uids:
            uids.append(refusal.sop_instance_uid)
    return found


def status(result: Result) -> Code:
    """Return the value of Summary of Analyses (CID 6042)."""
    if result.outcome is Outcome.ASSESSED:
        return concepts.PARTIALLY_SUCCEEDED if result.refusals else concepts.SUCCEEDED
    return concepts.FAILED if result.failed else concepts.NOT_ATTEMPTED


def summary(result: Result, images: int) -> str:
    """Return the whole of it in one sentence for a person."""
    if result.outcome is Outcome.ASSESSED:
        if not result.refusals:
            return "Assessed. The model reported no finding."
        refused = {each.sop_instance_uid for each in result.refusals if each.sop_instance_uid}
        return f"Partially assessed: {len(refused)} of {images} images were not assessed."
    who = f"by {result.model} " if result.model else ""
    why = " The processing failed." if result.failed else ""
    return f"Not assessed {who}- this study has no AI finding, neither positive nor negative.{why}"
