"""Real DICOM programs on free loopback ports: Orthanc, and DCMTK's storescp."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import pydicom
import pytest

T = TypeVar("T")
HOST = "127.0.0.1"
ORTHANC = "Orthanc"
DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
# pynetdicom installs programs of DCMTK's names in the virtual environment.
DCMTK_DIRECTORIES = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], T], what: str, timeout: float = 30.0) -> T:
    """Return the first true value of `condition`; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout:.0f} seconds")
        time.sleep(0.05)


def dcmtk(program: str) -> str:
    """Return the path of a DCMTK program; skip the test where it is missing."""
    path = shutil.which(program, path=os.pathsep.join(DCMTK_DIRECTORIES))
    if path is None:
        pytest.skip(f"DCMTK's {program} is not installed (Debian package dcmtk)")
    return path


class Program:
    """A program that is stopped for sure when its `with` block ends."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self, timeout: float = 60.0) -> None:
        assert not self.running, "started already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_for(lambda: not self.running or self.answers(), self.command()[0], timeout)
            assert self.running, f"{self.command()[0]} ended at once:\n{self.log_text[-4000:]}"
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout: float = 20.0) -> None:
        """End it in order (SIGTERM); SIGKILL if that takes longer than `timeout` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL: the program cannot tidy up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class OrthancServer(Program):
    """An Orthanc of its own: storage, configuration and log lie in `directory`.

    `users` turns authentication on. `modalities` are DicomModalities as Orthanc's
    configuration wants them: alias -> (AE title, host, port). `options` are added to the
    configuration, last.
    """

    def __init__(
        self,
        directory: Path,
        *,
        aet: str = "ORTHANC",
        stable_age: int = 2,  # seconds
        users: Mapping[str, str] | None = None,
        modalities: Mapping[str, tuple[str, str, int]] | None = None,
        dicomweb: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(directory / "orthanc.log")
        self.directory = directory
        self.aet = aet
        self.stable_age = stable_age
        self.users = dict(users or {})
        self.modalities = dict(modalities or {})
        self.dicomweb = dicomweb and DICOMWEB_PLUGIN.exists()
        self.options = dict(options or {})
        self.http_port = free_port()
        self.dicom_port = free_port()
        self.program = shutil.which(ORTHANC, path="/usr/sbin:/usr/local/sbin:/usr/local/bin")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    @property
    def dicomweb_url(self) -> str:
        return f"{self.url}/dicom-web"

    @property
    def configuration(self) -> dict[str, Any]:
        return {
            "Name": "test",
            "StorageDirectory": str(self.directory / "storage"),
            "IndexDirectory": str(self.directory / "index"),
            "Plugins": [str(DICOMWEB_PLUGIN)] if self.dicomweb else [],
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": self.aet,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowEcho": True,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": bool(self.users),
            "RegisteredUsers": self.users,
            "StableAge": self.stable_age,
            "OverwriteInstances": False,
            "DicomModalities": {
                alias: {"AET": aet, "Host": host, "Port": port}
                for alias, (aet, host, port) in self.modalities.items()
            },
            **self.options,
        }

    def command(self) -> Sequence[str]:
        if self.program is None:
            pytest.skip("Orthanc is not installed (Debian package orthanc)")
        file = self.directory / "orthanc.json"
        file.write_text(json.dumps(self.configuration, indent=1))
        return [self.program, str(file)]

    def http(self) -> httpx.Client:
        """A client of the REST API, with the first user's password."""
        user = next(iter(self.users.items()), None)
        return httpx.Client(base_url=self.url, auth=user, timeout=30.0, trust_env=False)

    def answers(self) -> bool:
        try:
            with self.http() as http:
                return http.get("/system").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str) -> Any:
        with self.http() as http:
            return http.get(path).raise_for_status().json()

    def upload(self, *files: Path) -> list[str]:
        """POST /instances; return Orthanc's identifiers."""
        with self.http() as http:
            return [
                http.post("/instances", content=file.read_bytes()).raise_for_status().json()["ID"]
                for file in files
            ]

    def delete(self, path: str) -> None:
        with self.http() as http:
            http.delete(path).raise_for_status()

    def find(self, uid: str) -> list[str]:
        """POST /tools/lookup: Orthanc's identifiers for a DICOM UID, on any level."""
        with self.http() as http:
            answer = http.post("/tools/lookup", content=uid).raise_for_status().json()
        return [entry["ID"] for entry in answer]

    def changes(self, kind: str = "") -> list[dict[str, Any]]:
        changes = self.get("/changes?limit=100000")["Changes"]
        return [change for change in changes if not kind or change["ChangeType"] == kind]

    def wait_stable(self, studies: int = 1, timeout: float = 60.0) -> None:
        """Wait until this many StableStudy changes have been logged."""
        wait_for(
            lambda: len(self.changes("StableStudy")) >= studies, f"{studies} StableStudy", timeout
        )


