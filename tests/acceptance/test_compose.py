"""compose.yaml on one box: a real Compose, and Debian's PostgreSQL and Orthanc in containers.

Docker runs in a network of its own, so that the published ports are nobody else's. Skipped but
with WETREAD_TEST_IMAGE=build (tests/support/docker.py); `tools/test-image.sh` says so.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pydicom.uid import generate_uid

from tests.support.compose import SAID, Compose, service_of
from tests.support.dcmtk import storescu
from tests.support.docker import IMAGE, WANTED, Daemon
from tests.support.namespaces import Network
from tests.support.programs import HOST, wait_for

DIMSE, PAGES, ORTHANC = 11112, 8080, 8042  # the ports that the file publishes
PASSWORD = SAID["ORTHANC_PASSWORD"]
ROLES = ("receiver", "web", "worker")

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not WANTED, reason="it takes an image: tools/test-image.sh builds it"),
]


class Box:
    """Everything that compose.yaml starts."""

    def __init__(self, compose: Compose, network: Network) -> None:
        self.compose = compose
        self.network = network

    def up(self, *options: str) -> None:
        self.compose("up", "--detach", *options)
        try:
            wait_for(self.is_healthy, "all are healthy", 300)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.compose.logs()}") from None

    def is_healthy(self) -> bool:
        states = [
            (service_of(each), each["State"]["Status"], each["State"].get("Health", {}))
            for each in self.compose.containers()
        ]
        return {name for name, _, _ in states} >= {*ROLES, "postgresql", "orthanc"} and all(
            status == "exited" if name == "migration" else health.get("Status") == "healthy"
            for name, status, health in states
        )

    def send(self, files: list[Path]) -> None:
        self.network(storescu, files, DIMSE, called="WETREAD")

    def get(self, port: int, path: str) -> Any:
        answer = self.network(
            httpx.get,
            f"http://{HOST}:{port}{path}",
            auth=("wetread", PASSWORD) if port == ORTHANC else None,
            headers={"Accept": "application/dicom+json"} if "dicom-web" in path else None,
            trust_env=False,
            timeout=60,
        ).raise_for_status()
        return answer.json() if answer.content else []

    def reports_in_orthanc(self) -> Counter[str]:
        """How many reports Orthanc holds of each Study."""
        return Counter(
            self.get(ORTHANC, f"/studies/{series['ParentStudy']}")["MainDicomTags"][
                "StudyInstanceUID"
            ]
            for series in self.get(ORTHANC, "/series?expand")
            if series["MainDicomTags"]["Modality"] == "SR"
            for _ in series["Instances"]
        )

    def reports_by_dicomweb(self, study: str) -> int:
        """PS3.18 Section 10.6: the Study's reports in the node itself."""
        return len(self.get(PAGES, f"/dicom-web/studies/{study}/instances?Modality=SR"))

    def account(self) -> dict[str, int]:
        account: dict[str, int] = self.get(PAGES, "/api/v1/status")["account"]
        return account

    def wait_reported(self, studies: set[str]) -> None:
        try:
            wait_for(
                lambda: studies <= set(self.reports_in_orthanc()), f"{len(studies)} reports", 300
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.compose.logs()}") from None


