"""What the manual's numbers come from runs: each benchmark in its smallest form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SMALLEST = {
    "growth": "--studies 2 --images 1",
    "qido_scale": "--instances 5000 --rounds 2 --no-orthanc",
    "queue_overhead": "--jobs 2 --rounds 1",
    "reading_list": "--studies 150 --rounds 3",
    "receive_memory": "--megabytes 4 --rounds 1",
    "retrieve_memory": "--megabytes 4 --clients 2 --no-orthanc",
    "retrieve_throughput": "--megabytes 4 --rounds 1",
    "worker_batching": "--studies 2 --repeats 1 --wait 0",
}
# The first three need the images of ../shared/data, the last a compiler and minutes.
ELSEWHERE = {"burned_in", "gate", "validation_throughput", "compile"}


def test_each_is_run_here_or_known_to_need_more() -> None:
    assert {path.stem for path in BENCHMARKS.glob("*.py")} == SMALLEST.keys() | ELSEWHERE


@pytest.mark.parametrize("name", SMALLEST)
def test_it_measures(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", *SMALLEST[name].split()]
    done = subprocess.run(
        command, cwd=BENCHMARKS.parent, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stdout.strip()
