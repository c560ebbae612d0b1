"""What others say of workitems, as JSON (PS3.18 Annex F) or XML, checked."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from fastapi import Request
from pydicom.datadict import dictionary_VR, keyword_for_tag
from starlette.requests import ClientDisconnect

from dicom_node.dicomweb.media import JSON, XML, MediaType, parse_media_type
from dicom_node.dicomweb.multipart import Data, Head, MultipartReader, boundary_of
from dicom_node.dicomweb.problems import TooLarge, UnsupportedMedia, WebError
from dicom_node.dicomweb.ups_xml import from_xml
from inference.domain.uid import check_uid
from inference.domain.workitem_search import date_time_key

MAXIMUM: Final = 4 << 20  # bytes of a request
_DEEPEST: Final = 12  # sequences within each other
_MOST: Final = 100_000  # attributes
_IDLE: Final = 30.0  # seconds without a byte
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_AFFECTED_UID: Final = "00001000"  # older clients name the workitem in this way
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_LONGEST: Final = {  # characters of a value (PS3.5 Table 6.2-1); 0 for no limit of its own
    "AE": 16, "AS": 4, "AT": 8, "CS": 16, "DA": 8, "DT": 26, "LO": 64, "LT": 10240, "SH": 16,
    "ST": 1024, "TM": 14, "UC": 0, "UI": 64, "UR": 0, "UT": 0,
}  # fmt: skip
_INTEGERS: Final = frozenset(("IS", "SL", "SS", "SV", "UL", "US", "UV"))
_NUMBERS: Final = frozenset(("DS", "FD", "FL")) | _INTEGERS
_GROUPS: Final = frozenset(("Alphabetic", "Ideographic", "Phonetic"))


async def read_data_set(request: Request, *, optional: bool = False) -> Mapping[str, Any]:
    """Return the one data set of a request. Raises `WebError` or `InvalidUid`."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("a Content-Encoding is not taken")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > MAXIMUM:
        _too_large()
    body = await _body(request)
    if optional and not body.strip():
        return {}
    content_type = request.headers.get("content-type", "")
    if not content_type:
        raise UnsupportedMedia("the request has no Content-Type")
    return parse(body, parse_media_type(content_type))


async def _body(request: Request) -> bytes:
    body = bytearray()
    stream = request.stream()
    try:
        while True:
            body += await asyncio.wait_for(anext(stream), _IDLE)
            if len(body) > MAXIMUM:
                _too_large()
    except StopAsyncIteration:
        return bytes(body)
    except ClientDisconnect:
        raise WebError("the request has ended too early") from None
    except TimeoutError:
        raise WebError(f"no byte has come for {_IDLE:.0f} seconds") from None


def _too_large() -> NoReturn:
    raise TooLarge(f"a workitem may have {MAXIMUM >> 20} MiB")


def parse(body: bytes, media: MediaType) -> Mapping[str, Any]:
    """Return the data set. Raises `WebError` or `InvalidUid`."""
    if media.name == "multipart/related" and media.parameters.get("type", XML).lower() == XML:
        return _Check().data_set(from_xml(_only_part(body, media)), 0)
    if media.name == XML:
        return _Check().data_set(from_xml(body), 0)
    if media.name not in (JSON, "application/json"):
        raise UnsupportedMedia(f"workitems are sent as {JSON} or {XML}")
    return _Check().data_set(_json(body), 0)


def _only_part(body: bytes, media: MediaType) -> bytes:
    reader = MultipartReader(boundary_of(media))
    events = list(reader.feed(body))
    reader.close()
    if sum(isinstance(each, Head) for each in events) != 1:
        raise WebError("the request has one part (PS3.18 Section 11.4.1.4)")
    return b"".join(each.content for each in events if isinstance(each, Data))


def _json(body: bytes) -> Any:
    try:
        said = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise WebError("the request is not JSON") from None
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    if not isinstance(said, dict):
        raise WebError("the request has one data set (PS3.18 Annex F)")
    return said


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


