"""The certainty depends on what is seen, not on how it is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from tests.support.dcmtk import storescu
from tests.support.node import Node


def test_monochrome1_and_its_monochrome2_copy_give_the_same_certainty(
    make_node: Callable[..., Node], pydicom_data: Path, tmp_path: Path
) -> None:
    source = pydicom_data / "RG1_UNCR.dcm"
    ds = pydicom.dcmread(source)
    top = 2**ds.BitsStored - 1
    ds.PixelData = (top - ds.pixel_array).astype("<u2").tobytes()
    ds.PhotometricInterpretation = "MONOCHROME2"
    # PS3.3 C.11.2.1.2: the window that shows the mirrored values as before.
    center = ds.WindowCenter[0] if ds["WindowCenter"].VM > 1 else ds.WindowCenter
    width = ds.WindowWidth[0] if ds["WindowWidth"].VM > 1 else ds.WindowWidth
    ds.WindowCenter, ds.WindowWidth = str(top - float(center) + 1), str(width)
    ds.pop("SmallestImagePixelValue", None)
    ds.pop("LargestImagePixelValue", None)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = generate_uid()
    copy = tmp_path / "monochrome2.dcm"
    ds.save_as(copy)
    node = make_node()
    storescu([source, copy], node.port, called="WETREAD")
    status = node.settle(2)
    certainties = [
        finding["certainty"]
        for study in status["studies"]
        for job in study["jobs"]
        for finding in job["findings"]
    ]
    assert len(certainties) == 2
    assert certainties[0] == pytest.approx(certainties[1], abs=1e-3)
