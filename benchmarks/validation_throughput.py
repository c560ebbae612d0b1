"""How much `wetread validate` adds to the model's own time.

    python -m benchmarks.validation_throughput [--images 5000] [--data FOLDER] [--gate]

The same images go through the model alone, decoded beforehand and in batches as large as
validation's, and through `validate` as a whole: opening, decoding, screening, model, results on
disk, and at the end the report with its bootstrap and its pictures, in as many lanes as there are
cores. The model alone has as many copies, each on one thread, which is faster than one on all
threads. With `--gate` both ask the model's gate first. Both take turns, block by block, so that
whatever else the machine does burdens both; the median over the blocks leaves out where it
burdened one alone. Printed are images a second and their ratio. Aim: 0.85.

The images are those of FOLDER with labels.csv, each as often as needed; without FOLDER, of
../shared/data/cxr-kermany-224 if it is there, else made up.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from dicom_node.archive import describe
from dicom_node.pixels import DicomPixelReader
from inference.models.registry import SHIPPED, FolderRegistry
from inference.models.threads import use_threads
from inference.ports import Model, Picture
from inference.validation.case import Case, CaseList, Labels, read_cases
from inference.validation.opener import Opener
from inference.validation.record import Identity, ResultsFile
from inference.validation.run import BATCH, Lane, run
from inference.validation.validation import choose_output, names_of, validate
from inference.worker.reading import Reader

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "cxr-kermany-224"
_AIM = 0.85
_BLOCK = 100  # images


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--images", type=int, default=5000)
    arguments.add_argument("--data", type=Path, default=_SHARED if _SHARED.is_dir() else None)
    arguments.add_argument("--model", default="cxr-pneumonia")
    arguments.add_argument("--gate", action="store_true")
    arguments.add_argument("--lanes", type=int, default=min(4, os.cpu_count() or 1))
    arguments.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    options = arguments.parse_args()
    use_threads(1)
    registries = [FolderRegistry([SHIPPED]) for _ in range(options.lanes)]
    lanes = [_lane(each, options.model, options.gate) for each in registries]
    model = lanes[0].model
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or _made_up(Path(folder) / "images", options.images)
        listed = _repeated(data, model, options.images)
        gates = registries if options.gate else []
        bare, ours, report = _measure(lanes, gates, listed, Path(folder) / "out", options.workers)
    count = len(listed.cases)
    print(f"{model.manifest.model}, {count} images of {data.name}, {os.cpu_count()} cores")
    what = "gate and model alone" if options.gate else "model alone"
    print(f"{what:28}{count / sum(bare):8.1f} images/s")
    print(f"validate, reading           {count / sum(ours):8.1f} images/s")
    print(f"validate, with the report   {count / (sum(ours) + report):8.1f} images/s")
    ratio = sum(bare) / (sum(ours) + report)
    print(f"ratio, all in all           {ratio:8.3f}  (aim: at least {_AIM})")
    share = sum(ours) / (sum(ours) + report)
    block = median(alone / read for alone, read in zip(bare, ours, strict=True)) * share
    print(f"ratio, median of the blocks {block:8.3f}  (aim: at least {_AIM})")


def _lane(registry: FolderRegistry, name: str, gated: bool) -> Lane:
    gates = registry if gated else None
    return Lane(
        registry.load(registry.active(name)),
        lambda files, pixels: Reader(files, pixels, gates),
    )


def _measure(
    lanes: Sequence[Lane],
    registries: Sequence[FolderRegistry],
    listed: CaseList,
    folder: Path,
    workers: int,
) -> tuple[list[float], list[float], float]:
    """Return seconds: of each block by the models alone and by reading, and of the report.

    `registries`: of each lane, for its gate; none for no gate.
    """
    model = lanes[0].model
    opener = Opener(model.manifest, describe, DicomPixelReader())
    (output,) = model.manifest.outputs
    at = datetime.now(UTC)
    gates = [each.gate(model.manifest.gate) for each in registries]

    def work(number: int, pictures: Sequence[Picture]) -> None:
        for first in range(0, len(pictures), BATCH):
            batch = pictures[first : first + BATCH]
            if gates:
                gates[number].look(batch)
            lanes[number].model.assess(batch, explain=False)

    def alone(pictures: Sequence[Picture]) -> None:
        with ThreadPoolExecutor(len(lanes)) as pool:
            shares = [pictures[number :: len(lanes)] for number in range(len(lanes))]
            for done in [pool.submit(work, *share) for share in enumerate(shares)]:
                done.result()

    alone([opener.read(case.path) for case in listed.cases[: 4 * BATCH]])
    bare: list[float] = []
    ours: list[float] = []
    for number, start in enumerate(range(0, len(listed.cases), _BLOCK)):
        block = listed.cases[start : start + _BLOCK]
        # Who goes first changes, so that neither profits from what the other left behind.
        for who in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
            if who == "bare":
                pictures = [opener.read(case.path) for case in block]
                began = time.perf_counter()
                alone(pictures)
                bare.append(time.perf_counter() - began)
            else:
                began = time.perf_counter()
                with ResultsFile(folder / "results.jsonl", _identity(model, listed)) as results:
                    run(lanes, output, block, opener, results, workers=workers, at=at)
                ours.append(time.perf_counter() - began)
        done = start + len(block)
        print(
            f"{done:6d} images: {done / sum(bare):.1f}/s alone, {done / sum(ours):.1f}/s reading",
            flush=True,
        )
    began = time.perf_counter()
    # All is read: what is left is to measure and to write.
    validate(
        lanes,
        output,
        "benchmark",
        listed,
        opener,
        folder,
        workers=workers,
        at=at,
        software_version="benchmark",
    )
    return bare, ours, time.perf_counter() - began


def _repeated(data: Path, model: Model, images: int) -> CaseList:
    """Return `images` cases; a file that comes again gets another name."""
    names = names_of(choose_output(model.manifest, ""))
    listed = read_cases(data, None, Labels(), names)
    cases: Sequence[Case] = [
        replace(case, file=f"{turn}/{case.file}") if turn else case
        for turn in range(-(-images // len(listed.cases)))
        for case in listed.cases
    ]
    step = len(cases) / images
    chosen = tuple(cases[int(index * step)] for index in range(images))
    return replace(listed, cases=chosen)


def _identity(model: Model, listed: CaseList) -> Identity:
    manifest = model.manifest
    (output,) = manifest.outputs
    return Identity(
        model=manifest.model.name,
        version=manifest.model.version,
        weights_sha256=manifest.weights_sha256,
        output=output.name,
        threshold=output.threshold,
        label_column=listed.labels.column,
        positive=listed.labels.positive,
    )


def _made_up(folder: Path, images: int) -> Path:
    """Write JPEGs of smooth noise, and their labels."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (folder / "labels.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["file", "label", "patient_id"])
        for index, label in zip(
            range(min(images, 1000)), itertools.cycle(("NORMAL", "PNEUMONIA")), strict=False
        ):
            coarse = Image.fromarray(rng.integers(0, 256, (14, 14), dtype=np.uint8))
            coarse.resize((224, 224), Image.Resampling.BICUBIC).save(folder / f"{index}.jpeg")
            writer.writerow([f"{index}.jpeg", label, f"patient{index}"])
    return folder


if __name__ == "__main__":
    main()
