"""Data sets out of the Native DICOM Model (PS3.19 Section A.1), as the JSON Model has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from xml.parsers.expat import ExpatError, ParserCreate

from dicom_node.dicomweb.problems import WebError

_DEEPEST: Final = 64  # elements within each other
_MOST: Final = 200_000  # elements
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_WHOLE: Final = frozenset(("IS", "SL", "SS", "SV", "UL", "US", "UV"))
_REAL: Final = frozenset(("DS", "FD", "FL"))


@dataclass(slots=True)
class _Element:
    name: str
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)
    text: str = ""

    def named(self, name: str) -> Iterator[_Element]:
        return (each for each in self.children if each.name == name)


def from_xml(body: bytes) -> dict[str, Any]:
    """Return the data set, unchecked but for its form. Raises `WebError`."""
    root = _tree(body)
    if root.name != "NativeDicomModel":
        raise WebError("the request is no NativeDicomModel (PS3.19 Section A.1)")
    return _data_set(root)


def _tree(body: bytes) -> _Element:
    top = _Element("", {})
    path = [top]
    count = 0
    parser = ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(path) > _DEEPEST or count > _MOST:
            raise WebError("the XML has too many elements, or too deep ones")
        element = _Element(name.rpartition(":")[2], attributes)
        path[-1].children.append(element)
        path.append(element)

    def end(_name: str) -> None:
        path.pop()

    def data(text: str) -> None:
        path[-1].text += text

    def refuse(*_: object) -> NoReturn:
        # A few bytes of entities inflate to any number.
        raise WebError("XML with a document type is not taken")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    try:
        parser.Parse(body, True)
    except (ExpatError, LookupError, ValueError):
        raise WebError("the request is not XML") from None
    return top.children[0]


def _data_set(element: _Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in element.named("DicomAttribute"):
        tag, vr = each.attributes.get("tag", ""), each.attributes.get("vr", "")
        if any(each.named("BulkData")) or any(each.named("InlineBinary")):
            raise WebError(f"{tag[:8]}: workitems have no bulk data (PS3.18 Section 11.1.3)")
        if vr == "SQ":
            values: list[Any] = [_data_set(item) for item in _sorted(each.named("Item"))]
        elif vr == "PN":
            values = [_person(person) for person in _sorted(each.named("PersonName"))]
        else:
            values = [_value(vr, value.text) for value in _sorted(each.named("Value"))]
        found[tag] = {"vr": vr, "Value": values} if values else {"vr": vr}
    return found


def _sorted(elements: Iterable[_Element]) -> list[_Element]:
    def number(element: _Element) -> int:
        text = element.attributes.get("number", "")
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise WebError("a value has no number")
        return int(text)

    return sorted(elements, key=number)


def _person(element: _Element) -> dict[str, str]:
    groups = {}
    for name in _GROUPS:
        for group in element.named(name):
            said = {each.name: each.text for each in group.children}
            text = "^".join(said.get(each, "") for each in _COMPONENTS).rstrip("^")
            if text:
                groups[name] = text
    return groups


def _value(vr: str, text: str) -> Any:
    if not text:
        return None
    try:
        if vr in _WHOLE:
            return int(text)
        if vr in _REAL:
            return float(text)
    except ValueError:
        raise WebError(f"a value of {vr} is a number") from None
    return text
