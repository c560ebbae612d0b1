"""Models of many headers (PS3.18 Annex F): what they have in common is converted once.

The slices of a Series say the same in nearly all of their attributes, and to convert a value costs
far more than to look it up. It is known here by its bytes and by all that its meaning hangs on:
VR, Specific Character Set, Pixel Representation, and who made it, if it is private.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from dicom_node.dicomweb.model import UTF_8, Model, attribute_model, header_model
from dicom_node.dicomweb.raw_header import RawHeader, Unusual, read_raw_header
from dicom_node.pixels.frame import ignored_warnings
from dicom_node.pixels.part10 import open_part10

_CHARACTER_SET = 0x00080005
_PIXEL_REPRESENTATION = 0x00280103
_KNOWN = 20_000  # values that are remembered
_LONG = 4096  # bytes; a longer value is not remembered

Bulk = Callable[[str], str]


class HeaderModels:
    """One for each answer; not for two threads at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Model] = {}

    def read(self, path: Path, bulk: Bulk) -> Model:
        """Return the model of a file's header, its pixels by reference.

        `bulk` makes a URI of the path of a value. A value that cannot be read is left out; its
        attribute stays. Raises `UnreadableInstance` and `OSError`.
        """
        try:
            raw = read_raw_header(path)
            model = self._convert(raw, bulk)
            if raw.pixels is not None:
                _refer(model, *raw.pixels, bulk)
        except Unusual:
            with open_part10(path) as part10:
                model = header_model(part10.header, bulk)
                if part10.pixels is not None:
                    _refer(model, part10.pixels.tag, part10.pixels.vr, bulk)
        return model

    def _convert(self, raw: RawHeader, bulk: Bulk) -> Model:
        values, known = raw.values, self._known
        around = (
            raw.is_implicit,
            values.get(_CHARACTER_SET),
            values.get(_PIXEL_REPRESENTATION),
        )
        model: Model = {}
        new: dict[int, tuple[Any, ...]] = {}
        for tag, value in values.items():
            if not tag & 0xFFFF:
                continue  # group lengths say nothing here
            maker = values.get(_maker(tag)) if tag & 0x10000 else None
            key = (tag, value, maker, around)
            found = known.get(key)
            if found is None:
                new[tag] = key
                found = {}
            model[f"{tag:08X}"] = found
        if new:
            self._learn(raw, new, model, bulk)
        if "00080005" in model:
            model["00080005"] = UTF_8
        return model

    def _learn(
        self, raw: RawHeader, new: dict[int, tuple[Any, ...]], model: Model, bulk: Bulk
    ) -> None:
        """Convert what is not known yet into `model`."""
        named: list[str] = []

        def noted(path: str) -> str:
            named.append(path)
            return bulk(path)

        with ignored_warnings():
            data_set = _data_set(raw, new)
            for tag, key in new.items():
                name = f"{tag:08X}"
                named.clear()
                model[name] = made = attribute_model(data_set, BaseTag(tag), name, noted)
                is_long = len(raw.values[tag][1]) > _LONG
                if not named and not is_long and len(self._known) < _KNOWN:
                    self._known[key] = made


def _refer(model: Model, tag: int, vr: str, bulk: Bulk) -> None:
    name = f"{tag:08X}"
    model[name] = {"vr": vr, "BulkDataURI": bulk(name)}


def _maker(tag: int) -> int:
    """Return the tag of the Private Creator of a private attribute (PS3.5 Section 7.8.1)."""
    return tag & 0xFFFF0000 | (tag >> 8 & 0xFF)


def _data_set(raw: RawHeader, tags: dict[int, Any]) -> Dataset:
    """Return these attributes, with those that they are understood by. Raises `Unusual`."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for tag in (*tags, *(_maker(each) for each in tags if each & 0x10000)):
        if tag in raw.values:
            _check(tag, raw.values[tag][0])
            elements[BaseTag(tag)] = _element(raw, tag)
    for tag in (_CHARACTER_SET, _PIXEL_REPRESENTATION):
        if tag in raw.values:
            elements[BaseTag(tag)] = _element(raw, tag)
    data_set = Dataset(elements)
    encodings: Any = "iso8859"
    if _CHARACTER_SET in raw.values:
        encodings = convert_encodings(data_set[_CHARACTER_SET].value)
    data_set.set_original_encoding(raw.is_implicit, True, encodings)
    return data_set


def _element(raw: RawHeader, tag: int) -> RawDataElement:
    vr, value = raw.values[tag]
    held: Any = value or empty_value_for_VR(vr, raw=True)
    return RawDataElement(BaseTag(tag), vr, len(value), held, 0, raw.is_implicit, True)


def _check(tag: int, vr: str | None) -> None:
    """Raises `Unusual` for a value that is understood by more than is looked at here."""
    if vr not in (None, "UN"):
        return
    try:
        known = dictionary_VR(tag)
    except KeyError:
        return
    if " or " in known and known != "US or SS":
        raise Unusual
