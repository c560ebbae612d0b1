"""Content items of a Structured Report, as a reader finds them, and lines for a person."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

_LABEL = 14  # characters
_WIDTH = 96  # characters
RULE = "-" * _WIDTH


def line(label: str, value: str, indent: int = 0) -> Iterator[str]:
    """Return `label` and `value` in columns; a long value goes on below itself."""
    left = " " * indent
    column = _LABEL if label else 0
    parts = wrap(value, _WIDTH - indent - column, break_long_words=True) or [""]
    yield f"{left}{label:<{column}}{parts[0]}".rstrip()
    for part in parts[1:]:
        yield f"{left}{'':<{column}}{part}"


def items(container: Dataset) -> list[Dataset]:
    return list(container.get("ContentSequence") or [])


def find(container: Dataset, name: Code) -> list[Dataset]:
    return [each for each in items(container) if name_of(each) == name]


def name_of(item: Dataset) -> Code | None:
    names = item.get("ConceptNameCodeSequence")
    return triple(names[0]) if names else None


def code_of(item: Dataset) -> Code | None:
    values = item.get("ConceptCodeSequence")
    return triple(values[0]) if values else None


def triple(item: Dataset) -> Code:
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue") or ""
    scheme = item.get("CodingSchemeDesignator") or ""
    return Code(str(value), str(scheme), str(item.get("CodeMeaning") or ""))


def value_of(item: Dataset) -> str:
    found = code_of(item)
    return found.meaning if found else ""


def string_of(item: Dataset) -> str:
    return str(item.get("TextValue") or item.get("UID") or "")


def text_of(container: Dataset, name: Code) -> str:
    return next((string_of(each) for each in find(container, name)), "")


def date(value: object) -> str:
    text = str(value or "")
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 else text
