"""How much memory the receiver takes for a large Instance, and how fast it is.

    python -m benchmarks.receive_memory [--megabytes 500] [--rounds 3]

DCMTK's storescu sends one Instance to a StorageScp in a process of its own, and then the
same to DCMTK's storescp. Printed are the rise of the receiver's resident memory above what
it had before, at its highest, and the throughput of both. Aim: a rise below 64 MB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.support.memory import Watch

_RECEIVER = """
import sys, time
from pathlib import Path
from dicom_node.archive import DiskArchive
from dicom_node.dimse.scp import StorageScp
from inference.domain.instance import Receipt

class Keeper:
    def __init__(self, archive, durable):
        self.archive, self.durable = archive, durable
    def receive(self, spooled, origin):
        if self.durable:
            description = self.archive.describe(spooled)
            self.archive.keep(spooled, description, self.archive.digest(spooled))
        else:
            spooled.unlink()
        return Receipt.STORED
    def holds(self, uid): return False
    def retired(self, uid): return False
    def complete(self, uid): return False

archive = DiskArchive(Path(sys.argv[1]), 0)
scp = StorageScp(Keeper(archive, sys.argv[2] == "durable"), archive, host="127.0.0.1", port=0)
scp.start()
print(scp.port, flush=True)
sys.stdin.read()
scp.stop()
"""


def write_instance(path: Path, megabytes: int) -> None:
    """Write a multi-frame image of `megabytes`, Explicit VR Little Endian."""
    rows = columns = 1024
    frames = max(1, megabytes)

    def element(tag: int, vr: bytes, value: bytes) -> bytes:
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value

    meta = element(0x00020002, b"UI", b"1.2.840.10008.5.1.4.1.1.7.2")
    meta += element(0x00020003, b"UI", b"1.2.3.4.5")
    meta += element(0x00020010, b"UI", b"1.2.840.10008.1.2.1")
    length = frames * rows * columns
    with path.open("wb") as file:
        file.write(b"\0" * 128 + b"DICM")
        file.write(element(0x00020000, b"UL", struct.pack("<L", len(meta))) + meta)
        for tag, vr, value in (
            (0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.7.2"),
            (0x00080018, b"UI", b"1.2.3.4.5"),
            (0x00080060, b"CS", b"OT"),
            (0x0020000D, b"UI", b"1.2.3"),
            (0x0020000E, b"UI", b"1.2.3.4"),
            (0x00280002, b"US", struct.pack("<H", 1)),
            (0x00280004, b"CS", b"MONOCHROME2 "),
            (0x00280008, b"IS", str(frames).encode()),
            (0x00280010, b"US", struct.pack("<H", rows)),
            (0x00280011, b"US", struct.pack("<H", columns)),
            (0x00280100, b"US", struct.pack("<H", 8)),
            (0x00280101, b"US", struct.pack("<H", 8)),
            (0x00280102, b"US", struct.pack("<H", 7)),
            (0x00280103, b"US", struct.pack("<H", 0)),
        ):
            file.write(element(tag, vr, value))
        file.write(struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, length))
        frame = bytes(range(256)) * (rows * columns // 256)
        for _ in range(frames):
            file.write(frame)


@contextmanager
def wetread(directory: Path, mode: str) -> Iterator[tuple[int, psutil.Process]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _RECEIVER, str(directory), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), psutil.Process(process.pid)
    finally:
        process.communicate()


@contextmanager
def storescp(directory: Path, *options: str) -> Iterator[tuple[int, psutil.Process]]:
    port = _free_port()
    process = subprocess.Popen(
        [_dcmtk("storescp"), "-aet", "WETREAD", "-od", str(directory), *options, str(port)],
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            done = subprocess.run(
                [_dcmtk("echoscu"), "-aec", "WETREAD", "127.0.0.1", str(port)], capture_output=True
            )
            if done.returncode == 0:
                break
            time.sleep(0.05)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def measure(receiver: Callable[[], Any], instance: Path, rounds: int) -> tuple[float, int]:
    """Return the median seconds to send `instance` and the rise in bytes over all rounds."""
    seconds = []
    with receiver() as (port, process):
        # The first association loads what is loaded once; it is no part of the rise.
        _send(instance.with_name("small.dcm"), port)
        with Watch(process) as watch:
            for _ in range(rounds):
                started = time.monotonic()
                _send(instance, port)
                seconds.append(time.monotonic() - started)
    return statistics.median(seconds), watch.rise


def _send(path: Path, port: int) -> None:
    subprocess.run(
        [_dcmtk("storescu"), "-aec", "WETREAD", "-xe", "127.0.0.1", str(port), str(path)],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def _dcmtk(program: str) -> str:
    path = shutil.which(program, path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if path is None:
        raise SystemExit(f"DCMTK's {program} is not installed")
    return path


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        instance = folder / "large.dcm"
        write_instance(instance, arguments.megabytes)
        write_instance(folder / "small.dcm", 1)
        size = instance.stat().st_size
        received = folder / "received"
        received.mkdir()
        receivers: dict[str, Callable[[], Any]] = {
            "Wetread, described, hashed, fsynced": lambda: wetread(folder / "durable", "durable"),
            "Wetread, network and disk alone": lambda: wetread(folder / "plain", "plain"),
            "DCMTK storescp, as it comes": lambda: storescp(received),
            "DCMTK storescp, 128 KiB PDUs, straight to file": lambda: storescp(
                received, "--max-pdu", "131072", "--bit-preserving"
            ),
        }
        rows = []
        for label, receiver in receivers.items():
            seconds, rise = measure(receiver, instance, arguments.rounds)
            rows.append(
                {
                    "receiver": label,
                    "seconds": round(seconds, 3),
                    "megabytes_per_second": round(size / seconds / 1e6),
                    "rise_megabytes": round(rise / 1e6, 1),
                }
            )
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"One Instance of {size / 1e6:.0f} MB, median of {arguments.rounds}")
    for row in rows:
        print(
            f"{row['receiver']:<48} {row['seconds']:7.2f} s {row['megabytes_per_second']:6d} MB/s"
            f"   memory rise {row['rise_megabytes']:6.1f} MB"
        )


if __name__ == "__main__":
    main()
