"""A whole CT Series, from the modality to the PACS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.servers import OrthancServer
from tests.support.validators import entity_errors, iod_errors


@pytest.mark.shared
def test_a_series_is_read_as_one_and_names_the_slices_that_carry_the_answer(
    make_node: Callable[..., Node], orthanc_server: OrthancServer, shared_data: Path
) -> None:
    files = sorted((shared_data / "ct-chest-series").rglob("*.dcm"))
    node = make_node(
        gate=True,
        orthanc=[{"name": "pacs", "url": orthanc_server.url, "follow": False}],
        quiet_seconds=3,
    )
    storescu(files, node.port, called="WETREAD")
    (study,) = node.settle(1)["studies"]
    (job,) = study["jobs"]
    assert job["state"] == "done", job
    (finding,) = job["findings"]
    assert finding["presence"] == "absent"  # its protocol is called "Chest C-"
    roles = [each["role"] for each in job["objects"]]
    assert sorted(roles) == ["key objects", "overlay", "parametric map", "report"]
    sources = {str(pydicom.dcmread(each, stop_before_pixels=True).SOPInstanceUID) for each in files}
    held = {}
    for each in job["objects"]:
        assert orthanc_server.find(each["sop_instance_uid"])
        (path,) = node.home.glob(f"archive/results/**/{each['sop_instance_uid']}*")
        held[each["role"]] = path
        assert not iod_errors(path)
    assert not entity_errors([*held.values(), files[0]])
    overlay = pydicom.dcmread(held["overlay"])
    assert int(overlay.NumberOfFrames) == 3
    named = {
        str(item.ReferencedSOPInstanceUID)
        for item in pydicom.dcmread(held["key objects"])
        .CurrentRequestedProcedureEvidenceSequence[0]
        .ReferencedSeriesSequence[0]
        .ReferencedSOPSequence
    }
    assert named < sources
    assert len(named) == 3
