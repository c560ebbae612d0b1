"""Models of many headers (PS3.18 Annex F): what they have in common is converted once.

The slices of a Series say the same in nearly all of their attributes, and to convert a value costs
far more than to look it up. It is known here by its bytes and by all that its meaning hangs on:
VR, Specific Character Set, Pixel Representation, and who made it, if it is private.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from dicom_node.dicomweb.model import UTF_8, Model, as_json, attribute_model, header_model
from dicom_node.dicomweb.quick_values import quick_values
from dicom_node.dicomweb.raw_header import RawHeader, Unusual, read_raw_header
from dicom_node.pixels.frame import ignored_warnings
from dicom_node.pixels.part10 import open_part10

_CHARACTER_SET = 0x00080005
_PIXEL_REPRESENTATION = 0x00280103
_ROOM = 16 << 20  # bytes of values that are remembered
_AROUND = 500  # bytes that each costs besides
_LONG = 4096  # bytes; a longer value is not remembered

Bulk = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Said:
    """An attribute: its name, its model, and both as JSON."""

    name: str
    model: Model
    text: str


class HeaderModels:
    """One for each answer; not for two threads at once.

    `bulk` makes a URI of the path of a value. A value that cannot be read is left out; its
    attribute stays. Both raise `UnreadableInstance` and `OSError`.
    """

    def __init__(self) -> None:
        # By what they hang on together, and then one by one.
        self._known: dict[tuple[Any, ...], dict[tuple[Any, ...], _Said]] = {}
        self._room = _ROOM

    def read(self, path: Path, bulk: Bulk) -> Model:
        """Return the model of a file's header, its pixels by reference."""
        try:
            said = self._convert(read_raw_header(path), bulk)
        except Unusual:
            return _read_by_pydicom(path, bulk)
        return {each.name: each.model for each in said}

    def text(self, path: Path, bulk: Bulk) -> str:
        """Return the same as JSON, put together of what is JSON already."""
        try:
            said = self._convert(read_raw_header(path), bulk)
        except Unusual:
            return as_json(_read_by_pydicom(path, bulk))
        return f"{{{','.join([each.text for each in said])}}}"

    def _convert(self, raw: RawHeader, bulk: Bulk) -> list[_Said]:
        values = raw.values
        around = (
            raw.is_implicit,
            values.get(_CHARACTER_SET),
            values.get(_PIXEL_REPRESENTATION),
        )
        known = self._known.setdefault(around, {})
        said: list[_Said] = []
        new: list[tuple[int, tuple[Any, ...]]] = []  # place and key
        for tag, value in values.items():
            if not tag & 0xFFFF:
                continue  # group lengths say nothing here
            key = (tag, value, values.get(_maker(tag))) if tag & 0x10000 else (tag, value)
            found = known.get(key)
            if found is None:
                found = _quick(tag, *value)
                if found is None:
                    new.append((len(said), key))
                    found = _NOTHING  # keeps its place
                else:
                    self._remember(known, key, found)
            said.append(found)
        if new:
            self._learn(raw, known, new, said, bulk)
        if raw.pixels is not None:
            tag, vr = raw.pixels
            name = f"{tag:08X}"
            said.append(_said(name, {"vr": vr, "BulkDataURI": bulk(name)}))
        return said

    def _learn(
        self,
        raw: RawHeader,
        known: dict[tuple[Any, ...], _Said],
        new: list[tuple[int, tuple[Any, ...]]],
        said: list[_Said],
        bulk: Bulk,
    ) -> None:
        """Convert what is not known yet."""
        named: list[str] = []

        def noted(path: str) -> str:
            named.append(path)
            return bulk(path)

        with ignored_warnings():
            data_set = _data_set(raw, [key[0] for _, key in new])
            for place, key in new:
                tag = key[0]
                name = f"{tag:08X}"
                named.clear()
                model = attribute_model(data_set, BaseTag(tag), name, noted)
                said[place] = made = _said(name, UTF_8 if tag == _CHARACTER_SET else model)
                if not named:
                    self._remember(known, key, made)

    def _remember(
        self, known: dict[tuple[Any, ...], _Said], key: tuple[Any, ...], made: _Said
    ) -> None:
        length = len(key[1][1])
        if length <= _LONG and self._room > 0:
            known[key] = made
            self._room -= length + _AROUND


def _quick(tag: int, vr: str | None, value: bytes) -> _Said | None:
    if vr is None or tag & 0x10000:
        return None
    values = quick_values(vr, value)
    return None if values is None else _said(f"{tag:08X}", {"vr": vr, "Value": list(values)})


def _said(name: str, model: Model) -> _Said:
    return _Said(name, model, f'"{name}":{as_json(model)}')


_NOTHING = _Said("", {}, "")


def _read_by_pydicom(path: Path, bulk: Bulk) -> Model:
    with open_part10(path) as part10:
        model = header_model(part10.header, bulk)
        if part10.pixels is not None:
            name = f"{part10.pixels.tag:08X}"
            model[name] = {"vr": part10.pixels.vr, "BulkDataURI": bulk(name)}
    return model


def _maker(tag: int) -> int:
    """Return the tag of the Private Creator of a private attribute (PS3.5 Section 7.8.1)."""
    return tag & 0xFFFF0000 | (tag >> 8 & 0xFF)


def _data_set(raw: RawHeader, tags: Sequence[int]) -> Dataset:
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
