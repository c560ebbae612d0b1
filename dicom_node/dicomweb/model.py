"""Data sets in the DICOM JSON Model (PS3.18 Annex F)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_node.archive.encoding import InflatingStream, Syntax, walk
from dicom_node.archive.header import read_file_meta
from dicom_node.pixels.frame import ignored_warnings
from inference.domain.catalog import Entry, Field, Level, Value
from inference.domain.errors import UnreadableInstance, WetreadError

Model = dict[str, Any]

as_json = json.JSONEncoder(separators=(",", ":")).encode

_INLINE = 1024  # bytes; longer binary values are bulk data
_LONGEST = 64 << 20  # bytes; a longer value of the header is not read for its model
_MAX_INFLATED = 256 << 20  # bytes
BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
UTF_8: Model = {"vr": "CS", "Value": ["ISO_IR 192"]}  # whatever the header says (F.2.2)
_AVAILABLE = "ONLINE"  # Instance Availability (0008,0056), PS3.3 C.4.23.1.1

# What an answer on a level always has (PS3.18 Tables 10.6.3-3 to 10.6.3-5).
_REQUIRED = {
    Level.STUDY: (
        Field.STUDY_DATE,
        Field.STUDY_TIME,
        Field.ACCESSION_NUMBER,
        Field.MODALITIES_IN_STUDY,
        Field.REFERRING_PHYSICIAN_NAME,
        Field.PATIENT_NAME,
        Field.PATIENT_ID,
        Field.PATIENT_BIRTH_DATE,
        Field.PATIENT_SEX,
        Field.STUDY_INSTANCE_UID,
        Field.STUDY_ID,
        Field.NUMBER_OF_STUDY_RELATED_SERIES,
        Field.NUMBER_OF_STUDY_RELATED_INSTANCES,
    ),
    Level.SERIES: (
        Field.MODALITY,
        Field.SERIES_INSTANCE_UID,
        Field.SERIES_NUMBER,
        Field.NUMBER_OF_SERIES_RELATED_INSTANCES,
    ),
    Level.INSTANCE: (Field.SOP_CLASS_UID, Field.SOP_INSTANCE_UID, Field.INSTANCE_NUMBER),
}
_REQUEST = (Field.SCHEDULED_PROCEDURE_STEP_ID, Field.REQUESTED_PROCEDURE_ID)


@cache
def tag_of(keyword: str) -> str:
    """Return the tag as eight hexadecimal digits."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no keyword")
    return f"{tag:08X}"


def attribute(vr: str, *values: Any) -> Model:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def model_of(entry: Entry, levels: Iterable[Level], retrieve_url: str) -> Model:
    """Return what the catalog knows of `entry`, of these levels, sorted by tag."""
    levels = tuple(levels)
    model: Model = {
        "00080005": UTF_8,
        "00080056": attribute("CS", _AVAILABLE),
        "00081190": attribute("UR", retrieve_url),
    }
    values = entry.values
    for field, tag, vr, required in _shown(levels):
        value = values.get(field)
        if value is not None:
            model[tag] = _valued(vr, value)
        elif required:
            model[tag] = {"vr": vr}
    if Level.SERIES in levels:
        item = {
            tag_of(field.keyword): _valued(dictionary_VR(field.keyword), values[field])
            for field in _REQUEST
            if field in values
        }
        if item:
            model["00400275"] = attribute("SQ", item)
    if Level.STUDY not in levels and Field.TIMEZONE_OFFSET_FROM_UTC in values:
        model["00080201"] = _valued("SH", values[Field.TIMEZONE_OFFSET_FROM_UTC])
    return dict(sorted(model.items()))


@cache
def _shown(levels: tuple[Level, ...]) -> tuple[tuple[Field, str, str, bool], ...]:
    """Return the fields of these levels: tag, VR, and whether every answer has it."""
    return tuple(
        (field, tag_of(field.keyword), dictionary_VR(field.keyword), field in _REQUIRED[level])
        for level in levels
        for field in Field
        if field.level is level and field not in _REQUEST
    )


