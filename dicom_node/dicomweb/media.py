"""What a client accepts (PS3.18 Section 8.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi import Request

from dicom_node.dicomweb.problems import WebError

DICOM = "application/dicom"
JSON = "application/dicom+json"
XML = "application/dicom+xml"
OCTETS = "application/octet-stream"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PARAMETER = re.compile(r';\s*([^\s=;,"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*')
_ANY = "*/*"
_MAX_LENGTH = 4096  # characters of an Accept header


@dataclass(frozen=True, slots=True)
class MediaType:
    """`name` in lower case, without parameters."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of the acceptable media types. `multipart` is None where either will do.

    `transfer_syntax` is "" where none is named, "*" for any.
    """

    media: str
    multipart: bool | None
    transfer_syntax: str = ""

    def takes(self, media: str) -> bool:
        if self.media in (_ANY, media):
            return True
        return self.media.endswith("/*") and media.startswith(self.media[:-1])

    @property
    def is_any(self) -> bool:
        return self.media == _ANY


def parse_media_type(text: str) -> MediaType:
    """Read a Content-Type. Raises `WebError`."""
    for each in parse_media_types(text):
        return each
    raise WebError("no media type")


def parse_media_types(text: str) -> Iterator[MediaType]:
    if len(text) > _MAX_LENGTH:
        raise WebError("a media type is too long")
    position = 0
    while position < len(text):
        end = position
        while end < len(text) and text[end] not in ";,":
            end += 1
        name = text[position:end].strip().lower()
        parameters: dict[str, str] = {}
        while end < len(text) and text[end] == ";":
            match = _PARAMETER.match(text, end)
            if match is None:
                end += 1  # a semicolon that nothing follows
                while end < len(text) and text[end] not in ";,":
                    end += 1
                continue
            quoted, plain = match[2], match[3]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            parameters[match[1].lower()] = value
            end = match.end()
        if name:
            major, _, minor = name.partition("/")
            if not (_TOKEN.fullmatch(major) and _TOKEN.fullmatch(minor)):
                raise WebError(f"{name[:80]!r} is not a media type")
            yield MediaType(name, parameters)
        position = end + 1


def wanted(request: Request) -> tuple[Wanted, ...]:
    """Return what the client accepts, the dearest first.

    The query parameter goes before the header (PS3.18 Section 8.3.3.1).
    """
    text = request.query_params.get("accept") or request.headers.get("accept") or _ANY
    found = []
    for each in parse_media_types(text):
        weight = _weight(each.parameters.get("q", "1"))
        if weight > 0:
            found.append((weight, _wanted(each)))
    found.sort(key=lambda pair: -pair[0])
    return tuple(each for _, each in found)


def _wanted(media: MediaType) -> Wanted:
    syntax = media.parameters.get("transfer-syntax", "")
    if media.name == "multipart/related":
        inner = media.parameters.get("type", _ANY).lower()
        return Wanted(inner, True, syntax)
    return Wanted(media.name, None if media.name == _ANY else False, syntax)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
