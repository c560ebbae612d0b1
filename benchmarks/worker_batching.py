"""What several Jobs at a time, and batches of them, do for a worker.

    python -m benchmarks.worker_batching [--studies 60] [--repeats 3] [--wait 20]

A worker reads drawn radiographs, one a Study, by `cxr-pneumonia`: files from a
disk, decoded, read with heat maps, encoded and recorded in SQLite, as `wetread serve` does it.
All variants take turns, so that whatever else the machine does burdens them alike. Printed are
the median of Studies per second, what that is beside one Job at a time, and the pictures that
the network was asked about at once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import mean, median

from dicom_node.pixels import DicomPixelReader
from inference.domain.instance import Origin, Priority, Source
from inference.domain.job import JobRequest, JobState, ModelId
from inference.intake.door import Door
from inference.models.registry import FolderRegistry
from inference.models.threads import use_threads
from inference.ports.meter import Unmetered
from inference.worker.batching import Batching
from inference.worker.worker import Worker
from structured_reports.encoder import DicomResultEncoder
from tests.support.radiographs import radiograph
from wetread.bootstrap import Stores, SystemClock, build_reader, build_registry, open_stores
from wetread.settings import Settings, load


@dataclass(frozen=True)
class Variant:
    jobs: int
    batch: int

    def __str__(self) -> str:
        batches = f"batches of up to {self.batch}" if self.batch > 1 else "no batches"
        return f"{self.jobs} at a time, {batches}"


VARIANTS = (Variant(1, 1), Variant(2, 1), Variant(2, 16), Variant(4, 1), Variant(4, 16))


class Batches(Unmetered):
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def assessed(self, model: ModelId, pictures: int, seconds: float) -> None:
        self.sizes.append(pictures)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--studies", type=int, default=60)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--wait", type=float, default=20.0, help="milliseconds")
    options = arguments.parse_args()
    rates: dict[Variant, list[float]] = {each: [] for each in VARIANTS}
    sizes: dict[Variant, list[int]] = {each: [] for each in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        settings = load(home=Path(folder), low_watermark_mb=1, gate=False)
        use_threads(settings.inference_threads)
        stores = open_stores(settings)
        try:
            registry = build_registry(settings)
            model = registry.active("cxr-pneumonia")
            registry.load(model)
            uids = _receive(stores, Path(folder), options.studies)
            for revision in range(options.repeats * len(VARIANTS)):
                variant = VARIANTS[revision % len(VARIANTS)]
                _ask(stores, uids, model, revision + 1)
                seconds, asked = _work(settings, stores, registry, variant, options.wait)
                rates[variant].append(len(uids) / seconds)
                sizes[variant] += asked
        finally:
            stores.close()
    alone = median(rates[VARIANTS[0]])
    print(f"{options.studies} studies, {options.repeats} turns, {os.cpu_count()} cores")
    for each, found in rates.items():
        rate = median(found)
        print(
            f"{each!s:32}{rate:8.2f} studies/s   ratio {rate / alone:5.2f}"
            f"   {mean(sizes[each]):5.1f} pictures at once"
        )


def _receive(stores: Stores, folder: Path, studies: int) -> Sequence[str]:
    """Return Study Instance UIDs."""
    door = Door(stores.archive, stores.index, SystemClock(), timedelta(0))
    found = []
    for number in range(studies):
        path = stores.archive.spool()
        found.append(str(radiograph(path, seed=number, shape=(1024, 896)).StudyInstanceUID))
        door.receive(path, Origin(Source.DIMSE))
    return found


def _ask(stores: Stores, uids: Sequence[str], model: ModelId, revision: int) -> None:
    requests = [
        JobRequest(
            uid,
            revision,
            model,
            "benchmark",
            Priority.LOW,
            tuple(each.sop_instance_uid for each in stores.index.instances(uid)),
        )
        for uid in uids
    ]
    stores.queue.enqueue(requests, SystemClock().now())


def _work(
    settings: Settings, stores: Stores, registry: FolderRegistry, variant: Variant, wait: float
) -> tuple[float, list[int]]:
    """Return the seconds that all Jobs took, and the batches."""
    meter = Batches()
    worker = Worker(
        name="benchmark",
        queue=stores.queue,
        index=stores.index,
        results=stores.results,
        archive=stores.archive,
        registry=registry,
        reader=build_reader(settings, registry)(stores.archive, DicomPixelReader()),
        encoder=DicomResultEncoder(software_version="benchmark"),
        clock=SystemClock(),
        destinations=(),
        lease=timedelta(minutes=5),
        maximum_attempts=1,
        meter=meter,
        jobs=variant.jobs,
        batching=Batching(variant.batch, wait / 1000),
    )
    started = time.monotonic()
    worker.start()
    while any(
        stores.queue.jobs(state=each, limit=1) for each in (JobState.QUEUED, JobState.RUNNING)
    ):
        time.sleep(0.05)
    seconds = time.monotonic() - started
    worker.stop()
    assert not stores.queue.jobs(state=JobState.FAILED)
    return seconds, meter.sizes


if __name__ == "__main__":
    main()
