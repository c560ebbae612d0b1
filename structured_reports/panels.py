"""A picture of a result: the image as it is, and beside it what the model saw in it.

All text stands in bands of its own above and below, so that no anatomy is covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inference.domain.finding import Finding, Presence
from inference.domain.result import Result
from inference.ports import Evidence
from structured_reports import drawing
from structured_reports.device import Device
from structured_reports.drawing import MARGIN, Cell, Colour
from structured_reports.tints import tint
from structured_reports.words import measurement_text

NOTICE: Final = "AI result, not verified"
_LONGEST_SIDE: Final = 960  # pixels of a panel
_LONGEST_SIDE_OF_SLICE: Final = 720  # there are many of them
_MOST_ENLARGED: Final = 4  # times: a small source must still leave room for the text
_NARROWEST: Final = 1100  # pixels of the whole
_MOST_ROWS: Final = 8  # findings; the report has them all
_PRESENCE_COLOUR: Final = {
    Presence.PRESENT: (255, 138, 120),
    Presence.ABSENT: (126, 217, 150),
    Presence.UNDETERMINED: drawing.WARNING,
}
_CAPTION: Final = 44  # pixels


@dataclass(frozen=True, slots=True)
class Place:
    """Which slice of a Series this is: `name` as a viewer calls it, and the `ordinal`, from
    one, of the key slices. `certainty` is of this slice alone, in the order of the findings;
    None for one that has others as its key slices.
    """

    name: str
    ordinal: int
    of: int
    certainty: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class _Marks:
    """What is drawn over the image. `masks`: the place of an output among all colours."""

    heat: bool
    masks: dict[str, int]
    outlines: tuple[Finding, ...]

    @property
    def numbered(self) -> bool:
        """Are there so many outlines that a row of the facts must say which is its own?"""
        return len(self.outlines) > 1 and not self.heat


def overlay(
    evidence: Evidence,
    findings: Sequence[Finding],
    result: Result,
    device: Device,
    place: Place | None = None,
) -> NDArray[np.uint8]:
    """Return the picture, (rows, columns, 3), RGB. `evidence` must have a picture."""
    if evidence.picture is None:
        raise ValueError("an overlay needs a picture")
    rows, columns = evidence.picture.pixels.shape
    longest = _LONGEST_SIDE if place is None else _LONGEST_SIDE_OF_SLICE
    factor = min(longest / max(rows, columns), _MOST_ENLARGED)
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    plain = drawing.grey(evidence.picture.pixels, size)
    marks = _marks(evidence, findings)
    marked = _marked(plain, evidence, findings, marks, (size[0] / columns, size[1] / rows))
    header = _header(device, result)
    captions = _captions(evidence, findings, marks, place)
    of_slice = place.certainty if place is not None else (None,) * len(findings)
    bottom = (findings, result, marks, of_slice)
    return _compose(plain, marked, header, captions, bottom)


def _marks(evidence: Evidence, findings: Sequence[Finding]) -> _Marks:
    names = list(dict.fromkeys(each.output for each in findings if each.output))
    return _Marks(
        heat=evidence.heat_map is not None,
        masks={name: at for at, name in enumerate(names) if name in evidence.masks},
        outlines=tuple(
            each
            for each in findings
            if len(each.region.points) > 2
            and not each.region.whole_image
            and each.output not in evidence.masks
            and each.sop_instance_uid == evidence.instance.sop_instance_uid
        ),
    )


def _marked(
    plain: Image.Image,
    evidence: Evidence,
    findings: Sequence[Finding],
    marks: _Marks,
    scale: tuple[float, float],
) -> Image.Image:
    marked = plain if evidence.heat_map is None else drawing.blend(plain, evidence.heat_map)
    marked = marked.copy()
    for name, at in marks.masks.items():
        if evidence.masks[name].any():
            marked = drawing.draw_mask(marked, evidence.masks[name], tint(at))
    for finding in marks.outlines:
        drawing.draw_outline(marked, finding.region.points, scale)
    for finding in marks.outlines if marks.numbered else ():
        corner = min(x for x, _ in finding.region.points), min(y for _, y in finding.region.points)
        drawing.draw_number(marked, findings.index(finding) + 1, corner, scale)
    return marked


def _header(device: Device, result: Result) -> tuple[str, str]:
    title = f"{device.model_name}  {device.version}"
    return title, f"{device.manufacturer}  ·  study revision {result.revision}"


def _captions(
    evidence: Evidence, findings: Sequence[Finding], marks: _Marks, place: Place | None
) -> tuple[str, str]:
    """Return what stands above the image, and above the marked one."""
    sure = [(each.certainty, each.threshold) for each in findings]
    if place is None:
        left = "Source image"
    else:
        left = f"Source, slice {place.name}  ·  key slice {place.ordinal} of {place.of}"
        sure = [
            (certainty, each.threshold)
            for certainty, each in zip(place.certainty, findings, strict=True)
            if certainty is not None
        ]
    if marks.heat:
        right = (
            "Heat map: where the model found evidence"
            if any(certainty >= threshold for certainty, threshold in sure)
            else "Heat map: little evidence, below the threshold"
        )
    elif marks.masks:
        drawn = any(evidence.masks[name].any() for name in marks.masks)
        right = "Masks: what the model marked" if drawn else "Masks: nothing was marked here"
    else:
        right = (
            ("Regions" if marks.numbered else "Region")
            if marks.outlines
            else "The whole image was assessed: no region"
        )
    return left, right


def _compose(
    plain: Image.Image,
    marked: Image.Image,
    header: tuple[str, str],
    captions: tuple[str, str],
    facts: tuple[Sequence[Finding], Result, _Marks, Sequence[float | None]],
) -> NDArray[np.uint8]:
    bar = drawing.colour_bar(plain.height) if facts[2].heat else None
    legend = bar.width + 12 if bar else 0
    width = max(_NARROWEST, 2 * plain.width + 3 * MARGIN + legend)
    top = _top_band(width, header)
    bottom = _bottom_band(width, *facts)
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
    for text, x in zip(captions, (left, right), strict=True):
        caption = drawing.shorten(text, small, plain.width)
        draw.text((x, middle), caption, font=small, fill=drawing.MUTED, anchor="lm")
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
    taken = notice.getlength(NOTICE) + 3 * MARGIN
    draw.text(
        (width - MARGIN, (height - line) / 2),
        NOTICE,
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


def _lines(
    finding: Finding, of_slice: float | None, face: drawing.Font, width: int
) -> list[tuple[str, Colour]]:
    """Return what stands below a finding: what was measured, and why it is undetermined."""
    said = [measurement_text(each) for each in finding.measurements]
    if of_slice is not None:
        said.append(f"Certainty of this slice alone {of_slice * 100:.1f} %")
    found: list[tuple[str, Colour]] = [("  ·  ".join(said), drawing.TEXT)] if said else []
    for doubt in finding.doubts:
        lines = drawing.wrap(f"Undetermined because {doubt.detail}", face, width)
        found += [(text, drawing.WARNING) for text in lines]
    return found


def _bottom_band(
    width: int,
    findings: Sequence[Finding],
    result: Result,
    marks: _Marks,
    of_slice: Sequence[float | None],
) -> Image.Image:
    """Return the facts: a row for each finding, below it what else is said of it."""
    small, middle, large = (drawing.font(size) for size in (20, 23, 31))
    inner = width - 2 * MARGIN
    stops = [MARGIN + round(inner * share) for share in (0, 0.3, 0.5, 0.72, 0.87)]
    label, row, line, foot = 28, 50, 31, 46  # pixels
    shown = findings[:_MOST_ROWS]
    below = [
        _lines(finding, certainty, middle, inner)
        for finding, certainty in zip(shown, of_slice, strict=False)
    ]
    if len(findings) > len(shown):
        more = f"and {len(findings) - len(shown)} more, in the report"
        below[-1].append((more, drawing.MUTED))
    height = 18 + label + sum(row + line * len(lines) for lines in below) + 12 + foot
    band = Image.new("RGB", (width, height), drawing.BAND)
    draw = ImageDraw.Draw(band)
    draw.line((0, 0, width, 0), fill=drawing.RULE)
    y = 18
    for cell, x in zip(_cells(findings[0]) if findings else (), stops, strict=False):
        draw.text((x, y), cell.label, font=small, fill=drawing.MUTED, anchor="la")
    y += label
    ends = [*stops[1:], width]
    for number, (finding, lines) in enumerate(zip(shown, below, strict=True), start=1):
        used = 0.0
        if finding.output in marks.masks:
            colour = tint(marks.masks[finding.output])
            draw.rectangle((MARGIN, y + row / 2 - 9, MARGIN + 18, y + row / 2 + 9), fill=colour)
            used = 30
        elif marks.numbered and finding in marks.outlines:
            where = (MARGIN, y + row / 2)
            draw.text(where, str(number), font=large, fill=drawing.OUTLINE, anchor="lm")
            used = 42
        for cell, x, end in zip(_cells(finding), stops, ends, strict=True):
            start = x + (used if cell.label == "Finding" else 0)
            text = drawing.shorten(cell.value, large, end - start - 12)
            draw.text((start, y + row / 2), text, font=large, fill=cell.colour, anchor="lm")
        y += row
        for text, colour in lines:
            draw.text((MARGIN + used, y + line / 2), text, font=middle, fill=colour, anchor="lm")
            y += line
    draw.line((MARGIN, height - foot, width - MARGIN, height - foot), fill=drawing.RULE)
    made = f"{result.produced_at:%Y-%m-%d %H:%M} UTC"
    foot_line = height - foot / 2
    draw.text((MARGIN, foot_line), made, font=small, fill=drawing.MUTED, anchor="lm")
    hint = "A radiologist reads and decides. The report holds the same result as data."
    draw.text((width - MARGIN, foot_line), hint, font=small, fill=drawing.MUTED, anchor="rm")
    return band
