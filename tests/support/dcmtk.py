"""DCMTK's programs: storescp, storescu and echoscu."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pydicom
import pytest

from tests.support.programs import HOST, Program, free_port

# pynetdicom installs programs of DCMTK's names in the virtual environment.
DIRECTORIES = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")


def dcmtk(program: str) -> str:
    """Return the path of a DCMTK program; skip the test where it is missing."""
    path = shutil.which(program, path=os.pathsep.join(DIRECTORIES))
    if path is None:
        pytest.skip(f"DCMTK's {program} is not installed (Debian package dcmtk)")
    return path


class StorescpServer(Program):
    """DCMTK's storescp: writes what it gets into `received`, bit by bit as it comes."""

    def __init__(
        self, directory: Path, *, aet: str = "STORESCP", extra: Sequence[str] = ()
    ) -> None:
        super().__init__(directory / "storescp.log")
        self.aet = aet
        self.extra = tuple(extra)
        self.port = 0
        self.received = directory / "received"
        self.received.mkdir(parents=True, exist_ok=True)

    def choose_ports(self) -> None:
        self.port = free_port()

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
            [
                *("storescu", "-aet", calling, "-aec", called, "-xf", str(profile), "Default"),
                *(*extra, HOST, str(port)),
                *map(str, files),
            ],
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


def findscu(
    port: int,
    level: str,
    *keys: str,
    directory: Path | None = None,
    called: str = "WETREAD",
    calling: str = "FINDSCU",
    extra: Sequence[str] = (),
    root: str = "-S",
) -> tuple[list[pydicom.Dataset], str]:
    """C-FIND by DCMTK, Study Root (-P: Patient Root); return the answers, and what it printed.

    The answers lie in `directory`; without one, they are printed instead.
    """
    files = []
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        files = ["-X", "-od", str(directory)]
    done = _run(
        [
            *("findscu", "-v", root, "-to", "10", "-aet", calling, "-aec", called),
            *(*files, *extra, HOST, str(port)),
            *(part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)),
        ],
        timeout=300.0,
    )
    found = sorted(directory.glob("rsp*.dcm")) if directory else []
    answers: list[pydicom.Dataset] = [pydicom.dcmread(path) for path in found]
    return answers, done.stdout + done.stderr


def getscu(
    port: int,
    level: str,
    *keys: str,
    directory: Path,
    called: str = "WETREAD",
    calling: str = "GETSCU",
    extra: Sequence[str] = (),
    root: str = "-S",
) -> tuple[list[pydicom.FileDataset], str]:
    """C-GET by DCMTK, Study Root (-P: Patient Root); return what came, and what it printed."""
    directory.mkdir(parents=True, exist_ok=True)
    done = _run(
        [
            *("getscu", "-v", root, "-to", "10", "-aet", calling, "-aec", called),
            *("+B", "-od", str(directory), *extra, HOST, str(port)),
            *(part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)),
        ],
        timeout=300.0,
    )
    return [pydicom.dcmread(path) for path in sorted(directory.iterdir())], (
        done.stdout + done.stderr
    )


def movescu(
    port: int,
    destination: str,
    level: str,
    *keys: str,
    called: str = "WETREAD",
    calling: str = "MOVESCU",
    extra: Sequence[str] = (),
    root: str = "-S",
) -> str:
    """C-MOVE by DCMTK, Study Root (-P: Patient Root), to another AE; return what it printed."""
    done = _run(
        [
            *("movescu", "-v", root, "-to", "10", "-aet", calling, "-aec", called),
            *("-aem", destination, "--no-port", *extra, HOST, str(port)),
            *(part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)),
        ],
        timeout=300.0,
    )
    return done.stdout + done.stderr