class StorescpServer(Program):
    """DCMTK's storescp: writes what it gets into `received`, bit by bit as it comes."""

    def __init__(
        self, directory: Path, *, aet: str = "STORESCP", extra: Sequence[str] = ()
    ) -> None:
        super().__init__(directory / "storescp.log")
        self.aet = aet
        self.extra = tuple(extra)
        self.port = free_port()
        self.received = directory / "received"
        self.received.mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str]:
        return [
            dcmtk("storescp"),
            "--accept-all",
            "--promiscuous",
            "--bit-preserving",
            *("--output-directory", str(self.received)),
            *("--aetitle", self.aet),
            *self.extra,
            str(self.port),
        ]

    def answers(self) -> bool:
        return echoscu(self.port, called=self.aet).returncode == 0

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.received.iterdir() if path.is_file())


def echoscu(
    port: int, called: str = "ANY-SCP", calling: str = "ECHOSCU", extra: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """C-ECHO by DCMTK."""
    return _run(["echoscu", "-aet", calling, "-aec", called, "-to", "5", *extra, HOST, str(port)])


def storescu(
    files: Sequence[Path],
    port: int,
    called: str = "ANY-SCP",
    calling: str = "STORESCU",
    extra: Sequence[str] = (),
    check: bool = True,
    timeout: float = 300.0,
) -> subprocess.CompletedProcess[str]:
    """C-STORE by DCMTK, over one association, each file in the transfer syntax it has.

    DCMTK's storescu has no option for the priority: it always says MEDIUM.
    """
    with _profile(files) as profile:
        done = _run(
            ["storescu", "-aet", calling, "-aec", called, "-xf", str(profile), "Default"]
            + [*extra, HOST, str(port), *map(str, files)],
            timeout,
        )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@contextlib.contextmanager
def _profile(files: Sequence[Path]) -> Iterator[Path]:
    """A configuration file for storescu that proposes just what `files` hold.

    Its command line can propose one compressed transfer syntax only. A presentation context
    with a single transfer syntax makes it send the file as it is.
    """
    contexts = sorted({_abstract_and_transfer_syntax(file) for file in files})
    syntaxes = sorted({syntax for _, syntax in contexts})
    lines = ["[[TransferSyntaxes]]"]
    for syntax in syntaxes:
        lines += [f"[Syntax{syntaxes.index(syntax)}]", f"TransferSyntax1 = {syntax}"]
    lines += ["[[PresentationContexts]]", "[Files]"]
    for number, (sop_class, syntax) in enumerate(contexts, start=1):
        index = syntaxes.index(syntax)
        lines.append(f"PresentationContext{number} = {sop_class}\\Syntax{index}")
    lines += ["[[Profiles]]", "[Default]", "PresentationContexts = Files"]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "storescu.cfg"
        path.write_text("\n".join(lines) + "\n")
        yield path


def _abstract_and_transfer_syntax(file: Path) -> tuple[str, str]:
    header = pydicom.dcmread(file, specific_tags=["SOPClassUID"], stop_before_pixels=True)
    return str(header.SOPClassUID), str(header.file_meta.TransferSyntaxUID)


def _run(command: Sequence[str], timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [dcmtk(command[0]), *command[1:]],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