def _valued(vr: str, value: Value) -> Model:
    if isinstance(value, tuple):
        return attribute(vr, *value)
    if vr == "PN":
        return attribute(vr, _person(str(value)))
    if vr in ("IS", "US", "DS") and isinstance(value, str):
        return attribute(vr, int(value)) if value.lstrip("+-").isdecimal() else {"vr": vr}
    return attribute(vr, value)


def _person(name: str) -> dict[str, str]:
    groups = ("Alphabetic", "Ideographic", "Phonetic")
    return {group: text for group, text in zip(groups, name.split("="), strict=False) if text}


def read_header(part10: Path, tags: list[int] | None = None) -> Dataset:
    """Read a header without its pixels. Raises `UnreadableInstance`."""
    try:
        with ignored_warnings(), part10.open("rb") as file:
            meta = read_file_meta(file)
            if meta.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
                file.seek(meta.data_set_offset)
                stream = InflatingStream(file, _MAX_INFLATED)
                for _ in walk(stream, Syntax(implicit=False), (), ()):
                    pass
            file.seek(0)
            return dcmread(file, defer_size=_LONGEST, stop_before_pixels=True, specific_tags=tags)
    except (WetreadError, OSError):
        raise
    except Exception as error:
        # The boundary to a parser of bytes that anybody may have written.
        raise UnreadableInstance(f"the header cannot be read: {type(error).__name__}") from error


def header_model(header: Dataset, bulk: Callable[[str], str] | None = None) -> Model:
    """Return the model of a header. `bulk` makes a URI of the path of a long binary value.

    A value that cannot be read is left out; its attribute stays.
    """
    model: Model = {}
    with ignored_warnings():
        _model_into(model, header, "", bulk)
    if "00080005" in model:
        model["00080005"] = UTF_8
    return model


def _model_into(
    model: Model, header: Dataset, path: str, bulk: Callable[[str], str] | None
) -> None:
    for tag in sorted(header.keys()):
        name = f"{int(tag):08X}"
        if tag.element == 0:
            continue  # group lengths say nothing here
        model[name] = attribute_model(header, tag, path + name, bulk)


def attribute_model(
    header: Dataset, tag: BaseTag, path: str, bulk: Callable[[str], str] | None
) -> Model:
    """Return the model of one attribute, without a value where that cannot be read."""
    raw = header.get_item(tag, keep_deferred=True)
    length = getattr(raw, "length", 0) or 0
    if getattr(raw, "value", b"") is None and length:  # too long to be read with the rest
        vr = getattr(raw, "VR", None) or "UN"
        return {"vr": vr, "BulkDataURI": bulk(path)} if bulk else {"vr": vr}
    try:
        return _element_model(header[tag], path, bulk)
    except Exception:
        # The boundary to the parser of one value: the others are still worth having.
        return {"vr": getattr(raw, "VR", None) or "UN"}


def _element_model(element: DataElement, path: str, bulk: Callable[[str], str] | None) -> Model:
    if element.VR == "SQ":
        items = []
        for number, item in enumerate(element.value, 1):
            inner: Model = {}
            _model_into(inner, item, f"{path}/{number}/", bulk)
            items.append(inner)
        return attribute("SQ", *items)
    value = element.value
    if element.VR in BINARY and value is not None and len(value) > _INLINE:
        return {"vr": element.VR, "BulkDataURI": bulk(path)} if bulk else {"vr": element.VR}
    made: Model = _finite(element.to_json_dict(None, 1 << 40))
    return made


def _finite(made: Any) -> Any:
    """JSON has no NaN and no infinity, and no lone surrogates (RFC 8259)."""
    if isinstance(made, dict):
        return {key: _finite(each) for key, each in made.items()}
    if isinstance(made, list):
        return [_finite(each) for each in made]
    if isinstance(made, float) and not math.isfinite(made):
        return None
    if isinstance(made, str) and not made.isascii():
        return made.encode("utf-8", "replace").decode("utf-8")
    return made
