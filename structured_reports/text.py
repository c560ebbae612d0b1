"""A report as plain text for a person: what `wetread` prints, and the review page shows.

It is read from the DICOM object itself, so that it says what an archive will hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from textwrap import wrap

import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from structured_reports import concepts

_LABEL = 14  # characters
_WIDTH = 96  # characters
_RULE = "-" * _WIDTH


def report_as_text(part10: bytes) -> str:
    """Return the report in `part10`, one of ours, as lines of at most 96 characters."""
    report = pydicom.dcmread(BytesIO(part10))
    lines = [*_heading(report), _RULE]
    for group in _find(report, concepts.IMAGING_MEASUREMENTS):
        for number, finding in enumerate(_by_tracking_uid(group), start=1):
            lines += [*_finding(finding, number), _RULE]
    for evaluations in _find(report, concepts.QUALITATIVE_EVALUATIONS):
        lines += [*_not_assessed(evaluations), _RULE]
    return "\n".join(lines) + "\n"


def _heading(report: Dataset) -> Iterator[str]:
    yield "AI RESULT, NOT VERIFIED"
    yield _RULE
    name = str(report.get("PatientName") or "").replace("^", " ").strip() or "name unknown"
    facts = (
        ("ID", str(report.get("PatientID") or "")),
        ("born", _date(report.get("PatientBirthDate"))),
        ("sex", str(report.get("PatientSex") or "")),
    )
    yield from _line("Patient", ", ".join([name, *(f"{k} {v}" for k, v in facts if v)]))
    study = (
        str(report.get("StudyDescription") or ""),
        _date(report.get("StudyDate")),
        f"accession {report.AccessionNumber}" if report.get("AccessionNumber") else "",
    )
    yield from _line("Study", ", ".join(each for each in study if each) or "no description")
    procedures = [_value(each) for each in _find(report, concepts.PROCEDURE_REPORTED)]
    yield from _line("Procedure", ", ".join(procedures))
    device = (_text(report, concepts.DEVICE_NAME), _maker(report))
    yield from _line("Made by", ", ".join(each for each in device if each))
    time = str(report.get("ContentTime") or "")
    at = f"{_date(report.get('ContentDate'))} {time[:2]}:{time[2:4]}:{time[4:6]}"
    yield from _line("Made at", f"{at} {report.get('TimezoneOffsetFromUTC') or ''}")
    flags = (report.get(each) for each in ("PreliminaryFlag", "VerificationFlag", "CompletionFlag"))
    yield from _line("Status", ", ".join(str(each).lower() for each in flags if each))
    for study_item in report.get("PredecessorDocumentsSequence", []):
        for series in study_item.ReferencedSeriesSequence:
            for instance in series.ReferencedSOPSequence:
                yield from _line("Replaces", str(instance.ReferencedSOPInstanceUID))


def _maker(report: Dataset) -> str:
    """Return model and version, from the algorithm's own item where there is one."""
    model = _text(report, concepts.DEVICE_MODEL)
    for item in report.get("ContributingEquipmentSequence", []):
        if item.get("ManufacturerModelName") == model:
            return f"{model} {item.get('SoftwareVersions', '')} ({item.get('Manufacturer', '')})"
    return model


def _by_tracking_uid(measurements: Dataset) -> list[Dataset]:
    """Return one group for each Finding: it may have a second one, on its segment."""
    merged: dict[str, Dataset] = {}
    for group in _items(measurements):
        uid = _text(group, concepts.TRACKING_UID)
        if uid in merged:
            kept = {_name(each) for each in _items(merged[uid])}
            more = [each for each in _items(group) if _name(each) not in kept]
            merged[uid].ContentSequence = [*_items(merged[uid]), *more]
        else:
            merged[uid] = group
    return list(merged.values())


