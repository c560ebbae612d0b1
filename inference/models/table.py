"""One table of a `model.toml`: every value checked, every key accounted for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NoReturn, TypeVar, overload

from inference.domain.code import Code
from inference.domain.errors import ManifestError
from inference.domain.recognition import Kind

_Choice = TypeVar("_Choice", bound=StrEnum)


class Table:
    """One table of the file. Every reader takes its key away; `close` refuses the rest."""

    def __init__(self, raw: Mapping[str, Any], source: str, prefix: str = "") -> None:
        self._rest = dict(raw)
        self._source = source
        self._prefix = prefix

    def refuse(self, key: str, what_to_do: str) -> NoReturn:
        raise ManifestError(f"{self._source}: {self._prefix}{key}: {what_to_do}")

    def has(self, key: str) -> bool:
        return key in self._rest

    def close(self) -> None:
        if self._rest:
            self.refuse(min(self._rest), "this key is not known; remove it")

    def text(
        self,
        key: str,
        pattern: re.Pattern[str] | None = None,
        form: str = "",
        default: str | None = None,
    ) -> str:
        value = self._rest.pop(key, default)
        if not isinstance(value, str) or (not value and default is None):
            self.refuse(key, f"write a text here{', ' + form if form else ''}")
        if pattern and not pattern.fullmatch(value):
            self.refuse(key, f"{value[:80]!r} cannot stand here; write {form}")
        return value

    def number(self, key: str, limits: tuple[float, float], default: float | None = None) -> float:
        value = self._rest.pop(key, default)
        low, high = limits
        # A bool is an int to Python.
        if type(value) not in (int, float) or not low <= value <= high:
            self.refuse(key, f"write a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, key: str, default: int, limits: tuple[int, int] = (1, 65535)) -> int:
        value = self._rest.pop(key, default)
        if type(value) is not int or not limits[0] <= value <= limits[1]:
            self.refuse(key, f"write a whole number from {limits[0]} to {limits[1]}")
        return value

    def truth(self, key: str) -> bool:
        value = self._rest.pop(key, False)
        if not isinstance(value, bool):
            self.refuse(key, "write true or false")
        return value

    def numbers(self, key: str, count: int, limits: tuple[float, float]) -> tuple[float, ...]:
        """Return `count` numbers, or none where the key is absent."""
        value = self._rest.pop(key, None)
        if value is None:
            return ()
        if (
            not isinstance(value, list)
            or len(value) != count
            or any(type(v) not in (int, float) for v in value)
            or not all(limits[0] <= v <= limits[1] for v in value)
        ):
            self.refuse(
                key, f"write a list of {count} numbers, each from {limits[0]:g} to {limits[1]:g}"
            )
        return tuple(float(v) for v in value)

    def names(self, key: str) -> tuple[str, ...]:
        """Return the values in upper case."""
        value = self._rest.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            self.refuse(key, 'write a list of texts, as in ["CHEST"], or remove the key')
        return tuple(each.upper() for each in value)

    def kinds(self, key: str) -> tuple[Kind, ...]:
        """Return what a gate must recognise."""
        known = {kind.value.upper(): kind for kind in Kind}
        names = self.names(key)
        if not set(names) <= set(known):
            self.refuse(key, "write a list of these: " + ", ".join(f'"{k}"' for k in Kind))
        return tuple(known[name] for name in names)

    def interval(
        self, key: str, limits: tuple[float, float] = (0, 150)
    ) -> tuple[float, float] | None:
        value = self._rest.pop(key, None)
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 2
            or any(type(v) not in (int, float) for v in value)
            or not limits[0] <= value[0] <= value[1] <= limits[1]
        ):
            self.refuse(key, "write the lowest and the highest value, as in [1, 5]")
        return float(value[0]), float(value[1])

    def choice(self, key: str, default: _Choice) -> _Choice:
        kind = type(default)
        value = self._rest.pop(key, default.value)
        if value not in [each.value for each in kind]:
            self.refuse(key, "write " + " or ".join(f'"{each}"' for each in kind))
        return kind(value)

    @overload
    def code(self, key: str) -> Code: ...

    @overload
    def code(self, key: str, needed: bool) -> Code | None: ...

    def code(self, key: str, needed: bool = True) -> Code | None:
        value = self._rest.pop(key, None)
        if value is None and not needed:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not all(isinstance(v, str) and v for v in value)
        ):
            self.refuse(key, 'write code value, scheme and meaning: ["39607008", "SCT", "Lung"]')
        return Code(*value)

    def table(self, key: str) -> Table:
        value = self._rest.pop(key, {})
        if not isinstance(value, dict):
            self.refuse(key, f"write a table, [{key}]")
        return Table(value, self._source, f"{self._prefix}{key}.")

    def tables(self, key: str) -> list[Table]:
        value = self._rest.pop(key, None)
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            self.refuse(key, f"write one table or more, [[{key}]]")
        return [
            Table(each, self._source, f"{self._prefix}{key}[{index}].")
            for index, each in enumerate(value, start=1)
        ]
