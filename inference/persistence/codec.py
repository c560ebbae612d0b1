"""Dataclasses of the domain to JSON values and back, led by their type hints.

A field that the stored value lacks takes its default, and one that the class no longer has
is passed over, so that rows of another version can still be read.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")


def to_json(value: object) -> Any:
    """Return `value` as dicts, lists, strings, numbers, booleans and None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [to_json(each) for each in value]
    return value


def json_text(value: Any) -> str:
    """Return JSON that every database takes: numbers that are none become words.

    `float` reads them back. All else that is not ASCII is escaped, NUL and lone surrogates too.
    """
    text = json.dumps(value)
    if "NaN" in text or "Infinity" in text:
        return json.dumps(_finite(value))
    return text


def presentable(text: str) -> str:
    """Return `text` without what databases refuse: NUL and lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def from_json(kind: type[T], value: Any) -> T:
    """Return the `kind` that `to_json` made `value` from."""
    return cast(T, _reader(cast(Any, kind))(value))


def tuple_from_json(kind: type[T], value: Any) -> tuple[T, ...]:
    return tuple(map(_reader(cast(Any, kind)), value))


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """Return what reads a `kind`: its hints are looked through once, its values often."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (some,) = (each for each in arguments if each is not types.NoneType)
        read = _reader(some)
        return lambda value: None if value is None else read(value)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            read = _reader(arguments[0])
            return lambda value: tuple(map(read, value))
        each_reads = tuple(map(_reader, arguments))
        return lambda value: tuple(read(item) for read, item in zip(each_reads, value, strict=True))
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    if kind is datetime:
        return datetime.fromisoformat
    if issubclass(kind, Enum) or kind is float:
        return cast(Callable[[Any], Any], kind)
    return lambda value: value


def _dataclass_reader(kind: Any) -> Callable[[Any], Any]:
    readers = {name: _reader(hint) for name, hint in typing.get_type_hints(kind).items()}

    def read(value: Any) -> Any:
        return kind(
            **{name: readers[name](item) for name, item in value.items() if name in readers}
        )

    return read
