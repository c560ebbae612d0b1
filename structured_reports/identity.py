"""UIDs of a result: the same Result has the same objects, however often it is encoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from inference.domain.finding import Finding
from inference.domain.result import Result, Role
from inference.domain.review import Review
from inference.domain.uid import derive_uid

_RULES = ("rules", "")  # who speaks where no model was asked


def _author(result: Result) -> tuple[str, str]:
    return (result.model.name, result.model.version) if result.model else _RULES


def _attempt(result: Result) -> tuple[str | int, ...]:
    """Return what the objects of one reading have in common.

    A Job that failed may be replayed. What it says then would not be taken, nor noticed, by a
    PACS that holds an object of its UID.
    """
    failed = ("failed",) if result.failed else ()
    return (result.study_instance_uid, result.revision, *_author(result), *failed)


def instance_uid(result: Result, role: Role, source: str = "") -> str:
    """Return the SOP Instance UID of the object made in `role` from the Instance `source`."""
    return derive_uid(*_attempt(result), role.value, source)


def series_uid(result: Result, role: Role, frame_of_reference: str = "") -> str:
    """Return the Series Instance UID of all objects of `role` in one Frame of Reference.

    A revision is a Series of its own: objects of different times and equipment versions
    must not share one (PS3.3 C.7.5.1, General Equipment, is of the Series). So is a Frame of
    Reference, for those that lie in one (C.7.4.1).
    """
    place = (frame_of_reference,) if frame_of_reference else ()
    return derive_uid(*_attempt(result), role.value, "series", *place)


def dimension_uid(sop_instance_uid: str) -> str:
    """Return the Dimension Organization UID of a multi-frame object of ours."""
    return derive_uid("dimension", sop_instance_uid)


def frame_of_reference_uid(source: str) -> str:
    """Return a Frame of Reference for the Instance `source`, which names none."""
    return derive_uid("frame of reference", source)


def tracking_uids(result: Result) -> Iterator[tuple[Finding, str]]:
    """Return each Finding with its Tracking Unique Identifier (TID 1501).

    It is the same in all revisions, and for all versions of the model: what is followed is
    the thing in the image. In a Series it is the Series that stands in its name: which slice
    shows it best may change.
    """
    name, _ = _author(result)
    seen: Counter[tuple[str | int, ...]] = Counter()
    for finding in result.findings:
        where = (
            (finding.series_instance_uid, 0)
            if finding.series_instance_uid
            else (finding.sop_instance_uid, finding.frame)
        )
        thing = (
            *where,
            finding.finding.scheme,
            finding.finding.value,
        )
        seen[thing] += 1
        # Viewers merge groups of one UID, so a second region of the same kind needs its own.
        ordinal = () if seen[thing] == 1 else (seen[thing],)
        yield (
            finding,
            derive_uid("tracking", result.study_instance_uid, name, *thing, *ordinal),
        )


def review_uid(result: Result, review: Review) -> str:
    """Return the SOP Instance UID of the object that says `review`.

    Each is new: what a person said before stays what it was.
    """
    about = str(review.finding or "")
    return instance_uid(
        result,
        Role.REVIEW,
        "\x1f".join((about, review.reviewer.id, review.reviewed_at.isoformat())),
    )


def predecessors(previous: Result | None) -> Sequence[tuple[str, str, str, str]]:
    """Return (Study, Series, SOP Class, SOP Instance UID) of the report that is replaced."""
    if previous is None:
        return ()
    return [
        (
            each.study_instance_uid,
            each.series_instance_uid,
            each.sop_class_uid,
            each.sop_instance_uid,
        )
        for each in previous.objects
        if each.role is Role.REPORT
    ]
