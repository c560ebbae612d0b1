"""Headers lie: a node with its gate looks at the pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import generate_uid

from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.radiographs import radiograph


def test_only_the_chest_radiograph_is_scored_whatever_the_headers_say(
    make_node: Callable[..., Node], pydicom_data: Path, tmp_path: Path
) -> None:
    chest = pydicom_data / "RG1_UNCR.dcm"
    turned = pydicom.dcmread(chest)
    turned.PixelData = np.rot90(turned.pixel_array).astype("<u2").tobytes()
    turned.Rows, turned.Columns = turned.Columns, turned.Rows
    inverted = pydicom.dcmread(chest)
    inverted.PhotometricInterpretation = "MONOCHROME2"
    head = pydicom.dcmread(pydicom_data / "693_UNCR.dcm")
    files = []
    for name, ds in (("turned", turned), ("inverted", inverted), ("head", head)):
        ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "CR", "CHEST", "PA"
        ds.StudyInstanceUID = generate_uid()
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        files.append(tmp_path / f"{name}.dcm")
        ds.save_as(files[-1])
    radiograph(tmp_path / "drawn.dcm")
    node = make_node(gate=True)
    storescu([chest, *files, tmp_path / "drawn.dcm"], node.port, called="WETREAD")
    status = node.settle(5)
    jobs = [job for study in status["studies"] for job in study["jobs"]]
    assert [len(job["findings"]) for job in jobs].count(1) == 1
    reasons = sorted(job["reasons"][0] for job in jobs if not job["findings"])
    assert len(reasons) == 4
    text = "\n".join(reasons)
    assert "turned counterclockwise" in text
    assert "black and white exchanged" in text
    assert "CT slice" in text
