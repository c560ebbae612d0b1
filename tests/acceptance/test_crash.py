"""kill -9 while images arrive and while jobs run: nothing acknowledged is lost, nothing doubled."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pydicom

from dicom_node.dimse.send import send_files
from tests.support.node import Node
from tests.support.programs import HOST, wait_for
from tests.support.radiographs import radiograph
from tests.support.servers import OrthancServer

STUDIES = 24
KILLS = 3


def test_acknowledged_instances_survive_and_get_one_result_each(
    make_node: Callable[..., Node], orthanc_server: OrthancServer, tmp_path: Path
) -> None:
    files = []
    for number in range(STUDIES):
        path = tmp_path / f"{number}.dcm"
        radiograph(path, seed=number, AccessionNumber=f"A{number}", shape=(512, 448))
        files.append(path)
    node = make_node(
        orthanc=[{"name": "pacs", "url": orthanc_server.url, "follow": False}], quiet_seconds=0.3
    )
    acknowledged: set[Path] = set()
    finished = threading.Event()

    def modality() -> None:
        """Send again and again what was not acknowledged, as modalities do."""
        while waiting := [each for each in files if each not in acknowledged]:
            for outcome in send_files(
                waiting, host=HOST, port=node.port, called_ae="WETREAD", calling_ae="XR1"
            ):
                if outcome.taken:
                    acknowledged.add(outcome.path)
        finished.set()

    sender = threading.Thread(target=modality, daemon=True)
    sender.start()
    choice = random.Random(20241121)
    for kill in range(1, KILLS + 1):
        # The first kills hit while images arrive; the last, while jobs run.
        enough = choice.randint(2, STUDIES // KILLS) + (kill - 1) * STUDIES // KILLS
        wait_for(lambda enough=enough: len(acknowledged) >= enough, "images arrive", 120)  # type: ignore[misc]
        if kill == KILLS:
            wait_for(lambda: node.status()["account"]["jobs_running"], "a job runs", 120)
        node.kill()
        node.start()
    assert finished.wait(120)

    status = node.settle(STUDIES, timeout=240)
    account = status["account"]
    assert account["instances"] == STUDIES
    assert account["jobs"] == account["results"] == STUDIES
    assert account["jobs_failed"] == account["deliveries_failed"] == 0
    wanted = {
        str(pydicom.dcmread(each, stop_before_pixels=True).StudyInstanceUID) for each in files
    }
    assert {each["study_instance_uid"] for each in status["studies"]} == wanted
    reports = Counter(
        tags["StudyInstanceUID"]
        for series in orthanc_server.get("/series?expand")
        if series["MainDicomTags"]["Modality"] == "SR"
        for tags in [orthanc_server.get(f"/studies/{series['ParentStudy']}")["MainDicomTags"]]
        for _ in series["Instances"]
    )
    assert reports == dict.fromkeys(wanted, 1)
