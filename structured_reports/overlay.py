"""The overlay: one Secondary Capture for each assessed picture (PS3.3 A.8.1).

It is a courtesy to viewers that show no reports. Every word on it is also in the report,
and the patient is named in the header only.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pydicom
from highdicom.sc import SCImage
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DA, TM

from inference.domain.finding import Finding, Presence
from inference.domain.result import Result, Role
from inference.ports import Evidence
from structured_reports import concepts, drawing, identity
from structured_reports.device import MANUFACTURER, Device, contributing_equipment, long_string
from structured_reports.drawing import MARGIN, Cell
from structured_reports.report import stamp
from structured_reports.source import Source, apply_identity

_LONGEST_SIDE = 960  # pixels of a panel
_MOST_ENLARGED = 4  # times: a small source must still leave room for the text
_NARROWEST = 1100  # pixels of the whole
_PRESENCE_COLOUR = {
    Presence.PRESENT: (255, 138, 120),
    Presence.ABSENT: (126, 217, 150),
    Presence.UNDETERMINED: drawing.WARNING,
}
_CAPTION = 44  # pixels
_NOTICE = "AI result, not verified"


def overlay(
    evidence: Evidence, findings: Sequence[Finding], result: Result, device: Device
) -> NDArray[np.uint8]:
    """Return the picture, (rows, columns, 3), RGB. `evidence` must have a picture."""
    if evidence.picture is None:
        raise ValueError("an overlay needs a picture")
    rows, columns = evidence.picture.pixels.shape
    factor = min(_LONGEST_SIDE / max(rows, columns), _MOST_ENLARGED)
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    plain = drawing.grey(evidence.picture.pixels, size)
    marked = plain if evidence.heat_map is None else drawing.blend(plain, evidence.heat_map)
    marked = marked.copy()
    for finding in findings:
        if len(finding.region.points) > 2 and not finding.region.whole_image:
            drawing.draw_outline(marked, finding.region.points, (size[0] / columns, size[1] / rows))
    header = _header(device, result)
    return _compose(plain, marked, header, findings, result, evidence.heat_map is not None)


def _header(device: Device, result: Result) -> tuple[str, str]:
    title = f"{device.model_name}  {device.version}"
    return title, f"{device.manufacturer}  ·  study revision {result.revision}"


def _caption(findings: Sequence[Finding]) -> str:
    if any(each.certainty >= each.threshold for each in findings):
        return "Heat map: where the model found evidence"
    return "Heat map: little evidence, below the threshold"


def _compose(
    plain: Image.Image,
    marked: Image.Image,
    header: tuple[str, str],
    findings: Sequence[Finding],
    result: Result,
    has_heat: bool,
) -> NDArray[np.uint8]:
    bar = drawing.colour_bar(plain.height) if has_heat else None
    legend = bar.width + 12 if bar else 0
    width = max(_NARROWEST, 2 * plain.width + 3 * MARGIN + legend)
    top = _top_band(width, header)
    bottom = _bottom_band(width, findings, result)
    height = top.height + _CAPTION + plain.height + MARGIN + bottom.height
    canvas = Image.new("RGB", (width, height), drawing.BACKGROUND)
    canvas.paste(top, (0, 0))
    canvas.paste(bottom, (0, height - bottom.height))
    content = 2 * plain.width + MARGIN + legend
    left = (width - content) // 2
    right = left + plain.width + MARGIN
    y = top.height + _CAPTION
    draw = ImageDraw.Draw(canvas)
    small = drawing.font(21)
    middle = top.height + _CAPTION / 2
    draw.text((left, middle), "Source image", font=small, fill=drawing.MUTED, anchor="lm")
    caption = _caption(findings) if has_heat else "Region"
    caption = drawing.shorten(caption, small, plain.width)
    draw.text((right, middle), caption, font=small, fill=drawing.MUTED, anchor="lm")
    canvas.paste(plain, (left, y))
    canvas.paste(marked, (right, y))
    if bar:
        canvas.paste(bar, (right + plain.width + 12, y))
    return np.asarray(canvas, dtype=np.uint8)


def _top_band(width: int, header: tuple[str, str]) -> Image.Image:
    height, line = 98, 3  # pixels
    band = Image.new("RGB", (width, height), drawing.BAND)
    draw = ImageDraw.Draw(band)
    draw.rectangle((0, height - line, width, height), fill=drawing.WARNING)
    notice = drawing.font(34)
    taken = notice.getlength(_NOTICE) + 3 * MARGIN
    draw.text(
        (width - MARGIN, (height - line) / 2),
        _NOTICE,
        font=notice,
        fill=drawing.WARNING,
        anchor="rm",
    )
    for text, size, y, colour in (
        (header[0], 34, 34, drawing.TEXT),
        (header[1], 21, 71, drawing.MUTED),
    ):
        face = drawing.font(size)
        text = drawing.shorten(text, face, width - taken)
        draw.text((MARGIN, y), text, font=face, fill=colour, anchor="lm")
    return band


def _cells(finding: Finding) -> tuple[Cell, ...]:
    return (
        Cell("Finding", finding.finding.meaning),
        Cell("Site", finding.site.meaning),
        Cell("Presence", finding.presence.value.upper(), _PRESENCE_COLOUR[finding.presence]),
        Cell("Certainty", f"{finding.certainty * 100:.1f} %"),
        Cell("Threshold", f"{finding.threshold * 100:.1f} %"),
    )


def _bottom_band(width: int, findings: Sequence[Finding], result: Result) -> Image.Image:
    """Return the facts: a row for each finding, below it why it is undetermined."""
    small, middle, large = (drawing.font(size) for size in (20, 23, 31))
    inner = width - 2 * MARGIN
    stops = [MARGIN + round(inner * share) for share in (0, 0.3, 0.5, 0.72, 0.87)]
    label, row, line, foot = 28, 50, 31, 46  # pixels
    doubts = [
        [
            text
            for doubt in finding.doubts
            for text in drawing.wrap(f"Undetermined because {doubt.detail}", middle, inner)
        ]
        for finding in findings
    ]
    height = 18 + label + sum(row + line * len(lines) for lines in doubts) + 12 + foot
    band = Image.new("RGB", (width, height), drawing.BAND)
    draw = ImageDraw.Draw(band)
    draw.line((0, 0, width, 0), fill=drawing.RULE)
    y = 18
    for cell, x in zip(_cells(findings[0]) if findings else (), stops, strict=False):
        draw.text((x, y), cell.label, font=small, fill=drawing.MUTED, anchor="la")
    y += label
    ends = [*stops[1:], width]
    for finding, lines in zip(findings, doubts, strict=True):
        for cell, x, end in zip(_cells(finding), stops, ends, strict=True):
            text = drawing.shorten(cell.value, large, end - x - 12)
            draw.text((x, y + row / 2), text, font=large, fill=cell.colour, anchor="lm")
        y += row
        for text in lines:
            where = (MARGIN, y + line / 2)
            draw.text(where, text, font=middle, fill=drawing.WARNING, anchor="lm")
            y += line
    draw.line((MARGIN, height - foot, width - MARGIN, height - foot), fill=drawing.RULE)
    made = f"{result.produced_at:%Y-%m-%d %H:%M} UTC"
    foot_line = height - foot / 2
    draw.text((MARGIN, foot_line), made, font=small, fill=drawing.MUTED, anchor="lm")
    hint = "A radiologist reads and decides. The report holds the same result as data."
    draw.text((width - MARGIN, foot_line), hint, font=small, fill=drawing.MUTED, anchor="rm")
    return band


def build_overlay(
    evidence: Evidence,
    source: Source,
    findings: Sequence[Finding],
    result: Result,
    device: Device,
    *,
    number: int,
    software_version: str,
    series_number: int,
    purpose: Code,
) -> Dataset:
    """Return the Secondary Capture; `number` is its Instance Number."""
    at = source.local(result.produced_at)
    image: Dataset = SCImage(
        pixel_array=overlay(evidence, findings, result, device),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=source.study_instance_uid,
        series_instance_uid=identity.series_uid(result, Role.OVERLAY),
        sop_instance_uid=identity.instance_uid(result, Role.OVERLAY, source.sop_instance_uid),
        series_number=series_number,
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=long_string(software_version),
        device_serial_number=long_string(device.serial_number),
        series_description=long_string(f"AI overlay, not verified: {device.model_name}"),
        patient_orientation=("L", "F"),
        contributing_equipment=[contributing_equipment(device, purpose)],
        content_date=DA(at.date()),
        content_time=TM(at.time()),
        specific_character_set="ISO_IR 192",
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    apply_identity(image, source)
    stamp(image, result, source)
    image.DateOfSecondaryCapture, image.TimeOfSecondaryCapture = DA(at.date()), TM(at.time())
    image.ImageType = ["DERIVED", "SECONDARY"]
    image.BurnedInAnnotation = "YES"
    image.RecognizableVisualFeatures = "NO"
    image.DerivationDescription = _description(findings, device)[:1024]  # ST
    image.DerivationCodeSequence = [
        CodedConcept.from_code(each) for each in (concepts.RESAMPLED, concepts.BLENDED)
    ]
    image.SourceImageSequence = [_reference(source, findings)]
    # Both are Type 2C: what the source does not say stays empty, but stays there. Body Part
    # Examined would decide whether Laterality may be there at all, so it is not copied.
    image.PatientOrientation = list(source.orientation) if source.orientation else ""
    image.Laterality = source.laterality
    return image


def _description(findings: Sequence[Finding], device: Device) -> str:
    said = "; ".join(
        f"{each.finding.meaning} {each.presence.value}, certainty {each.certainty * 100:.1f} %"
        for each in findings
    )
    return (
        f"{_NOTICE}. Source image beside the same image with the heat map of "
        f"{device.model_name} {device.version}. {said}"
    )


def _reference(source: Source, findings: Sequence[Finding]) -> Dataset:
    """Return the item of the Source Image Sequence (PS3.3 Table 10-3)."""
    item = Dataset()
    item.ReferencedSOPClassUID = source.sop_class_uid
    item.ReferencedSOPInstanceUID = source.sop_instance_uid
    if source.frames > 1 and findings:
        item.ReferencedFrameNumber = sorted({each.frame for each in findings})
    item.PurposeOfReferenceCodeSequence = [CodedConcept.from_code(concepts.SOURCE_IMAGE)]
    return item


def overlay_pixels(part10: bytes) -> NDArray[np.uint8]:
    """Return the picture in an overlay that was encoded, (rows, columns, 3), RGB."""
    image = pydicom.dcmread(BytesIO(part10))
    pixels = np.frombuffer(image.PixelData, dtype=np.uint8)
    return pixels[: image.Rows * image.Columns * 3].reshape(image.Rows, image.Columns, 3)
