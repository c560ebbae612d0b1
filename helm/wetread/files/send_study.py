"""Send a made-up patient's study as a modality would, and wait until its report can be read.

`helm test` runs it in the release's own image. It takes everything from the environment:
TEST_HOST, TEST_PORT, TEST_AE_TITLE and TEST_CALLING_AE_TITLE; TEST_URL of the pages;
TEST_SECONDS to wait for both, that the study is taken and that its report is there.
"""

import http.client
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

IMAGE = "RG1_UNCR.dcm"  # a chest radiograph that comes with the image, of pydicom-data
SR = "SR"
PAUSE = 2  # seconds


def study(folder: Path) -> str:
    """Write a new study into `folder`; return its Study Instance UID."""
    package = importlib.util.find_spec("data_store")
    if package is None or not package.submodule_search_locations:
        sys.exit("the image holds no test study")
    dataset = pydicom.dcmread(Path(package.submodule_search_locations[0]) / "data" / IMAGE)
    dataset.PatientName = "WETREAD^TEST"
    dataset.PatientID = "WETREAD-TEST"
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, name, generate_uid())
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(folder / "test.dcm")
    return str(dataset.StudyInstanceUID)


def send(folder: Path) -> bool:
    """Return whether it was taken; where not, `wetread send` says why."""
    command = ["wetread", "send", str(folder), "--host", os.environ["TEST_HOST"]]
    command += ["--port", os.environ["TEST_PORT"], "--called", os.environ["TEST_AE_TITLE"]]
    command += ["--calling", os.environ["TEST_CALLING_AE_TITLE"]]
    return subprocess.run(command, check=False).returncode == 0


def reports(study_instance_uid: str) -> list[dict[str, object]]:
    """QIDO-RS, PS3.18 Section 10.6: the study's series of Structured Reports."""
    address = (
        f"{os.environ['TEST_URL']}/dicom-web/studies/{study_instance_uid}/series?Modality={SR}"
    )
    request = urllib.request.Request(address, headers={"Accept": "application/dicom+json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"[]")


def main() -> None:
    seconds = os.environ["TEST_SECONDS"]
    deadline = time.monotonic() + float(seconds)
    with tempfile.TemporaryDirectory() as temporary:
        uid = study(Path(temporary))
        # Right after an installation nobody listens yet.
        while not send(Path(temporary)):
            if time.monotonic() > deadline:
                sys.exit(f"The study was not taken within {seconds} seconds.")
            time.sleep(PAUSE)
    print(f"Sent study {uid}; waiting for its report.", flush=True)
    why = "no report yet"
    while time.monotonic() < deadline:
        try:
            if found := reports(uid):
                print(f"Its report is there: {len(found)} series of modality {SR}.")
                return
        except (OSError, http.client.HTTPException) as error:
            why = str(error)
        time.sleep(PAUSE)
    sys.exit(f"No report within {seconds} seconds: {why}")


if __name__ == "__main__":
    main()
