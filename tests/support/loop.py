"""What comes of a disagreement: its report in the PACS, and a training set without the patient."""

from __future__ import annotations

import csv
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import PATIENT_ID, PATIENT_NAME
from tests.support.servers import OrthancServer
from tests.support.validators import iod_errors, report_tree


def reports(orthanc: OrthancServer, folder: Path) -> list[Path]:
    """Return the Structured Reports in Orthanc, as files, the AI's first."""
    paths = []
    for series in orthanc.get("/series?expand"):
        for instance in series["Instances"] if series["MainDicomTags"]["Modality"] == "SR" else ():
            path = folder / f"{instance}.dcm"
            with orthanc.http() as http:
                path.write_bytes(http.get(f"/instances/{instance}/file").content)
            paths.append(path)
    return sorted(paths, key=lambda path: int(pydicom.dcmread(path).SeriesNumber))


def check_reports(orthanc: OrthancServer, folder: Path) -> tuple[Path, Path]:
    """Return the AI's report and the one that rejects it, by Arzt^Anna, as Atelectasis."""
    wait_for(lambda: len(reports(orthanc, folder)) == 2, "the review in Orthanc", 60)
    ours, review = reports(orthanc, folder)
    assert iod_errors(review) == []
    tree = report_tree(review)
    for words in ("Arzt^Anna", "Rejected", "Atelectasis", "seen on the lateral view"):
        assert words in tree
    assert str(pydicom.dcmread(ours).SOPInstanceUID) in str(pydicom.dcmread(review))
    return ours, review


def check_training_set(node: Node, folder: Path, source: Dataset, truth: str) -> None:
    """Export the reviews to `folder`: the pixels, the label, and nothing of the patient."""
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
            assert str(secret).lower() not in str(path.relative_to(folder.parent)).lower()
