"""The demonstration: a node, an Orthanc, a modality, and what becomes of four studies."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from dicom_node.dimse.send import send_files
from inference.domain.job import JobState
from inference.domain.result import Result, Role
from inference.domain.study import Study
from structured_reports.text import report_as_text
from wetread import settings
from wetread.bootstrap import Stores, open_stores
from wetread.pictures import overlay_as_png
from wetread.processes import DemoFailed, Processes, free_port
from wetread.web.viewer import viewer_url
from wetread.web.viewer_config import ROOT
from wetread.web.viewer_files import ViewerFiles

# A chest radiograph, a leg, a head CT and an ultrasound, all in pydicom-data.
_IMAGES = ("RG1_UNCR.dcm", "RG3_UNCR.dcm", "693_UNCR.dcm", "US1_UNCR.dcm")
_QUIET = 2.0  # seconds; a demo has no modality that pauses
_READ_LIMIT = 300.0  # seconds
_MARKER = ".wetread-demo"


@dataclass(frozen=True, slots=True)
class Row:
    patient: str
    modality: str
    recognised: str
    answer: str
    report_uid: str
    overlay_uid: str
    viewer: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Demo:
    """A context manager: what it started is stopped at its end."""

    studies = len(_IMAGES)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.results = folder / "results"
        self.notes: list[str] = []
        self._processes = Processes(folder)
        self._orthanc = shutil.which("Orthanc")
        self._ports: dict[str, int] = {}
        self._node: subprocess.Popen[bytes] | None = None
        if self._orthanc is None:
            self.notes.append(
                "Orthanc is not installed: the results are in the node's archive alone."
            )

    @property
    def services(self) -> int:
        return 2 if self._orthanc else 1

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._ports['http']}/"

    @property
    def orthanc_address(self) -> str:
        return f"http://127.0.0.1:{self._ports['orthanc']}/" if self._orthanc else ""

    def __enter__(self) -> Demo:
        _make_anew(self._folder)
        self.results.mkdir()
        self._ports = {
            "http": self._port("HTTP", 8080),
            "dimse": self._port("DICOM", 11112),
            "orthanc": free_port(),
            "orthanc-dicom": free_port(),
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._processes.close()

    def start(self) -> Iterator[None]:
        """Start Orthanc and the node; yields once for each that answers."""
        if self._orthanc:
            self._start_orthanc(self._orthanc)
            yield
        environment = os.environ | {
            "WETREAD_HOME": str(self._folder / "node"),
            "WETREAD_DIMSE_HOST": "127.0.0.1",
            "WETREAD_DIMSE_PORT": str(self._ports["dimse"]),
            "WETREAD_HTTP_PORT": str(self._ports["http"]),
            "WETREAD_QUIET_SECONDS": str(_QUIET),
            "WETREAD_LOW_WATERMARK_MB": "100",
        }
        if self._orthanc:
            environment["WETREAD_ORTHANC"] = json.dumps(
                [{"name": "orthanc", "url": self.orthanc_address.rstrip("/")}]
            )
        command = [sys.executable, "-m", "wetread", "serve"]
        self._node = self._processes.run(command, "node.log", environment)
        self._processes.wait_for(f"{self.address}readyz", self._node, "node.log")
        yield

    def send(self) -> Iterator[None]:
        """Send the images by C-STORE to the node and, like a modality, to the PACS as well."""
        files = _images()
        for outcome in send_files(
            files,
            host="127.0.0.1",
            port=self._ports["dimse"],
            called_ae="WETREAD",
            calling_ae="MODALITY",
        ):
            if not outcome.taken:
                raise DemoFailed(f"{outcome.path.name} was not taken: {outcome.message}")
            yield
        if self._orthanc:
            for _ in send_files(
                files,
                host="127.0.0.1",
                port=self._ports["orthanc-dicom"],
                called_ae="ORTHANC",
                calling_ae="MODALITY",
            ):
                pass

    def wait(self) -> Iterator[int]:
        """Yield how many studies have all their results delivered, until all have."""
        deadline = time.monotonic() + _READ_LIMIT
        while True:
            account = self._status()["account"]
            ended = account["jobs_done"] + account["jobs_refused"] + account["jobs_failed"]
            yield min(ended, self.studies)
            if ended >= self.studies and not account["deliveries_pending"]:
                return
            if time.monotonic() > deadline or (self._node and self._node.poll() is not None):
                raise DemoFailed(f"the results are not in; see {self._folder / 'node.log'}")
            time.sleep(0.2)

    def rows(self) -> list[Row]:
        """Return the table, and write each overlay as PNG and each report as text."""
        stores = open_stores(settings.load(home=self._folder / "node"))
        try:
            rows = [self._row(stores, each) for each in reversed(stores.index.studies())]
        finally:
            stores.close()
        return rows

    def stay(self) -> None:
        """Wait until the node ends or somebody interrupts."""
        if self._node is not None:
            try:
                self._node.wait()
            except KeyboardInterrupt:
                return

    def _row(self, stores: Stores, study: Study) -> Row:
        job, result = stores.results.of_study(study.study_instance_uid)[0]
        attributes = study.attributes
        name = f"{attributes.patient_id or study.study_instance_uid}-{attributes.modality}".lower()
        uids = dict.fromkeys(Role, "")
        for each in result.objects:
            part10 = stores.archive.path(each.key).read_bytes()
            uids[each.role] = each.sop_instance_uid
            if each.role is Role.OVERLAY:
                (self.results / f"{name}-overlay.png").write_bytes(overlay_as_png(part10))
            elif each.role is Role.REPORT:
                (self.results / f"{name}-report.txt").write_text(report_as_text(part10))
        if job.state is JobState.FAILED:
            self.notes.append(f"Job {job.job_id} failed: {job.error}")
        return Row(
            patient=attributes.patient_name or attributes.patient_id,
            modality=attributes.modality,
            recognised=" ".join((attributes.body_part or "not said", attributes.view)).strip(),
            answer=_answer(result),
            report_uid=uids[Role.REPORT],
            overlay_uid=uids[Role.OVERLAY],
            viewer=self._viewer(study.study_instance_uid),
            seconds=result.seconds,
        )

    def _viewer(self, study_instance_uid: str) -> str:
        """Return the address of a Study in OHIF; empty where OHIF is not installed."""
        there = ViewerFiles(settings.load().viewer_folder, ROOT).there
        return self.address.rstrip("/") + viewer_url(study_instance_uid) if there else ""

    def _start_orthanc(self, program: str) -> None:
        plugins = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
        storage = self._folder / "orthanc"
        storage.mkdir()
        configuration = {
            "Name": "Wetread demo",
            "StorageDirectory": str(storage),
            "IndexDirectory": str(storage),
            "HttpPort": self._ports["orthanc"],
            "DicomPort": self._ports["orthanc-dicom"],
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "StableAge": 2,
            "Plugins": [str(plugins)] if plugins.exists() else [],
            "DicomWeb": {"Enable": True},
        }
        path = self._folder / "orthanc.json"
        path.write_text(json.dumps(configuration, indent=2))
        orthanc = self._processes.run([program, str(path)], "orthanc.log", dict(os.environ))
        self._processes.wait_for(f"{self.orthanc_address}system", orthanc, "orthanc.log")

    def _status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}api/v1/status", timeout=30) as response:
            status: dict[str, Any] = json.load(response)
        return status

    def _port(self, what: str, usual: int) -> int:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", usual))
            except OSError:
                port = free_port()
                self.notes.append(f"Port {usual} is taken: {what} is at port {port}.")
                return port
        return usual


def _answer(result: Result) -> str:
    lines = [
        f"{each.finding.meaning} {each.presence.value}, {each.certainty:.0%}"
        + "".join(f"\n{doubt.detail}" for doubt in each.doubts)
        for each in result.findings
    ]
    lines += [f"Not assessed: {each.detail}" for each in result.refusals]
    return "\n".join(lines)


def _images() -> list[Path]:
    spec = find_spec("data_store")
    folders = (
        [Path(each) / "data" for each in (spec.submodule_search_locations or [])] if spec else []
    )
    files = [folder / name for name in _IMAGES for folder in folders if (folder / name).exists()]
    if len(files) != len(_IMAGES):
        raise DemoFailed("the demo's images are missing: pip install pydicom-data")
    return files


def _make_anew(folder: Path) -> None:
    """Empty `folder`, if a demo made it; a folder of somebody else's is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).exists():
            raise DemoFailed(f"{folder} is not a demo's folder; name another with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()
