"""How much memory the server takes while ten clients retrieve a study of 1 GB.

    python -m benchmarks.retrieve_memory [--megabytes 1000] [--clients 10] [--json]

A node's web part, with a real archive, is asked by clients all at once, three of them slow ones,
for the study as slices and as one multi-frame file; and for a tenth of it as what has to be
decoded first, as headers and as pictures. Then as many clients store as much by STOW-RS. Printed
is the rise of the server's resident memory above what it had after a first small request, at its
highest, beside Orthanc's for the same (`--no-orthanc` leaves it out). Aim: below 200 MB.

Last, clients go away in the middle: no file and no connection stays open.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.support.clients import Download, download, store
from benchmarks.support.memory import Watch
from benchmarks.support.node import WebNode
from benchmarks.support.volumes import COMPRESSED, ONE_FILE, SLICES, Store, compressed, slices
from tests.support.servers import OrthancServer

ORTHANC = {"SyncStorageArea": False}  # while it is filled, to be done sooner
_AIM = 200  # MB
_SLOW = 3  # of the clients
_PART = 10  # of the study: what each byte costs more is measured on a tenth
AS_HELD = 'multipart/related; type="application/dicom"; transfer-syntax=*'
PLAIN = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1'
JSON = "application/dicom+json"
JPEG = 'multipart/related; type="image/jpeg"'


@dataclass(frozen=True)
class Peer:
    """One server: where it is, and how to start it anew."""

    name: str
    start: Callable[[ExitStack], tuple[str, psutil.Process]]


@dataclass(frozen=True)
class Task:
    """`run` takes the URL of the origin server and returns seconds and bytes."""

    label: str
    run: Callable[[str], tuple[float, int]]
    asks_orthanc: bool = True


def tasks(options: argparse.Namespace, sizes: dict[str, int]) -> Iterator[Task]:
    def retrieve(study: str, accept: str, expected: int = 0) -> Callable[[str], tuple[float, int]]:
        quick = options.clients - _SLOW
        path = f"/studies/{study}"
        return lambda url: download(url + path, accept, quick, _SLOW, expected)

    small = f"{SLICES}.{_PART}"
    yield Task("slices, as held", retrieve(SLICES, AS_HELD, sizes[SLICES]))
    # Orthanc reads the file as a whole for each client: ten times a gigabyte, and then some.
    yield Task("one file, as held", retrieve(ONE_FILE, AS_HELD, sizes[ONE_FILE]), False)
    yield Task("a tenth in JPEG-LS, decoded", retrieve(COMPRESSED, PLAIN))
    yield Task("headers of a tenth", retrieve(f"{small}/metadata", JSON))
    yield Task("pictures of a tenth", retrieve(f"{small}/rendered", JPEG), False)
    yield Task(
        "STOW-RS of as much, by all together",
        lambda url: store(f"{url}/studies", options.clients, options.megabytes // options.clients),
    )


def measure(peer: Peer, task: Task) -> dict[str, Any]:
    """Start the server, ask it for a little, then for all of it."""
    with ExitStack() as stack:
        url, process = peer.start(stack)
        download(f"{url}/studies/{COMPRESSED}/series/{COMPRESSED}.1/metadata", JSON, 1)
        with Watch(process) as watch:
            seconds, size = task.run(url)
        return {
            "task": task.label,
            "server": peer.name,
            "rise_megabytes": round(watch.rise / 1e6, 1),
            "megabytes_per_second": round(size / seconds / 1e6),
        }


def leave_in_the_middle(peer: Peer, clients: int) -> dict[str, int]:
    """Let clients go away after a megabyte; return what is open before and after."""
    with ExitStack() as stack:
        url, process = peer.start(stack)
        download(f"{url}/studies/{COMPRESSED}", AS_HELD, clients)
        before = _open(process)
        for path, accept in ((SLICES, AS_HELD), (ONE_FILE, AS_HELD), (COMPRESSED, PLAIN)):
            there = [Download(f"{url}/studies/{path}", accept) for _ in range(clients)]
            for each in there:
                each.run(most=1 << 20)
        deadline = time.monotonic() + 15
        while (after := _open(process)) > before and time.monotonic() < deadline:
            time.sleep(0.1)
        return {"before": before, "after": after}


def _open(process: psutil.Process) -> int:
    """Count files of the archive and connections; the database keeps its own open."""
    files = [each for each in process.open_files() if each.path.endswith(".dcm")]
    return len(files) + len([each for each in process.net_connections() if each.raddr])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--no-orthanc", action="store_true")
    parser.add_argument("--only", default="", help="tasks with this in their names")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers, sizes = _prepare(folder, options)
        if not options.json:
            print(
                f"{options.megabytes} MB, {options.clients} clients at once, {_SLOW} of them slow"
            )
        rows = []
        for task in tasks(options, sizes):
            for peer in peers:
                if options.only in task.label and (peer.name == "Wetread" or task.asks_orthanc):
                    rows.append(measure(peer, task))
                    if not options.json:
                        _show(rows[-1])
        left = leave_in_the_middle(peers[0], options.clients)
    if options.json:
        print(json.dumps({"tasks": rows, "open": left}, indent=2))
        return
    print(f"open before clients went away in the middle: {left['before']}; after: {left['after']}")
    worst = max((row["rise_megabytes"] for row in rows if row["server"] == "Wetread"), default=0)
    print(f"highest rise of Wetread {worst:.1f} MB, aim {_AIM}")


def _show(row: dict[str, Any]) -> None:
    print(
        f"{row['task']:<38} {row['server']:<8} rise {row['rise_megabytes']:7.1f} MB"
        f" {row['megabytes_per_second']:6d} MB/s",
        flush=True,
    )


def _prepare(folder: Path, options: argparse.Namespace) -> tuple[list[Peer], dict[str, int]]:
    part = options.megabytes // _PART
    keeper = Store(folder / "node")
    paths = keeper.add(slices(options.megabytes))
    one = keeper.add_one_file(options.megabytes)
    few = [
        *keeper.add(compressed(max(1, part * 2))),
        *keeper.add(slices(part, f"{SLICES}.{_PART}")),
    ]
    keeper.close()
    sizes = {SLICES: sum(each.stat().st_size for each in paths), ONE_FILE: one.stat().st_size}

    def node(stack: ExitStack) -> tuple[str, psutil.Process]:
        web = stack.enter_context(WebNode(folder / "node"))
        return web.dicomweb_url, web.process

    def orthanc(stack: ExitStack) -> tuple[str, psutil.Process]:
        server = stack.enter_context(OrthancServer(folder / "orthanc"))
        assert server._process is not None
        return server.dicomweb_url, psutil.Process(server._process.pid)

    peers = [Peer("Wetread", node)]
    if not options.no_orthanc:
        (folder / "orthanc").mkdir()
        with OrthancServer(folder / "orthanc", options=ORTHANC) as server:
            server.upload(*paths, one, *few)
            server.stop()  # in order, so that its index is complete
        peers.append(Peer("Orthanc", orthanc))
    return peers, sizes


if __name__ == "__main__":
    main()
