"""What Findings are about, with all that was seen of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.domain.finding import Finding, Slice
from inference.domain.result import Result
from inference.ports import Evidence
from structured_reports import identity
from structured_reports.source import Source


@dataclass(frozen=True, slots=True)
class Seen:
    """One Instance: what the core knows of it, and what its header says."""

    evidence: Evidence
    source: Source

    @property
    def uid(self) -> str:
        return self.source.sop_instance_uid


@dataclass(frozen=True, slots=True)
class Subject:
    """An Instance, or a Series that was read as one.

    `uid` is that of either. `findings` come with their Tracking Unique Identifier.
    """

    uid: str
    is_series: bool
    findings: tuple[tuple[Finding, str], ...]
    seen: tuple[Seen, ...]

    @property
    def slices(self) -> tuple[Slice, ...]:
        """Return the key slices of all findings, the strongest of each first."""
        return slices([finding for finding, _ in self.findings])


def slices(findings: Sequence[Finding]) -> tuple[Slice, ...]:
    """Return the key slices of `findings`, each once."""
    found: dict[tuple[str, int], Slice] = {}
    for finding in findings:
        for each in key_slices(finding):
            found.setdefault((each.sop_instance_uid, each.frame), each)
    return tuple(found.values())


def key_slices(finding: Finding) -> tuple[Slice, ...]:
    """Return the slices of `finding`; never none."""
    return finding.slices or (Slice(finding.sop_instance_uid, finding.certainty, finding.frame),)


def subjects(result: Result, seen: Sequence[Seen]) -> tuple[Subject, ...]:
    """Return what the findings of `result` are about, in the order in which it was seen."""
    tracked = list(identity.tracking_uids(result))
    return tuple(_subjects(tracked, seen))


def _subjects(tracked: Sequence[tuple[Finding, str]], seen: Sequence[Seen]) -> Iterator[Subject]:
    done: set[str] = set()
    for each in seen:
        series = each.source.series_instance_uid
        of_series = tuple(one for one in tracked if one[0].series_instance_uid == series)
        if of_series and series not in done:
            done.add(series)
            slices_of = tuple(one for one in seen if one.source.series_instance_uid == series)
            yield Subject(series, True, of_series, slices_of)
        of_image = tuple(
            one
            for one in tracked
            if not one[0].series_instance_uid and one[0].sop_instance_uid == each.uid
        )
        if of_image:
            yield Subject(each.uid, False, of_image, (each,))
