"""Every kind of image that hospitals send ends in a result or in a report that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import pydicom
import pytest

from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.servers import OrthancServer
from tests.support.validators import iod_errors, report_tree

SAME_UID_AS_TEST1 = "nih-test5.dcm"


@pytest.mark.shared
def test_every_sample_ends_in_a_report_that_orthanc_holds(
    make_node: Callable[..., Node], orthanc_server: OrthancServer, shared_data: Path
) -> None:
    files = sorted((shared_data / "dicom-samples").rglob("*.dcm"))
    # It has the SOP Instance UID of nih-test1 and another header: it goes to a node of its own.
    files = [each for each in files if each.name != SAME_UID_AS_TEST1]
    node = make_node(
        orthanc=[{"name": "pacs", "url": orthanc_server.url, "follow": False}], quiet_seconds=3
    )
    for file in files:
        storescu([file], node.port, called="WETREAD")
    studies = {
        str(pydicom.dcmread(each, stop_before_pixels=True).StudyInstanceUID) for each in files
    }
    status = node.settle(len(studies))

    account = status["account"]
    assert account["instances"] == len(files)
    assert account["studies_received"] == account["studies_stable"] == len(studies)
    assert account["jobs_failed"] == account["deliveries_failed"] == 0
    assert account["conflicts"] == account["unreadable"] == 0
    for study in status["studies"]:
        for job in study["jobs"]:
            assert job["state"] in ("done", "refused"), job
            assert job["findings"] or job["reasons"], job
            assert [each["role"] for each in job["objects"]].count("report") == 1
            for each in job["objects"]:
                assert orthanc_server.find(each["sop_instance_uid"])
    _check_objects(node)


@pytest.mark.shared
def test_a_header_that_lies_is_answered_by_what_the_pixels_show(
    make_node: Callable[..., Node], shared_data: Path
) -> None:
    node = make_node(gate=True)
    storescu(
        [shared_data / "dicom-samples" / "chest-radiographs" / SAME_UID_AS_TEST1],
        node.port,
        called="WETREAD",
    )
    (study,) = node.settle(1)["studies"]
    (job,) = study["jobs"]
    assert job["model"] == "ct-contrast 1.0.0"  # the header says CT
    assert job["state"] == "refused"
    assert "By its pixels this is a frontal chest radiograph" in "".join(job["reasons"])
    _check_objects(node)


def _check_objects(node: Node) -> None:
    for path in node.results():
        assert iod_errors(path) == [], path
    reports = node.results("report")
    assert reports
    for path in reports:
        tree = report_tree(path)
        assert "Imaging Measurement Report" in tree or "AI Report - Not Assessed" in tree
        document = hd.sr.srread(path)
        assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"
