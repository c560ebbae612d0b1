"""What a study page shows: the images of a Study, and one header in full."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from inference.domain.catalog import Condition, Entry, Field, Level, Search
from inference.domain.matching import AnyOf
from inference.domain.result import Result, ResultObject, Role
from wetread.bootstrap import Stores

_MOST = 5_000  # Instances of one page
_LONGEST = 400  # characters of one value
# What pydicom says of bytes that are not what the VR promises
_BROKEN: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    struct.error,
)
_UNREADABLE: tuple[type[Exception], ...] = (OSError, InvalidDicomError, *_BROKEN)
_OF_OVERLAY = ["NumberOfFrames", "SourceImageSequence"]
_BULK = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))


def images_of(stores: Stores, uid: str, results: list[Result]) -> list[dict[str, Any]]:
    """Return the Series of a Study that came in and have pixels, in the order of their numbers."""
    ours = {each.sop_instance_uid for result in results for each in result.objects}
    series: dict[str, dict[str, Any]] = {}
    for entry in _instances(stores, uid):
        if Field.ROWS not in entry.values or entry.text(Field.SOP_INSTANCE_UID) in ours:
            continue
        shown = series.setdefault(
            entry.text(Field.SERIES_INSTANCE_UID),
            {
                "series": entry.text(Field.SERIES_INSTANCE_UID),
                "number": _number(entry, Field.SERIES_NUMBER, 0),
                "text": " ".join(
                    entry.text(each) for each in (Field.MODALITY, Field.SERIES_DESCRIPTION)
                ),
                "instances": [],
            },
        )
        shown["instances"].append(
            {
                "uid": entry.text(Field.SOP_INSTANCE_UID),
                "frames": _number(entry, Field.NUMBER_OF_FRAMES, 1),
                "number": _number(entry, Field.INSTANCE_NUMBER, 0),
            }
        )
    for each in series.values():
        each["instances"].sort(key=lambda instance: instance["number"])
    return sorted(series.values(), key=lambda each: each["number"])


def overlays_of(stores: Stores, uid: str, results: list[Result]) -> list[dict[str, Any]]:
    """Return the overlays of `results`, with what each of their frames was made of."""
    overlays = [
        (result, each) for result in results for each in result.objects if each.role is Role.OVERLAY
    ]
    return [
        {"uid": each.sop_instance_uid, "text": str(result.model or "")} | _frames(stores, each)
        for result, each in overlays
    ]


def _frames(stores: Stores, overlay: ResultObject) -> dict[str, Any]:
    """Return how many frames there are, and the SOP Instance UIDs of their sources."""
    try:
        with stores.archive.path(overlay.key).open("rb") as file:
            header = pydicom.dcmread(file, specific_tags=_OF_OVERLAY, stop_before_pixels=True)
        sources = [
            str(each.get("ReferencedSOPInstanceUID", ""))
            for each in header.get("SourceImageSequence", [])
        ]
        return {"frames": int(header.get("NumberOfFrames") or 1), "sources": sources}
    except _UNREADABLE:  # the rest of the page still counts
        return {"frames": 1, "sources": []}


def places_of(result: Result, series: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return where each Finding of a result is; "" where all of them are in one place.

    `series` is what `images_of` returns; images are counted as the page counts them.
    """
    places = [
        (each.series_instance_uid, 0)
        if each.series_instance_uid
        else (each.sop_instance_uid, each.frame)
        for each in result.findings
    ]
    if len(set(places)) < 2:
        return ["" for _ in places]
    names: dict[tuple[str, int], str] = {}
    for number, of in enumerate(series, 1):
        name = f"series {number}" if len(series) > 1 else ""
        names[of["series"], 0] = name
        frames = [
            (each["uid"], frame)
            for each in of["instances"]
            for frame in range(1, each["frames"] + 1)
        ]
        for count, frame in enumerate(frames, 1):
            names[frame] = ", ".join(filter(None, (name, f"image {count}")))
    return [names.get(each, "") for each in places]


def tags_of(stores: Stores, uid: str, sop_instance_uid: str) -> list[dict[str, str]] | None:
    """Return the header of an Instance that came in, line by line; None where it is not held."""
    named = Condition(Field.SOP_INSTANCE_UID, AnyOf((sop_instance_uid,)))
    of_study = Condition(Field.STUDY_INSTANCE_UID, AnyOf((uid,)))
    found = stores.catalog.search(Search(Level.INSTANCE, (named, of_study), limit=1))
    if not found:
        return None
    with stores.archive.path(found[0].key).open("rb") as file:
        header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    return [*_lines(getattr(header, "file_meta", Dataset())), *_lines(header)]


def _lines(dataset: Dataset, depth: int = 0) -> Iterator[dict[str, str]]:
    for tag in sorted(dataset.keys()):
        try:
            element = dataset[tag]
        except _BROKEN as error:  # the other lines still count
            yield {"tag": str(tag), "vr": "", "name": "", "value": f"({type(error).__name__})"}
            continue
        yield {
            "tag": "> " * depth + str(tag),
            "vr": str(element.VR),
            "name": element.keyword or element.name,
            "value": _value(element),
        }
        if element.VR == "SQ":
            for item in element.value:
                yield from _lines(item, depth + 1)


def _value(element: DataElement) -> str:
    if element.VR == "SQ":
        return f"{len(element.value)} items"
    if element.VR in _BULK:
        return f"{len(element.value or b'')} bytes"
    value = element.value
    several = element.VM > 1
    text = "\\".join(map(str, value)) if several else str("" if value is None else value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _instances(stores: Stores, uid: str) -> tuple[Entry, ...]:
    of_study = Condition(Field.STUDY_INSTANCE_UID, AnyOf((uid,)))
    return tuple(stores.catalog.search(Search(Level.INSTANCE, (of_study,), limit=_MOST)))


def _number(entry: Entry, field: Field, otherwise: int) -> int:
    value = entry.values.get(field, otherwise)
    return value if isinstance(value, int) else otherwise
