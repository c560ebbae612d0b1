"""The picture of a Series: a frame for each key slice; masks and boxes as they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.domain.finding import Finding, Measurement, Quantity
from inference.domain.result import Role
from inference.ports import EncodedObject, Evidence, Picture
from structured_reports import drawing
from structured_reports.device import device_of
from structured_reports.encoder import DicomResultEncoder
from structured_reports.overlay import overlay_frames
from structured_reports.panels import Place, overlay
from structured_reports.tints import tint
from tests.support.series import (
    DETECTOR,
    SEGMENTER,
    boxed,
    classified,
    number_of,
    segmented,
)
from tests.support.sources import MANIFEST, assessed, finding_of
from tests.unit.structured_reports.conftest import read

SIDE = 240  # pixels of the made-up image
_TOP, _LEFT = 98 + 44, 24  # of the panels, where they fill the width


def _overlays(
    encoder: DicomResultEncoder, evidence: Sequence[Evidence], findings: Sequence[Finding]
) -> list[EncodedObject]:
    objects = encoder.encode(assessed(evidence[0].instance, findings), SEGMENTER, evidence, None)
    return [each for each in objects if each.role is Role.OVERLAY]


def test_a_series_is_one_object_of_many_frames(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = classified(tmp_path)
    (made,) = _overlays(encoder, evidence, findings)
    image = read(made)
    assert made.sop_class_uid == "1.2.840.10008.5.1.4.1.1.7.4"
    assert image.file_meta.MediaStorageSOPClassUID == made.sop_class_uid
    assert (image.NumberOfFrames, list(image.PageNumberVector)) == (3, [1, 2, 3])
    assert image.BurnedInAnnotation == "YES"
    uids = {each.instance.sop_instance_uid: number_of(each) for each in evidence}
    sources = [uids[each.ReferencedSOPInstanceUID] for each in image.SourceImageSequence]
    assert sources == [5, 6, 2]  # as strong as the key slices are
    frames = overlay_frames(made.part10)
    assert np.array_equal(frames, image.pixel_array)
    assert len({each.tobytes() for each in frames}) == 3


def test_only_key_slices_with_a_picture_are_shown(
    encoder: DicomResultEncoder, tmp_path: Path
) -> None:
    evidence, findings, _ = classified(tmp_path)
    evidence = [replace(each, picture=None) if number_of(each) == 6 else each for each in evidence]
    (made,) = _overlays(encoder, evidence, findings)
    assert len(overlay_frames(made.part10)) == 2
    nothing = [replace(each, picture=None) for each in evidence]
    assert _overlays(encoder, nothing, findings) == []


def test_one_key_slice_is_one_frame(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = classified(tmp_path)
    single = replace(findings[0], slices=findings[0].slices[:1])
    (made,) = _overlays(encoder, evidence, [single])
    image = read(made)
    assert made.sop_class_uid == "1.2.840.10008.5.1.4.1.1.7.4"
    assert image.NumberOfFrames == 1
    assert "FrameIncrementPointer" not in image


def test_frames_of_two_sizes_are_made_one(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    evidence, findings, _ = segmented(tmp_path)
    evidence = [
        replace(each, picture=Picture(np.ones((40, 30), np.float32)), masks={})
        if number_of(each) == 5
        else each
        for each in evidence
    ]
    (made,) = _overlays(encoder, evidence, findings)
    assert overlay_frames(made.part10).ndim == 4


def _large(evidence: Evidence, **changes: object) -> Evidence:
    picture = Picture(np.full((SIDE * 4, SIDE * 4), 0.5, np.float32))
    return replace(evidence, **{"picture": picture, "heat_map": None} | changes)


def _panel(evidence: Evidence, findings: Sequence[Finding], side: int = 960) -> np.ndarray:
    result = assessed(evidence.instance, findings)
    picture = overlay(evidence, findings, result, device_of(result, MANIFEST, "0.1.0"))
    left = 2 * _LEFT + side
    return picture[_TOP : _TOP + side, left : left + side].astype(int)


def test_a_mask_is_tinted_and_outlined(evidence: Evidence) -> None:
    mask = np.zeros((960, 960), np.bool_)
    mask[300:500, 200:600] = True
    finding = replace(finding_of(evidence.instance), output="one")
    panel = _panel(_large(evidence, masks={"one": mask}), [finding])
    inside = panel[400, 400]
    assert np.abs(inside - (0.7 * 127.5 + 0.3 * np.array(tint(0)))).max() <= 2
    assert (panel[100, 100] == panel[100, 100][0]).all()  # grey, as it was
    ring = (np.abs(panel - np.array(tint(0))) < 8).all(axis=-1)
    rows, columns = np.nonzero(ring)
    assert (abs(rows.min() - 299) <= 2, abs(rows.max() - 500) <= 2) == (True, True)
    assert (abs(columns.min() - 199) <= 2, abs(columns.max() - 600) <= 2) == (True, True)


def test_each_output_has_a_colour_of_its_own(evidence: Evidence) -> None:
    masks = {name: np.zeros((960, 960), np.bool_) for name in ("one", "two")}
    masks["one"][:100, :100] = True
    masks["two"][800:, 800:] = True
    findings = [replace(finding_of(evidence.instance), output=name) for name in masks]
    panel = _panel(_large(evidence, masks=masks), findings)
    assert np.abs(panel[50, 50] - (0.7 * 127.5 + 0.3 * np.array(tint(0)))).max() <= 2
    assert np.abs(panel[900, 900] - (0.7 * 127.5 + 0.3 * np.array(tint(1)))).max() <= 2


def test_a_single_pixel_is_seen(evidence: Evidence) -> None:
    mask = np.zeros((960, 960), np.bool_)
    mask[480, 480] = True
    finding = replace(finding_of(evidence.instance), output="one")
    panel = _panel(_large(evidence, masks={"one": mask}), [finding])
    assert (np.abs(panel - np.array(tint(0))) < 8).all(axis=-1).sum() >= 8


def test_an_empty_mask_marks_nothing(evidence: Evidence) -> None:
    finding = replace(finding_of(evidence.instance), output="one")
    empty = _large(evidence, masks={"one": np.zeros((960, 960), np.bool_)})
    assert len(np.unique(_panel(empty, [finding]))) == 1


def test_boxes_are_drawn_and_numbered(evidence: Evidence) -> None:
    findings = boxed(evidence, (100, 200, 300, 400), (500, 500, 800, 700))
    panel = _panel(_large(evidence), findings)
    bright = (np.abs(panel - np.array(drawing.OUTLINE)) < 40).all(axis=-1)
    for left, top, right, bottom in ((100, 200, 300, 400), (500, 500, 800, 700)):
        assert bright[top - 2 : top + 3, left:right].any(axis=0).mean() > 0.95
        assert bright[bottom - 2 : bottom + 3, left:right].any(axis=0).mean() > 0.95
        assert not bright[top + 10 : bottom - 10, left + 10 : right - 10].any()
        assert bright[top - 30 : top - 8, left : left + 30].any()  # its number


def test_a_single_box_needs_no_number(evidence: Evidence) -> None:
    panel = _panel(_large(evidence), boxed(evidence, (100, 200, 300, 400)))
    bright = (np.abs(panel - np.array(drawing.OUTLINE)) < 40).all(axis=-1)
    assert not bright[150:190, 90:140].any()


@pytest.mark.parametrize("number", [9, 40])
def test_many_findings_do_not_push_the_image_away(evidence: Evidence, number: int) -> None:
    findings = boxed(evidence, *[(10.0 * n, 10, 10.0 * n + 8, 30) for n in range(number)])
    findings = [replace(each, certainty=0.5) for each in findings]
    result = assessed(evidence.instance, findings)
    picture = overlay(_large(evidence), findings, result, device_of(result, DETECTOR, "0.1.0"))
    assert picture.shape[0] < 1750


def test_what_is_measured_and_the_slice_stand_in_the_facts(evidence: Evidence) -> None:
    finding = finding_of(evidence.instance)
    measured = replace(finding, measurements=(Measurement(Quantity.VOLUME, 12.5),))
    result = assessed(evidence.instance, [finding])
    device = device_of(result, MANIFEST, "0.1.0")
    place = Place("12", 1, 3, (0.9,))
    plain = overlay(evidence, [finding], result, device)
    assert overlay(evidence, [measured], result, device).shape[0] == plain.shape[0] + 31
    first, other = (
        overlay(evidence, [finding], result, device, each)
        for each in (place, replace(place, certainty=(0.8,)))
    )
    assert first.shape == other.shape
    assert not np.array_equal(first, other)
