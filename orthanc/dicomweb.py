"""Orthanc's DICOMweb plugin, to read: asked on behalf of a viewer in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter

from orthanc.client import CONNECT_TIMEOUT, READ_TIMEOUT, OrthancError, checked_url

_CHUNK = 1 << 18  # bytes
_AT_ONCE = 32  # connections that are kept
# Resources of PS3.18 Section 10.1.1, and nothing else of Orthanc.
_RESOURCE = re.compile(r"(studies|series|instances)(/[A-Za-z0-9,_-][A-Za-z0-9.,_-]*){0,9}")
_PASSED_ON = ("accept", "range")
_HANDED_BACK = ("content-type", "content-range", "content-length")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it comes; who has it reads `chunks` to their end, or closes them."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class OrthancDicomWeb:
    """Reads what is under `root`, such as `/dicom-web/`, of the Orthanc at `url`."""

    def __init__(self, url: str, root: str, username: str = "", password: str = "") -> None:
        self._root = f"{checked_url(url)}{root.strip('/')}/"
        self._session = requests.Session()
        self._session.auth = (username, password) if username else None
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_AT_ONCE, max_retries=0))

    def get(self, path: str, query: str, headers: Mapping[str, str]) -> Answer | None:
        """GET a resource; None where `path` names none. Raises `OrthancError` without an answer."""
        if not _RESOURCE.fullmatch(path):
            return None
        asked = {each: headers[each] for each in _PASSED_ON if each in headers}
        try:
            response = self._session.get(
                f"{self._root}{path}",
                params=query.encode(),
                headers={**asked, "Accept-Encoding": "identity"},
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise OrthancError("Orthanc does not answer.") from error
        given = {each: response.headers[each] for each in _HANDED_BACK if each in response.headers}
        return Answer(response.status_code, given, _chunks(response))


def _chunks(response: requests.Response) -> Iterator[bytes]:
    with closing(response):
        yield from response.iter_content(_CHUNK)