def _finding(group: Dataset, number: int) -> Iterator[str]:
    name = next((each for each in _find(group, concepts.FINDING)), None)
    concept = _code(name) if name is not None else None
    meaning = concept.meaning if concept else "Finding"
    presence = [_value(each) for each in _find(group, concept)] if concept else []
    yield f"Finding {number}: {meaning} - {', '.join(presence).upper() or 'NOT STATED'}"
    settings = [_string(each) for each in _find(group, concepts.ALGORITHM_PARAMETERS)]
    for item in _find(group, concepts.CERTAINTY):
        number_text = str(item.MeasuredValueSequence[0].NumericValue)
        limit = [each.partition("=")[2] for each in settings if each.startswith("threshold=")]
        beyond = f" (threshold {float(limit[0]) * 100:g} %)" if limit else ""
        yield from _line("Certainty", f"{number_text} %{beyond}", 2)
    for label, quantity in (("Volume", concepts.VOLUME), ("Area", concepts.AREA)):
        for item in _find(group, quantity):
            measured = item.MeasuredValueSequence[0]
            unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
            yield from _line(label, f"{float(measured.NumericValue):.4g} {unit}", 2)
    for reason, sentence in _reasons(group, concepts.REASON_UNDETERMINED):
        yield from _line("Undetermined", f"{reason}: {sentence}", 2)
    for item in _find(group, concepts.FINDING_SITE):
        yield from _line("Site", _value(item), 2)
    for item in _find(group, concepts.IMAGE_REGION):
        yield from _line("Region", _extent(item), 2)
        for image in _items(item):
            yield from _line("Image", _image(image), 2)
    for sentence in _comments(group):
        label, _, said = sentence.partition(": ")
        yield from _line(label, said, 2)
    for named in (concepts.REFERENCED_SEGMENT, concepts.REFERENCED_SEGMENTATION_FRAME):
        for image in _find(group, named):
            yield from _line("Segment", _image(image), 2)
    algorithm = " ".join(
        _text(group, each) for each in (concepts.ALGORITHM_NAME, concepts.ALGORITHM_VERSION)
    )
    # A digest is for machines; its beginning is enough to compare two reports by eye.
    short = [re.sub(r"([0-9a-f]{16})[0-9a-f]{48}", r"\1...", each) for each in settings]
    yield from _line("Algorithm", "; ".join([algorithm, *short]), 2)
    yield from _line("Tracking UID", _text(group, concepts.TRACKING_UID), 2)


def _not_assessed(evaluations: Dataset) -> Iterator[str]:
    status = next((_code(each) for each in _find(evaluations, concepts.SUMMARY_OF_ANALYSES)), None)
    if status == concepts.SUCCEEDED:
        yield "ASSESSED"
    elif status == concepts.PARTIALLY_SUCCEEDED:
        yield "PARTIALLY ASSESSED"
    else:
        yield f"NOT ASSESSED: {status.meaning.lower() if status else 'no reason stated'}"
    for item in _find(evaluations, concepts.SUMMARY):
        yield from _line("", _string(item), 2)
    for reason, sentence in _reasons(evaluations, concepts.REASON_NOT_ASSESSED):
        yield from _line("Reason", f"{reason}: {sentence}", 2)


def _reasons(container: Dataset, name: Code) -> Iterator[tuple[str, str]]:
    """Return each coded reason with the comment that follows it."""
    items = list(_items(container))
    for item, following in zip(items, [*items[1:], None], strict=True):
        if _name(item) == name:
            comment = following is not None and _name(following) == concepts.COMMENT
            yield _value(item), _string(following) if following is not None and comment else ""


def _comments(group: Dataset) -> Iterator[str]:
    """Return what is said in words but is no reason: the key slices."""
    items = _items(group)
    for before, item in zip([None, *items], items, strict=False):
        reason = before is not None and _name(before) == concepts.REASON_UNDETERMINED
        if _name(item) == concepts.COMMENT and not reason:
            yield _string(item)


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


def _line(label: str, value: str, indent: int = 0) -> Iterator[str]:
    """Return `label` and `value` in columns; a long value goes on below itself."""
    left = " " * indent
    column = _LABEL if label else 0
    parts = wrap(value, _WIDTH - indent - column, break_long_words=True) or [""]
    yield f"{left}{label:<{column}}{parts[0]}".rstrip()
    for part in parts[1:]:
        yield f"{left}{'':<{column}}{part}"


def _items(container: Dataset) -> list[Dataset]:
    return list(container.get("ContentSequence") or [])


def _find(container: Dataset, name: Code) -> list[Dataset]:
    return [each for each in _items(container) if _name(each) == name]


def _name(item: Dataset) -> Code | None:
    names = item.get("ConceptNameCodeSequence")
    return _triple(names[0]) if names else None


def _code(item: Dataset) -> Code | None:
    values = item.get("ConceptCodeSequence")
    return _triple(values[0]) if values else None


def _triple(item: Dataset) -> Code:
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue") or ""
    scheme = item.get("CodingSchemeDesignator") or ""
    return Code(str(value), str(scheme), str(item.get("CodeMeaning") or ""))


def _value(item: Dataset) -> str:
    found = _code(item)
    return found.meaning if found else ""


def _string(item: Dataset) -> str:
    return str(item.get("TextValue") or item.get("UID") or "")


def _text(container: Dataset, name: Code) -> str:
    return next((_string(each) for each in _find(container, name)), "")


def _date(value: object) -> str:
    text = str(value or "")
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 else text
