"""The Native DICOM Model (PS3.19 Section A.1), from the DICOM JSON Model (PS3.18 F.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from pydicom.datadict import keyword_for_tag

_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
# XML 1.0 Section 2.2 has no way to write these.
_NO_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


def to_xml(model: Mapping[str, Any]) -> bytes:
    root = Element("NativeDicomModel", {"xmlns": _NAMESPACE, "xml:space": "preserve"})
    _fill(root, model)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _fill(parent: Element, model: Mapping[str, Any]) -> None:
    for tag, attribute in model.items():
        vr = attribute.get("vr", "UN")
        names = {"tag": tag, "vr": vr}
        if keyword := keyword_for_tag(int(tag, 16)):
            names["keyword"] = keyword
        element = SubElement(parent, "DicomAttribute", names)
        if "BulkDataURI" in attribute:
            SubElement(element, "BulkData", {"uri": attribute["BulkDataURI"]})
        elif "InlineBinary" in attribute:
            SubElement(element, "InlineBinary").text = attribute["InlineBinary"]
        else:
            for number, value in enumerate(attribute.get("Value", ()), 1):
                _value(element, vr, str(number), value)


def _value(element: Element, vr: str, number: str, value: Any) -> None:
    if vr == "SQ":
        _fill(SubElement(element, "Item", {"number": number}), value or {})
    elif vr == "PN":
        person = SubElement(element, "PersonName", {"number": number})
        for group in ("Alphabetic", "Ideographic", "Phonetic"):
            if name := (value or {}).get(group):
                parts = SubElement(person, group)
                for component, text in zip(_COMPONENTS, name.split("^"), strict=False):
                    if text:
                        SubElement(parts, component).text = _clean(text)
    elif value is not None:
        SubElement(element, "Value", {"number": number}).text = _clean(str(value))


def _clean(text: str) -> str:
    return _NO_CHARACTER.sub("\ufffd", text)
