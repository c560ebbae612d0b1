"""The report of a Result: Comprehensive 3D SR with TID 1500 (PS3.3 A.35.13, PS3.16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from highdicom.sr import Comprehensive3DSR, ContentItem
from pydicom.dataset import Dataset

from inference.domain.result import Outcome, Result, Role
from structured_reports import concepts, identity, tree
from structured_reports.device import Device, long_string
from structured_reports.measurements import measurement_groups
from structured_reports.not_assessed import evaluations
from structured_reports.run import Run
from structured_reports.segmentation import Segment
from structured_reports.source import Source


class _Report(Comprehensive3DSR):  # type: ignore[misc]  # highdicom is not checked
    """Takes nothing from the source by itself: what is valid of it is added afterwards."""

    def copy_patient_and_study_information(self, dataset: Dataset) -> None:
        """Copy nothing. highdicom copies odd values too, and fails on an unknown SOP Class."""


def build_report(
    sources: Sequence[Source],
    run: Run,
    *,
    made: Sequence[Dataset] = (),
    segments: Mapping[str, Segment] | None = None,
    predecessor: Result | None = None,
) -> Dataset:
    """Return the report. `sources` is never empty; the first one lends patient and study.

    `made`: all other objects of the result, which the report lists as its evidence.
    `segments`: by Tracking Unique Identifier.
    """
    first = sources[0]
    arguments = run.arguments(Role.REPORT, first, "", 1)
    report: Dataset = _Report(
        evidence=[*(each.stub() for each in sources), *made],
        content=_content(sources, segments or {}, run),
        series_description=long_string(_series_description(run.result, run.device)),
        is_complete=True,
        is_final=False,
        is_verified=False,
        previous_versions=_previous(predecessor) or None,
        coding_schemes=[concepts.private_scheme()],
        **arguments,
    )
    run.finish(report, first)
    return report


def _content(sources: Sequence[Source], segments: Mapping[str, Segment], run: Run) -> Dataset:
    result = run.result
    known = {each.sop_instance_uid: each for each in sources}
    children: list[ContentItem] = []
    if result.findings:
        groups = measurement_groups(identity.tracking_uids(result), known, segments, run)
        children.append(tree.container(concepts.IMAGING_MEASUREMENTS, groups))
    if result.refusals or not children:
        # Who declined is said by TID 4019 (row 12b), as a finding's author is.
        who = tree.algorithm(run.device) if result.model else ()
        children.append(evaluations(result, known, who))
    assessed = result.outcome is Outcome.ASSESSED
    title = concepts.MEASUREMENT_REPORT if assessed else concepts.NOT_ASSESSED_REPORT
    content: Dataset = tree.root(title, run.device, tree.procedures_of(sources), children)
    return content


def _series_description(result: Result, device: Device) -> str:
    if result.outcome is Outcome.ASSESSED:
        return f"AI report, not verified: {device.model_name}"
    return f"AI report, NOT ASSESSED: {device.model_name}"


def _previous(predecessor: Result | None) -> list[Dataset]:
    """Return what the Predecessor Documents Sequence names (PS3.3 C.17.2)."""
    stubs = []
    for study, series, sop_class, sop_instance in identity.predecessors(predecessor):
        stub = Dataset()
        stub.StudyInstanceUID = study
        stub.SeriesInstanceUID = series
        stub.SOPClassUID = sop_class
        stub.SOPInstanceUID = sop_instance
        stubs.append(stub)
    return stubs
