"""Every kind of object, judged by other people's programs, and its pixels read by them.

dciodvfy and dcentvfy (PS3.3), DCMTK's dsrdump, dcmdump, dcmdjpls and dcm2pnm, Orthanc.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from PIL import Image

from inference.domain.finding import Finding, Measurement, Quantity
from inference.domain.manifest import Manifest
from inference.domain.result import Role
from inference.ports import EncodedObject, Evidence, Picture
from structured_reports.encoder import DicomResultEncoder
from structured_reports.overlay import overlay_frames
from tests.support.dcmtk import dcmtk
from tests.support.series import (
    COLUMNS,
    DETECTOR,
    ROWS,
    SEGMENTER,
    boxed,
    classified,
    mask_of,
    number_of,
    segmented,
    series_finding,
    slices_of,
    tissue,
    with_heat,
    with_masks,
    write_slice,
)
from tests.support.servers import OrthancServer
from tests.support.sources import MANIFEST, assessed, finding_of, heat_map, instance_of
from tests.support.tid1500 import dcm, template, violations
from tests.support.validators import entity_errors, iod_errors, report_tree

_NOWHERE: dict[str, object] = {"PixelSpacing": [0, 0]}
_Case = tuple[list[Evidence], list[Finding], Manifest]


def _both(folder: Path) -> _Case:
    """Return a Series with masks and heat maps: every kind of object."""
    evidence, findings, manifest = segmented(folder)
    return with_heat(evidence, (4, 5, 6)), findings, manifest


def _slice_alone(folder: Path) -> _Case:
    """Return one slice of a CT that is read as an image, with a mask and a heat map."""
    (evidence,) = (
        each
        for each in with_masks(with_heat(slices_of(folder), (4,)), ("consolidation",))
        if number_of(each) == 4
    )
    measured = (Measurement(Quantity.AREA, 50.4),)
    finding = replace(finding_of(evidence.instance), output="consolidation", measurements=measured)
    return [evidence], [finding], SEGMENTER


def _boxes(folder: Path) -> _Case:
    folder.mkdir(parents=True)
    path = write_slice(folder / "4.dcm", 4)
    evidence = Evidence(instance_of(path), path, Picture(tissue(4)))
    return [evidence], boxed(evidence, (10, 20, 30, 50), (40, 20, 60, 70)), DETECTOR


def _unplaced(folder: Path) -> _Case:
    """Return slices that nobody knows how to stack."""
    changes = _NOWHERE
    evidence = with_heat(with_masks(slices_of(folder, changes), ("consolidation",)), (4, 5))
    return evidence, [series_finding(evidence, {4: 0.9, 5: 0.8}, volume=1.5)], SEGMENTER


def _tilted(folder: Path) -> _Case:
    """Return a Series whose cosines are rounded, as in real headers, and without thickness."""
    folder.mkdir(parents=True, exist_ok=True)
    evidence = []
    for number in range(1, 9):
        changes = {
            "ImageOrientationPatient": [1, 0, 0, 0, 0.9659, -0.2588],
            "ImagePositionPatient": [-30.5, -41.25 + 0.647 * number, 10 + 2.4148 * number],
            "SliceThickness": None,
        }
        path = write_slice(folder / f"{number}.dcm", number, changes)
        evidence.append(Evidence(instance_of(path), path))
    evidence = with_masks(evidence, ("consolidation", "effusion"))
    return evidence, [series_finding(evidence, {4: 0.9, 5: 0.8}, volume=1.5)], SEGMENTER


_CASES = {
    "segmented": segmented,
    "classified": classified,
    "both": _both,
    "slice alone": _slice_alone,
    "boxes": _boxes,
    "unplaced": _unplaced,
    "tilted": _tilted,
}


def _encode(case: _Case) -> list[EncodedObject]:
    evidence, findings, manifest = case
    result = assessed(evidence[0].instance, findings)
    encoder = DicomResultEncoder(software_version="0.1.0")
    return list(encoder.encode(result, manifest, evidence, None))


def _written(objects: Sequence[EncodedObject], folder: Path) -> dict[Role, Path]:
    """Return the first object of each role, written."""
    paths: dict[Role, Path] = {}
    for each in objects:
        path = folder / f"{each.role.name.lower()}.dcm"
        if each.role not in paths:
            path.write_bytes(each.part10)
            paths[each.role] = path
    return paths


@pytest.mark.parametrize("name", _CASES)
def test_all_are_valid(name: str, tmp_path: Path) -> None:
    case = _CASES[name](tmp_path / "source")
    objects = _encode(case)
    paths = []
    for number, each in enumerate(objects):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(each.part10)
        assert iod_errors(path) == [], each.role
        paths.append(path)
    assert entity_errors([*(each.part10 for each in case[0]), *paths]) == []
    assert "Imaging Measurement Report" in report_tree(paths[0])
    report = hd.sr.srread(paths[0])
    assert violations(report, template(measured=True, refused=False), dcm("126000")) == []
    keys = [path for each, path in zip(objects, paths, strict=True)
            if each.role is Role.KEY_OBJECTS]  # fmt: skip
    for path in keys:
        assert "Key Object Selection Document" in report_tree(path)


def _raw(path: Path, folder: Path) -> bytes:
    """Return Pixel Data as DCMTK's dcmdump writes it."""
    folder.mkdir()
    subprocess.run(
        [dcmtk("dcmdump"), "-q", "+W", str(folder), str(path)], check=True, capture_output=True
    )
    (written,) = folder.iterdir()
    return written.read_bytes()


