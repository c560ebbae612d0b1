"""A report as plain text for a person: what `wetread` prints, and the review page shows.

It is read from the DICOM object itself, so that it says what an archive will hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from structured_reports import concepts
from structured_reports.heading import status_lines, subject_lines
from structured_reports.items import (
    RULE,
    code_of,
    find,
    items,
    line,
    name_of,
    string_of,
    text_of,
    value_of,
)
from structured_reports.review_text import review_lines


def report_as_text(part10: bytes) -> str:
    """Return the report or review in `part10`, one of ours, in lines of at most 96 characters."""
    report = pydicom.dcmread(BytesIO(part10))
    if name_of(report) == concepts.REVIEW_REPORT:
        return "\n".join(review_lines(report)) + "\n"
    lines = [*_heading(report), RULE]
    for group in find(report, concepts.IMAGING_MEASUREMENTS):
        for number, finding in enumerate(_by_tracking_uid(group), start=1):
            lines += [*_finding(finding, number), RULE]
    for evaluations in find(report, concepts.QUALITATIVE_EVALUATIONS):
        lines += [*_not_assessed(evaluations), RULE]
    return "\n".join(lines) + "\n"


def _heading(report: Dataset) -> Iterator[str]:
    yield "AI RESULT, NOT VERIFIED"
    yield RULE
    yield from subject_lines(report)
    device = (text_of(report, concepts.DEVICE_NAME), _maker(report))
    yield from line("Made by", ", ".join(each for each in device if each))
    yield from status_lines(report, "Made at")


def _maker(report: Dataset) -> str:
    """Return model and version, from the algorithm's own item where there is one."""
    model = text_of(report, concepts.DEVICE_MODEL)
    for item in report.get("ContributingEquipmentSequence", []):
        if item.get("ManufacturerModelName") == model:
            return f"{model} {item.get('SoftwareVersions', '')} ({item.get('Manufacturer', '')})"
    return model


def _by_tracking_uid(measurements: Dataset) -> list[Dataset]:
    """Return one group for each Finding: it may have a second one, on its segment."""
    merged: dict[str, Dataset] = {}
    for group in items(measurements):
        uid = text_of(group, concepts.TRACKING_UID)
        if uid in merged:
            kept = {name_of(each) for each in items(merged[uid])}
            more = [each for each in items(group) if name_of(each) not in kept]
            merged[uid].ContentSequence = [*items(merged[uid]), *more]
        else:
            merged[uid] = group
    return list(merged.values())


def _finding(group: Dataset, number: int) -> Iterator[str]:
    name = next((each for each in find(group, concepts.FINDING)), None)
    concept = code_of(name) if name is not None else None
    meaning = concept.meaning if concept else "Finding"
    presence = [value_of(each) for each in find(group, concept)] if concept else []
    yield f"Finding {number}: {meaning} - {', '.join(presence).upper() or 'NOT STATED'}"
    settings = [string_of(each) for each in find(group, concepts.ALGORITHM_PARAMETERS)]
    for item in find(group, concepts.CERTAINTY):
        number_text = str(item.MeasuredValueSequence[0].NumericValue)
        limit = [each.partition("=")[2] for each in settings if each.startswith("threshold=")]
        beyond = f" (threshold {float(limit[0]) * 100:g} %)" if limit else ""
        yield from line("Certainty", f"{number_text} %{beyond}", 2)
    for label, quantity in (("Volume", concepts.VOLUME), ("Area", concepts.AREA)):
        for item in find(group, quantity):
            measured = item.MeasuredValueSequence[0]
            unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
            yield from line(label, f"{float(measured.NumericValue):.4g} {unit}", 2)
    for reason, sentence in _reasons(group, concepts.REASON_UNDETERMINED):
        yield from line("Undetermined", f"{reason}: {sentence}", 2)
    for item in find(group, concepts.FINDING_SITE):
        yield from line("Site", value_of(item), 2)
    for item in find(group, concepts.IMAGE_REGION):
        yield from line("Region", _extent(item), 2)
        for image in items(item):
            yield from line("Image", _image(image), 2)
    for sentence in _comments(group):
        label, _, said = sentence.partition(": ")
        yield from line(label, said, 2)
    for named in (concepts.REFERENCED_SEGMENT, concepts.REFERENCED_SEGMENTATION_FRAME):
        for image in find(group, named):
            yield from line("Segment", _image(image), 2)
    algorithm = " ".join(
        text_of(group, each) for each in (concepts.ALGORITHM_NAME, concepts.ALGORITHM_VERSION)
    )
    # A digest is for machines; its beginning is enough to compare two reports by eye.
    short = [re.sub(r"([0-9a-f]{16})[0-9a-f]{48}", r"\1...", each) for each in settings]
    yield from line("Algorithm", "; ".join([algorithm, *short]), 2)
    yield from line("Tracking UID", text_of(group, concepts.TRACKING_UID), 2)


def _not_assessed(evaluations: Dataset) -> Iterator[str]:
    status = next((code_of(each) for each in find(evaluations, concepts.SUMMARY_OF_ANALYSES)), None)
    if status == concepts.SUCCEEDED:
        yield "ASSESSED"
    elif status == concepts.PARTIALLY_SUCCEEDED:
        yield "PARTIALLY ASSESSED"
    else:
        yield f"NOT ASSESSED: {status.meaning.lower() if status else 'no reason stated'}"
    for item in find(evaluations, concepts.SUMMARY):
        yield from line("", string_of(item), 2)
    for reason, sentence in _reasons(evaluations, concepts.REASON_NOT_ASSESSED):
        yield from line("Reason", f"{reason}: {sentence}", 2)


def _reasons(container: Dataset, name: Code) -> Iterator[tuple[str, str]]:
    """Return each coded reason with the comment that follows it."""
    held = items(container)
    for item, following in zip(held, [*held[1:], None], strict=True):
        if name_of(item) == name:
            comment = following is not None and name_of(following) == concepts.COMMENT
            yield value_of(item), string_of(following) if following is not None and comment else ""


def _comments(group: Dataset) -> Iterator[str]:
    """Return what is said in words but is no reason: the key slices."""
    held = items(group)
    for before, item in zip([None, *held], held, strict=False):
        reason = before is not None and name_of(before) == concepts.REASON_UNDETERMINED
        if name_of(item) == concepts.COMMENT and not reason:
            yield string_of(item)


def _extent(scoord: Dataset) -> str:
    numbers = [float(each) for each in scoord.GraphicData]
    columns, rows = numbers[::2], numbers[1::2]
    return (
        f"columns {min(columns):.0f} to {max(columns):.0f}, rows {min(rows):.0f} to "
        f"{max(rows):.0f} (outline of {len(columns) - 1} points)"
    )


def _image(item: Dataset) -> str:
    reference = item.ReferencedSOPSequence[0]
    uid = str(reference.ReferencedSOPInstanceUID)
    frame, segment = (
        reference.get(each) for each in ("ReferencedFrameNumber", "ReferencedSegmentNumber")
    )
    return uid + (f", frame {frame}" if frame else "") + (f", segment {segment}" if segment else "")
