"""How much `wetread validate` adds to the model's own time.

    python -m benchmarks.validation_throughput [--images 5000] [--data FOLDER] [--model NAME]

The same images go through the model alone, decoded beforehand and in batches of 16, and through
`validate` as a whole: opening, decoding, screening, model, results on disk, and at the end the
report with its bootstrap and its pictures. Both take turns, block by block, so that whatever
else the machine does burdens both. Printed are images a second and their ratio. Aim: 0.85.

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
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from dicom_node.archive import describe
from dicom_node.pixels import DicomPixelReader
from inference.models.registry import SHIPPED, FolderRegistry
from inference.ports import Model
from inference.validation.case import Case, CaseList, Labels, read_cases
from inference.validation.opener import Opener
from inference.validation.record import Identity, ResultsFile
from inference.validation.run import run
from inference.validation.validation import choose_output, names_of, validate

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "cxr-kermany-224"
_AIM = 0.85
_BLOCK = 100  # images


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--images", type=int, default=5000)
    arguments.add_argument("--data", type=Path, default=_SHARED if _SHARED.is_dir() else None)
    arguments.add_argument("--model", default="cxr-pneumonia")
    arguments.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    options = arguments.parse_args()
    registry = FolderRegistry([SHIPPED])
    model = registry.load(registry.active(options.model))
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or _made_up(Path(folder) / "images", options.images)
        listed = _repeated(data, model, options.images)
        bare, ours, report = _measure(model, listed, Path(folder) / "out", options.workers)
    count = len(listed.cases)
    print(f"{model.manifest.model}, {count} images of {data.name}, {os.cpu_count()} cores")
    print(f"model alone                 {count / bare:8.1f} images/s")
    print(f"validate, reading           {count / ours:8.1f} images/s")
    print(f"validate, with the report   {count / (ours + report):8.1f} images/s")
    ratio = bare / (ours + report)
    print(f"ratio                       {ratio:8.3f}  (aim: at least {_AIM})")


def _measure(
    model: Model, listed: CaseList, folder: Path, workers: int
) -> tuple[float, float, float]:
    """Return seconds: of the model alone, of reading, and of the report."""
    opener = Opener(model.manifest, describe, DicomPixelReader())
    (output,) = model.manifest.outputs
    at = datetime.now(UTC)
    model.assess([opener.read(case.path) for case in listed.cases[:16]], explain=False)
    bare = ours = 0.0
    for number, start in enumerate(range(0, len(listed.cases), _BLOCK)):
        block = listed.cases[start : start + _BLOCK]
        # Who goes first changes, so that neither profits from what the other left behind.
        for who in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
            if who == "bare":
                pictures = [opener.read(case.path) for case in block]
                began = time.perf_counter()
                model.assess(pictures, explain=False)
                bare += time.perf_counter() - began
            else:
                began = time.perf_counter()
                with ResultsFile(folder / "results.jsonl", _identity(model, listed)) as results:
                    run(model, output, block, opener, results, workers=workers, at=at)
                ours += time.perf_counter() - began
        done = start + len(block)
        print(
            f"{done:6d} images: {done / bare:.1f}/s alone, {done / ours:.1f}/s reading", flush=True
        )
    began = time.perf_counter()
    # All is read: what is left is to measure and to write.
    validate(
        model,
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