class _Check:
    """Goes through one message, and counts."""

    def __init__(self) -> None:
        self._attributes = 0

    def data_set(self, said: Any, depth: int) -> dict[str, Any]:
        if not isinstance(said, dict):
            raise WebError("an item of a sequence is an object")
        if depth > _DEEPEST:
            raise WebError(f"sequences are more than {_DEEPEST} deep")
        self._attributes += len(said)
        if self._attributes > _MOST:
            raise WebError(f"there are more than {_MOST} attributes")
        found = {}
        for tag, attribute in said.items():
            if not _TAG.fullmatch(tag):
                raise WebError(f"{tag[:64]!r} is no tag of eight hexadecimal digits")
            tag = tag.upper()
            if tag[:4] in ("0000", "0002") and (depth or tag != _AFFECTED_UID):
                raise WebError(f"{tag} does not belong into a data set")
            found[tag] = self._attribute(tag, attribute, depth)
        return dict(sorted(found.items()))

    def _attribute(self, tag: str, said: Any, depth: int) -> dict[str, Any]:
        name = keyword_for_tag(int(tag, 16)) or tag
        if not isinstance(said, dict) or not isinstance(said.get("vr"), str):
            raise WebError(f"{name} has no vr")
        vr = said["vr"]
        if keyword_for_tag(int(tag, 16)):
            wanted = dictionary_VR(int(tag, 16)).split(" or ")
            if vr not in wanted:
                raise WebError(f"the vr of {name} is {' or '.join(wanted)}")
        if "BulkDataURI" in said or "InlineBinary" in said:
            raise WebError(f"{name}: workitems have no bulk data (PS3.18 Section 11.1.3)")
        values = said.get("Value", [])
        if not isinstance(values, list):
            raise WebError(f"the Value of {name} is an array")
        checked = [self._value(name, vr, each, depth) for each in values]
        return {"vr": vr, "Value": checked} if checked else {"vr": vr}

    def _value(self, name: str, vr: str, value: Any, depth: int) -> Any:
        if vr == "SQ":
            return self.data_set({} if value is None else value, depth + 1)
        if value is None:
            return None
        if vr == "PN":
            return self._person(name, value)
        if vr in _NUMBERS:
            return _number(name, vr, value)
        if vr not in _LONGEST:
            raise WebError(f"{name}: a value of {vr[:8]!r} cannot be taken")
        if not isinstance(value, str):
            raise WebError(f"a value of {name} is a string")
        _check_text(name, value, _LONGEST[vr])
        if vr == "UI":
            check_uid(value)
        if vr == "DA" and not re.fullmatch(r"[0-9]{8}", value):
            raise WebError(f"{name} is no date, as 20260131")
        if vr == "DT" and date_time_key(value) is None:
            raise WebError(f"{name} is no date and time, as 20260131120000+0100")
        return value

    def _person(self, name: str, value: Any) -> dict[str, str]:
        if not isinstance(value, dict) or not _GROUPS.issuperset(value):
            raise WebError(f"{name} has Alphabetic, Ideographic and Phonetic")
        for each in value.values():
            if not isinstance(each, str):
                raise WebError(f"each group of {name} is a string")
            _check_text(name, each, 324)  # five components of 64 characters, and carets
        return value


def _number(name: str, vr: str, value: Any) -> Any:
    whole = vr in _INTEGERS
    if isinstance(value, str) and vr in ("DS", "IS", "SV", "UV"):
        form = r"[+-]?\d{1,20}" if whole else r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
        if len(value) > 24 or not re.fullmatch(form, value.strip(), re.ASCII):
            raise WebError(f"a value of {name} is a number")
        return value
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise WebError(f"a value of {name} is a {'whole ' if whole else ''}number")
    if abs(value) >= 1 << 64:
        raise WebError(f"a value of {name} is too large")
    return value


def _check_text(name: str, value: str, longest: int) -> None:
    if longest and len(value) > longest:
        raise WebError(f"a value of {name} has at most {longest} characters")
    if _NO_TEXT.search(value):
        raise WebError(f"a value of {name} has characters that are none")
