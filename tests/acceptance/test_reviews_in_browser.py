"""The loop closed in a browser: disagreed with there, delivered, judged and exported."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pydicom

from tests.support.browser import browser_page
from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import PATIENT_ID, PATIENT_NAME, radiograph
from tests.support.servers import OrthancServer
from tests.support.validators import iod_errors, report_tree


def _reports(orthanc: OrthancServer, folder: Path) -> list[Path]:
    """Return the Structured Reports in Orthanc, the AI's first."""
    paths = []
    for series in orthanc.get("/series?expand"):
        for instance in series["Instances"] if series["MainDicomTags"]["Modality"] == "SR" else ():
            path = folder / f"{instance}.dcm"
            with orthanc.http() as http:
                path.write_bytes(http.get(f"/instances/{instance}/file").content)
            paths.append(path)
    return sorted(paths, key=lambda path: int(pydicom.dcmread(path).SeriesNumber))


def test_a_disagreement_in_the_browser_reaches_the_pacs_and_the_next_model(
    make_node: Callable[..., Node], orthanc_server: OrthancServer, tmp_path: Path
) -> None:
    node = make_node(orthanc=[{"name": "pacs", "url": orthanc_server.url, "follow": False}])
    source = radiograph(tmp_path / "image.dcm")
    storescu([tmp_path / "image.dcm"], node.port, called="WETREAD")
    node.settle(1)

    with browser_page() as page:
        page.goto(node.url, wait_until="networkidle")
        page.click("#list .open")
        page.wait_for_load_state("networkidle")
        page.keyboard.press("d")
        truth = page.input_value("[name=presence]")
        said = page.inner_text(".finding .word")
        assert truth in ("present", "absent", "")
        if not truth:  # who disagrees with what is undetermined has to say
            truth = "present"
            page.select_option("[name=presence]", truth)
        assert truth != said
        page.fill("[name=value]", "46621007")
        page.fill("[name=meaning]", "Atelectasis")
        page.select_option("[name=reason]", "other finding")
        page.fill("[name=comment]", "seen on the lateral view")
        page.fill("[name=reviewer]", "ann")
        page.fill("[name=reviewer_name]", "Arzt^Anna")
        page.click(".review .main")
        page.wait_for_selector(".said.done")
        page.click(".reviews summary")
        text = page.inner_text(".reviews pre")
        assert "AI result rejected" in text
        assert "Right finding Atelectasis" in text
        page.goto(node.url, wait_until="networkidle")
        assert page.inner_text(".list .verdict") == "disagree"

    node.settle(1)
    wait_for(lambda: len(_reports(orthanc_server, tmp_path)) == 2, "the review in Orthanc", 60)
    ours, review = _reports(orthanc_server, tmp_path)
    assert iod_errors(review) == []
    tree = report_tree(review)
    for words in ("Arzt^Anna", "Rejected", "Atelectasis", "seen on the lateral view"):
        assert words in tree
    assert str(pydicom.dcmread(ours).SOPInstanceUID) in str(pydicom.dcmread(review))

    folder = tmp_path / "set"
    done = node.run("reviews", "export", str(folder))
    assert done.returncode == 0, done.stderr
    with (folder / "labels.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["label"], row["verdict"], row["sct_46621007"]) == (truth, "disagree", "present")
    image = pydicom.dcmread(folder / row["file"])
    assert (image.pixel_array == source.pixel_array).all()
    secrets = [PATIENT_ID, *PATIENT_NAME.split("^"), "Arzt", "lateral view", "ACC1"]
    secrets += [source.PatientBirthDate, source.StudyDate]
    secrets += [source.StudyInstanceUID, source.SeriesInstanceUID, source.SOPInstanceUID]
    for path in (each for each in folder.rglob("*") if each.is_file()):
        for secret in secrets:
            assert str(secret).lower().encode() not in path.read_bytes().lower()