def test_dcmtk_reads_the_masks_bit_by_bit(tmp_path: Path) -> None:
    evidence, findings, manifest = segmented(tmp_path / "source")
    path = _written(_encode((evidence, findings, manifest)), tmp_path)[Role.SEGMENTATION]
    header = pydicom.dcmread(path, stop_before_pixels=True)
    bits = np.unpackbits(np.frombuffer(_raw(path, tmp_path / "raw"), np.uint8), bitorder="little")
    pixels = header.NumberOfFrames * ROWS * COLUMNS
    frames = bits[:pixels].reshape(header.NumberOfFrames, ROWS, COLUMNS).astype(bool)
    numbers = {each.instance.sop_instance_uid: number_of(each) for each in evidence}
    names = [each.output for each in findings]
    found = set()
    for frame, group in zip(frames, header.PerFrameFunctionalGroupsSequence, strict=True):
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        number = numbers[source.ReferencedSOPInstanceUID]
        segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert np.array_equal(frame, mask_of(number, names[segment - 1]))
        found.add((number, names[segment - 1]))
    assert found == {
        (number, name) for number in range(1, 9) for name in names if mask_of(number, name).any()
    }


@pytest.mark.parametrize("name", ["classified", "unplaced"])
def test_dcmtk_reads_the_heat_maps(name: str, tmp_path: Path) -> None:
    path = _written(_encode(_CASES[name](tmp_path / "source")), tmp_path)[Role.PARAMETRIC_MAP]
    plain = tmp_path / "plain.dcm"
    subprocess.run([dcmtk("dcmdjpls"), str(path), str(plain)], check=True, capture_output=True)
    stored = np.frombuffer(_raw(plain, tmp_path / "raw"), "<u2").reshape(-1, ROWS, COLUMNS)
    assert len(stored) == (3 if name == "classified" else 1)
    assert np.abs(stored / 255 - heat_map(ROWS, COLUMNS)).max() <= 0.5 / 255 + 1e-6


def test_dcmtk_draws_the_overlay(tmp_path: Path) -> None:
    objects = _encode(segmented(tmp_path / "source"))
    path = _written(objects, tmp_path)[Role.OVERLAY]
    subprocess.run(
        [dcmtk("dcm2pnm"), "+op", "+Fa", str(path), str(tmp_path / "frame")],
        check=True,
        capture_output=True,
    )
    frames = overlay_frames(next(e.part10 for e in objects if e.role is Role.OVERLAY))
    assert len(frames) == 3
    for number, frame in enumerate(frames):
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"frame.{number}.ppm")), frame)


def test_orthanc_takes_them_and_gives_them_back(
    orthanc_server: OrthancServer, tmp_path: Path
) -> None:
    case = _both(tmp_path / "source")
    nowhere = {"SOPInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3", "PixelSpacing": [0, 0]}
    path = write_slice(tmp_path / "nowhere.dcm", 9, nowhere)
    picture = Picture(tissue(9))
    radiograph = Evidence(instance_of(path), path, picture, heat_map(ROWS, COLUMNS))
    case = ([*case[0], radiograph], [*case[1], finding_of(radiograph.instance)], case[2])
    objects = _encode(case)
    paths = [each.part10 for each in case[0]]
    for number, each in enumerate(objects):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(each.part10)
    orthanc_server.upload(*paths)
    (study,) = orthanc_server.find(case[0][0].instance.study_instance_uid)
    series: Mapping[str, str] = {
        each["MainDicomTags"]["SeriesNumber"]: each["MainDicomTags"]["Modality"]
        for each in orthanc_server.get(f"/studies/{study}/series")
    }
    assert series == {
        "3": "CT", "9000": "SR", "9001": "OT", "9002": "SEG", "9003": "OT", "9004": "KO",
    }  # fmt: skip
    held = {
        each["MainDicomTags"]["SOPInstanceUID"]: each["ID"]
        for each in orthanc_server.get(f"/studies/{study}/instances")
    }
    with orthanc_server.http() as client:
        for each in objects:
            uid = held[each.sop_instance_uid]
            assert client.get(f"/instances/{uid}/file").content == each.part10
            if each.role is Role.PARAMETRIC_MAP:
                # Orthanc's own decoder, JPEG-LS and all.
                drawn = client.get(f"/instances/{uid}/frames/0/image-uint16")
                assert drawn.headers["content-type"] == "image/png"
                pixels = np.asarray(Image.open(BytesIO(drawn.content)))
                expected = heat_map(ROWS, COLUMNS) * 255
                assert np.abs(pixels - expected).max() <= 0.5 + 1e-3


def test_a_heat_map_of_a_radiograph_stays_small(tmp_path: Path) -> None:
    side = 2000
    path = write_slice(
        tmp_path / "1.dcm", 1, {"Rows": side, "Columns": side, "PixelSpacing": [0, 0]}
    )
    evidence = Evidence(
        instance_of(path), path, Picture(np.zeros((side, side), np.float32)), heat_map(side, side)
    )
    encoder = DicomResultEncoder(software_version="0.1.0", roles=frozenset({Role.PARAMETRIC_MAP}))
    result = assessed(evidence.instance, [finding_of(evidence.instance)])
    _, made = encoder.encode(result, MANIFEST, [evidence], None)
    assert len(made.part10) < 600_000  # bytes; 8 MB as it is
