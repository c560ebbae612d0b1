"""How fast a study is retrieved by WADO-RS, beside Orthanc's DICOMweb plugin.

    python -m benchmarks.retrieve_throughput [--megabytes 200] [--rounds 5] [--json]

The same slices of 512 KiB lie in a node and in Orthanc. One client retrieves the study as it is
held, then several do at once; both servers take turns, so that whatever else the machine does
burdens both. Printed are the medians in MB/s, all clients together, and their ratio. What is
decoded and headers are compared by Instances a second. A node remembers headers by what it is
called, so clients who ask "anew" each call it by another name. Aim: faster than Orthanc.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.support.clients import download
from benchmarks.support.node import WebNode
from benchmarks.support.volumes import COMPRESSED, ONE_FILE, SLICES, Store, compressed, slices
from tests.support.servers import OrthancServer

ORTHANC = {"SyncStorageArea": False}  # to fill it sooner
AS_HELD = 'multipart/related; type="application/dicom"; transfer-syntax=*'
PLAIN = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1'
JSON = "application/dicom+json"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = Store(folder / "node")
        paths = store.add(slices(options.megabytes))
        size = sum(path.stat().st_size for path in paths)
        one = store.add_one_file(options.megabytes)
        few = store.add(compressed(40))
        store.close()
        (folder / "orthanc").mkdir()
        orthanc = stack.enter_context(OrthancServer(folder / "orthanc", options=ORTHANC))
        orthanc.upload(*paths, one, *few)
        node = stack.enter_context(WebNode(folder / "node"))
        servers = {"wetread": node.dicomweb_url, "orthanc": orthanc.dicomweb_url}
        rows = [
            _compare("study as held, 1 client, MB/s", servers, options.rounds, _retrieve(1, size)),
            _compare("study as held, 4 clients, MB/s", servers, options.rounds, _retrieve(4, size)),
            _compare("study as held, 10 clients", servers, options.rounds, _retrieve(10, size)),
            _compare(
                "one file as held, 1 client, MB/s",
                servers,
                options.rounds,
                _retrieve(1, one.stat().st_size, ONE_FILE),
            ),
            _compare(
                "JPEG-LS decoded, 1 client, Instances/s",
                servers,
                min(3, options.rounds),
                _count(f"/studies/{COMPRESSED}", PLAIN, len(few)),
            ),
            _compare(
                "headers anew, 1 client, Instances/s",
                servers,
                min(3, options.rounds),
                _headers(1, len(paths)),
            ),
            _compare(
                "headers anew, 10 clients, Instances/s",
                servers,
                min(3, options.rounds),
                _headers(10, len(paths)),
            ),
            _compare(
                "the same headers, 10 clients",
                servers,
                min(3, options.rounds),
                _headers(10, len(paths), ["again"] * 10),
            ),
        ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{len(paths)} slices, {size / 1e6:.0f} MB; median of {options.rounds} rounds")
    for row in rows:
        print(
            f"{row['what']:<40} Wetread {row['wetread']:7.0f}   Orthanc {row['orthanc']:7.0f}"
            f"   ratio {row['ratio']:5.2f}"
        )


def _retrieve(clients: int, size: int, study: str = SLICES) -> Callable[[str], float]:
    def run(url: str) -> float:
        seconds, count = download(f"{url}/studies/{study}", AS_HELD, clients, expected=size)
        return count / seconds / 1e6

    return run


def _count(path: str, accept: str, count: int) -> Callable[[str], float]:
    def run(url: str) -> float:
        seconds, _ = download(url + path, accept, 1)
        return count / seconds

    return run


def _headers(clients: int, count: int, hosts: list[str] | None = None) -> Callable[[str], float]:
    turns = itertools.count()

    def run(url: str) -> float:
        names = hosts or [f"name-{next(turns)}.example.org" for _ in range(clients)]
        seconds, _ = download(f"{url}/studies/{SLICES}/metadata", JSON, clients, hosts=names)
        return count * clients / seconds

    return run


def _compare(
    what: str, servers: dict[str, str], rounds: int, measure: Callable[[str], float]
) -> dict[str, Any]:
    found: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(rounds):
        for name, url in servers.items() if turn % 2 else reversed(servers.items()):
            found[name].append(measure(url))
    row: dict[str, Any] = {name: statistics.median(each) for name, each in found.items()}
    return {"what": what, **row, "ratio": row["wetread"] / row["orthanc"]}


if __name__ == "__main__":
    main()
