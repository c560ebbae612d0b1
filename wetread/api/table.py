"""Rows as a table: HTML in a notebook, aligned text elsewhere."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Table:
    """`rows` hold a value for each of `columns`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        lines = [self.columns, *self._texts()]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(each)}</th>" for each in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(each)}</td>" for each in line) + "</tr>"
            for line in self._texts()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _texts(self) -> list[tuple[str, ...]]:
        return [tuple(map(_text, row)) for row in self.rows]


def table(rows: Iterable[Any], columns: Sequence[str] = ()) -> Table:
    """Return `rows`, mappings or any objects with attributes, as a table.

    `columns` are the keys or attributes to show, in this order; all of the first row if none
    is named. A key that a row lacks is an empty cell.
    """
    held = list(rows)
    names = tuple(columns) or (_names(held[0]) if held else ())
    return Table(names, tuple(tuple(_value(row, name) for name in names) for row in held))


def _names(row: Any) -> tuple[str, ...]:
    if isinstance(row, Mapping):
        return tuple(row)
    if dataclasses.is_dataclass(row):
        return tuple(each.name for each in dataclasses.fields(row))
    raise TypeError(f"name the columns: a {type(row).__name__} does not say what it holds")


def _value(row: Any, name: str) -> Any:
    return row.get(name, "") if isinstance(row, Mapping) else getattr(row, name)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "–"
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    return str(value)