@pytest.fixture(scope="module")
def box(docker_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with ExitStack() as stack:
        daemon = stack.enter_context(Daemon(docker_folder, apart=True))
        network = Network(daemon.pid)
        stack.callback(network.close)
        hurry = {"environment": {"WETREAD_QUIET_SECONDS": "1", "WETREAD_LEASE_SECONDS": "10"}}
        compose = Compose(
            daemon.docker,
            tmp_path_factory.mktemp("compose"),
            {"services": {role: hurry for role in ROLES}},
            WETREAD_IMAGE=IMAGE,
            **SAID,
        )
        stack.callback(compose, "down", "--volumes")
        found = Box(compose, network)
        found.up()
        yield found


def draw(folder: Path, source: Path, count: int) -> dict[str, Path]:
    """Write Studies of one image each, by Study Instance UID."""
    files = {}
    for number in range(count):
        dataset = pydicom.dcmread(source)
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(dataset, name, generate_uid())
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        files[str(dataset.StudyInstanceUID)] = folder / f"{number}.dcm"
        dataset.save_as(folder / f"{number}.dcm")
    return files


@pytest.fixture
def studies(tmp_path: Path, pydicom_data: Path) -> dict[str, Path]:
    """Eight Studies that nobody has seen."""
    return draw(tmp_path, pydicom_data / "RG1_UNCR.dcm", 8)


def test_no_process_in_it_has_a_right_or_a_root_that_it_can_write_to(box: Box) -> None:
    for each in box.compose.containers():
        assert each["HostConfig"]["ReadonlyRootfs"], service_of(each)
        if pid := each["State"]["Pid"]:
            status = Path(f"/proc/{pid}/status").read_text()
            assert "CapEff:\t0000000000000000" in status, service_of(each)
            assert "NoNewPrivs:\t1" in status, service_of(each)


def test_a_study_sent_to_the_box_has_its_report_in_orthanc_and_by_dicomweb(
    box: Box, studies: dict[str, Path]
) -> None:
    study, file = next(iter(studies.items()))
    box.send([file])
    box.wait_reported({study})
    assert box.reports_by_dicomweb(study) == 1


def test_a_study_sent_to_orthanc_comes_back_with_its_report(
    box: Box, studies: dict[str, Path]
) -> None:
    study, file = next(iter(studies.items()))
    box.network(
        httpx.post,
        f"http://{HOST}:{ORTHANC}/instances",
        content=file.read_bytes(),
        auth=("wetread", PASSWORD),
        trust_env=False,
    ).raise_for_status()
    box.wait_reported({study})


def test_nothing_is_lost_when_one_of_three_workers_dies_and_the_receiver_starts_anew(
    box: Box, studies: dict[str, Path]
) -> None:
    box.up("--scale", "worker=3")
    assert len(box.compose.containers("worker")) == 3
    box.send(list(studies.values())[:6])
    wait_for(lambda: box.account()["jobs_running"], "a job is read", 120)
    # As the kernel kills what has no memory left; `docker kill` would say that it was wanted.
    victim = box.compose.containers("worker")[0]
    os.kill(victim["State"]["Pid"], signal.SIGKILL)
    box.compose("restart", "receiver")
    wait_for(box.is_healthy, "the dead worker and the receiver are back", 300)
    assert box.compose.docker.inspect(victim["Id"])[0]["RestartCount"] == 1
    box.send(list(studies.values())[6:])
    box.wait_reported(set(studies))
    wait_for(lambda: not box.account()["deliveries_pending"], "all is delivered", 120)
    assert box.account()["jobs_failed"] == 0
    assert {box.reports_in_orthanc()[each] for each in studies} == {1}
    assert {box.reports_by_dicomweb(each) for each in studies} == {1}


def test_what_it_holds_is_there_again_after_down_and_up(box: Box, studies: dict[str, Path]) -> None:
    study, file = next(iter(studies.items()))
    box.send([file])
    box.wait_reported({study})
    before = box.reports_in_orthanc(), box.account()["instances"]
    box.compose("stop", *ROLES)  # before the database, as newer ones do by themselves
    box.compose("stop")
    ended = {service_of(each): each["State"]["ExitCode"] for each in box.compose.containers()}
    assert {ended[role] for role in (*ROLES, "postgresql", "orthanc")} == {0}
    box.compose("down")
    volumes = box.compose.docker("volume", "ls", "--format", "{{.Name}}").split()
    assert set(volumes) == {
        f"wetread_{name}" for name in ("archive", "database", "home", "orthanc")
    }
    box.up()
    assert (box.reports_in_orthanc(), box.account()["instances"]) == before
    assert box.reports_by_dicomweb(study) == 1
