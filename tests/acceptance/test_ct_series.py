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
    assert job["state"] == "done", job["reasons"][:3]
    (finding,) = job["findings"]
    assert finding["presence"] == "absent"  # its protocol is called "Chest C-"
    roles = [each["role"] for each in job["objects"]]
    assert sorted(roles) == ["overlay", "parametric map", "report"]
    sources = {str(pydicom.dcmread(each, stop_before_pixels=True).SOPInstanceUID) for each in files}
    held = {}
    for each in job["objects"]:
        assert orthanc_server.find(each["sop_instance_uid"])
        (path,) = node.home.glob(f"archive/results/**/{each['sop_instance_uid']}*")
        held[each["role"]] = path
        assert not iod_errors(path)
    # The sources refer to Instances that nobody has.
    assert set(entity_errors([*held.values(), *files])) <= set(entity_errors(files))
    overlay = pydicom.dcmread(held["overlay"])
    assert int(overlay.NumberOfFrames) == 3
    report = pydicom.dcmread(held["report"])
    named = {
        str(item.ReferencedSOPInstanceUID)
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert sources < named
    assert {str(pydicom.dcmread(held[role]).SOPInstanceUID) for role in roles[1:]} < named
