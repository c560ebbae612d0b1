"""What the gate lets through to cxr-pneumonia, by the Reader that serves.

    python -m benchmarks.gate [--data FOLDER]

FOLDER holds the images as ../shared/data does, which is the default. Every header says that it
is a frontal chest radiograph of a child: the pixels alone decide. Counted is what was scored,
and with which reasons the rest was refused. Of the children's and the adults' radiographs twenty
are taken, and turned, inverted and cut to a quarter.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dicom_node.pixels import DicomPixelReader
from inference.domain.instance import Attributes, Description, Instance, Origin, Priority, Source
from inference.domain.job import JobRequest
from inference.domain.recognition import Kind
from inference.models.registry import SHIPPED, FolderRegistry
from inference.ports import Picture
from inference.training.gate_views import WRONG, spoil
from inference.validation.opener import read_image
from inference.worker.reading import Reader

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_SAMPLE = 20  # radiographs of each collection
CHESTS = "chest radiographs in DICOM"
NO_FRONTAL_CHEST = "dx-169x211.dcm"  # an animal's, from the side
SAME_IMAGE = "RG1_JLSN.dcm"  # among the compressed ones, the chest of pydicom-data

Outcome = tuple[str, ...]  # reasons of a refusal; () where it was scored


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--data", type=Path, default=_SHARED if _SHARED.is_dir() else None)
    options = arguments.parse_args()
    if options.data is None:
        print("no images: name their folder with --data")
        return
    print(f"{'images':44}{'n':>5}{'scored':>8}  refused")
    for name, outcomes in outcomes_by_set(options.data):
        print(row(name, outcomes), flush=True)


def row(name: str, outcomes: Sequence[Outcome]) -> str:
    refused = Counter(reason for each in outcomes for reason in each)
    told = ", ".join(f"{count} {reason}" for reason, count in refused.most_common())
    return f"{name:44}{len(outcomes):5}{outcomes.count(()):8}  {told}"


def outcomes_by_set(data: Path) -> Iterator[tuple[str, list[Outcome]]]:
    """Yield name and outcomes of every set."""
    samples = data / "dicom-samples"
    chests = sorted((samples / "chest-radiographs").glob("*.dcm"))
    chests.append(samples / "compressed" / SAME_IMAGE)
    frontal = [each for each in chests if each.name != NO_FRONTAL_CHEST]
    others = sorted(set(samples.rglob("*.dcm")) - set(frontal))
    reader = DicomPixelReader()
    for name, files in (
        (CHESTS, frontal),
        ("other images in DICOM", others),
        ("CT slices, ct-contrast-siim", sorted((data / "ct-contrast-siim").glob("*.dcm"))),
        ("CT slices, ct-chest-series", sorted((data / "ct-chest-series").rglob("*.dcm"))),
    ):
        yield name, read([reader.read(each) for each in files])
    for name, under in (("children", "cxr-kermany-224/test"), ("adults", "cxr-nih-512/images")):
        files = sorted((*(data / under).rglob("*.jpeg"), *(data / under).rglob("*.jpg")))
        pictures = [read_image(each) for each in files[:: max(1, len(files) // _SAMPLE)][:_SAMPLE]]
        yield f"{name}, as they are", read(pictures)
        for kind in WRONG:
            spoilt = [
                Picture(spoil(each.pixels, kind, place % 4)) for place, each in enumerate(pictures)
            ]
            yield f"{name}, {_SPOILT[kind]}", read(spoilt)


_SPOILT = {
    Kind.TURNED_CLOCKWISE: "turned clockwise",
    Kind.UPSIDE_DOWN: "upside down",
    Kind.TURNED_COUNTERCLOCKWISE: "turned counterclockwise",
    Kind.INVERTED_CHEST: "inverted",
    Kind.PART_OF_CHEST: "cropped to a quarter",
}


class _Held:
    """Files and pixels: a key is the place of its picture."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._pictures = pictures

    def path(self, key: str) -> Path:
        return Path(key)

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        return self._pictures[int(part10.name)]


def read(pictures: Sequence[Picture]) -> list[Outcome]:
    """Return what the Reader makes of each, with the shipped model and its gate."""
    registry = FolderRegistry([SHIPPED])
    model = registry.load(registry.active("cxr-pneumonia"))
    held = _Held(pictures)
    instances = [_instance(place) for place in range(len(pictures))]
    uids = tuple(each.sop_instance_uid for each in instances)
    request = JobRequest("1.2.3", 1, model.manifest.model, "rule", Priority.MEDIUM, uids)
    result = (
        Reader(held, held, gates=registry)
        .read(request, model, instances, datetime.now(UTC), explain=False)
        .result
    )
    scored = {each.sop_instance_uid for each in result.findings}
    refused = {each.sop_instance_uid: each.reason.value for each in result.refusals}
    assert scored.isdisjoint(refused)
    assert scored | set(refused) == set(uids)
    return [() if uid in scored else (refused[uid],) for uid in uids]


def _instance(place: int) -> Instance:
    attributes = Attributes(
        modality="DX",
        body_part="CHEST",
        view="PA",
        patient_age_years=3,
        rows=1024,
        columns=1024,
        has_pixels=True,
    )
    described = Description("1.2.3", "1.2.3.4", f"1.2.3.4.{place}", "1.2", "1.2", attributes)
    return Instance(described, Origin(Source.DIMSE), str(place), "0" * 64, 1)


if __name__ == "__main__":
    main()
