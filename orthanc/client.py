"""Orthanc's REST API, through orthanc-api-client, with its gaps filled.

What is missing there: time limits, an error (not `None`) for every failed request, and a
download that does not hold the file in memory.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import orthanc_api_client.exceptions as failures
import requests
from orthanc_api_client import OrthancApiClient
from orthanc_api_client.instance import InstanceInfo
from requests.adapters import HTTPAdapter

from inference.domain.errors import SettingsError

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds, between two pieces of an answer
IDLE = 0.5  # seconds after which no connection is used again
T = TypeVar("T")
_CHUNK = 1 << 20  # bytes
_SYSTEM = "system"
_ORTHANC_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")

# Everything that a method of `Orthanc` raises of its own. Its text may quote Orthanc's answer:
# use `describe` for logs and messages.
OrthancError = failures.OrthancApiException
NotFound = failures.ResourceNotFound


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of GET /changes: `kind` is its ChangeType, `resource` its ID.

    `at` is its Date as a number, 20260131235959.
    """

    sequence: int
    kind: str
    resource: str
    at: int


@dataclass(frozen=True, slots=True)
class StudyFacts:
    study_instance_uid: str
    stable: bool


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    orthanc_id: str
    sop_instance_uid: str


class _Client(OrthancApiClient):  # type: ignore[misc]
    """Adds time limits. orthanc-api-client answers None where it cannot name the failure.

    Its own retries are off: the feed and the outbox have theirs, and know when to stop.
    """

    def __init__(self, url: str, user: str, password: str, timeout: tuple[float, float]) -> None:
        super().__init__(url, user=user or None, pwd=password or None)
        self._adapter = HTTPAdapter(max_retries=0)
        self._http_session.mount(f"{urlsplit(url).scheme}://", self._adapter)
        self._timeout = timeout
        self._last_used = time.monotonic()

    def get(self, endpoint: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", self._timeout)
        try:
            with self._connected():
                return self._checked(super().get(endpoint, **options))
        except failures.ResourceNotFound as error:
            # A proxy says so, too, while the Orthanc behind it is away: then nothing is gone.
            if endpoint != _SYSTEM and not self._is_orthanc():
                raise failures.HttpError(404, url=error.url) from None
            raise

    def _is_orthanc(self) -> bool:
        try:
            return "ApiVersion" in self.get_json(_SYSTEM)
        except (failures.OrthancApiException, requests.RequestException, TypeError):
            return False

    def post(self, endpoint: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", self._timeout)
        with self._connected():
            return self._checked(super().post(endpoint, **options))

    @contextlib.contextmanager
    def _connected(self) -> Generator[None]:
        """Orthanc closes a connection that was idle for a second, which is how often it is asked:
        what is sent on one in that moment gets no answer.
        """
        if time.monotonic() - self._last_used >= IDLE:
            self._adapter.close()  # what is at work meanwhile is not touched
        try:
            yield
        finally:
            self._last_used = time.monotonic()

    def _checked(self, response: requests.Response | None) -> requests.Response:
        if response is None:  # for example an answer that broke off
            raise failures.ConnectionError()
        return response


class Orthanc:
    """The requests that Wetread makes. Raises `OrthancError`; `NotFound` is one of them."""

    def __init__(
        self,
        url: str,
        username: str = "",
        password: str = "",
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._client = _Client(
            checked_url(url), username, password, (connect_timeout, read_timeout)
        )

    def close(self) -> None:
        self._client.close()

    def changes(self, since: int, limit: int) -> tuple[Sequence[Change], bool]:
        """GET /changes?since=&limit=; the flag says that there are no more."""

        def parse() -> tuple[Sequence[Change], bool]:
            changes, _, done = self._client.get_changes(since=since, limit=limit)
            return [
                Change(
                    int(change.sequence_id),
                    str(change.change_type),
                    str(change.resource_id),
                    int(change.timestamp.strftime("%Y%m%d%H%M%S")),
                )
                for change in changes
            ], bool(done)

        return _understood(parse)

    def last_change(self) -> int:
        """GET /changes?last: the newest Seq, 0 if there never was a change."""
        return _understood(lambda: int(self._client.get_json("changes?last")["Last"]))

    def study(self, orthanc_id: str) -> StudyFacts:
        """GET /studies/{id}"""

        def parse() -> StudyFacts:
            answer = self._client.get_json(f"studies/{_checked_id(orthanc_id)}")
            return StudyFacts(
                str(answer["MainDicomTags"]["StudyInstanceUID"]), bool(answer["IsStable"])
            )

        return _understood(parse)

    def instances(self, study: str) -> Sequence[InstanceFacts]:
        """GET /studies/{id}/instances, which tells all SOP Instance UIDs in one answer.

        orthanc-api-client's `studies.get_instances` relies on a filter of /tools/find that
        Orthanc before 1.12.5 ignores: it would answer with all Instances there are.
        """

        def parse() -> Sequence[InstanceFacts]:
            answer = self._client.get_json(f"studies/{_checked_id(study)}/instances")
            infos = [InstanceInfo(entry) for entry in answer]
            return [InstanceFacts(str(info.orthanc_id), str(info.dicom_id or "")) for info in infos]

        return _understood(parse)

    def study_of(self, instance: str) -> str:
        """GET /instances/{id}/study: Orthanc's identifier of the Study."""
        return _understood(
            lambda: str(self._client.instances.get_parent_study_id(_checked_id(instance)))
        )

    def download(self, instance: str) -> Generator[bytes, None, None]:
        """GET /instances/{id}/file, piece by piece, so that a large Instance needs no memory."""
        try:
            response = self._client.get(
                f"instances/{_checked_id(instance)}/file",
                stream=True,
                headers={"Accept-Encoding": "identity"},
            )
            with contextlib.closing(response):
                missing = int(response.headers.get("Content-Length", -1))
                for chunk in response.iter_content(_CHUNK):
                    missing -= len(chunk)
                    yield chunk
                if missing > 0:
                    raise failures.ConnectionError("The answer broke off.")
        except requests.RequestException as error:
            raise failures.ConnectionError("The answer broke off.") from error

    def upload(self, part10: BinaryIO) -> None:
        """POST /instances. The same Instance again is fine ("AlreadyStored")."""
        _understood(lambda: self._client.post("instances", data=part10).json()["ID"])

    def find_instances(self, sop_instance_uid: str) -> Sequence[str]:
        """POST /tools/lookup: Orthanc's identifiers of the Instances with this UID."""
        return self._lookup(sop_instance_uid, "Instance")

    def find_studies(self, study_instance_uid: str) -> Sequence[str]:
        return self._lookup(study_instance_uid, "Study")

    def _lookup(self, uid: str, level: str) -> Sequence[str]:
        return _understood(lambda: [str(i) for i in self._client.lookup(uid, filter=level)])


def describe(error: BaseException) -> str:
    """Say what failed without quoting the other side, which may name a patient."""
    status = http_status(error)
    return f"HTTP status {status}" if status else type(error).__name__


def http_status(error: BaseException) -> int | None:
    """Return the HTTP status that Orthanc, or a proxy before it, answered with."""
    status = getattr(error, "http_status_code", None)
    return status if isinstance(status, int) else None


def _understood(request: Callable[[], T]) -> T:
    """Make `request`; an answer that is not Orthanc's is an error like any other."""
    try:
        return request()
    except requests.RequestException as error:  # among them: the answer is not JSON
        raise failures.OrthancApiException("The answer cannot be read.") from error
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise failures.OrthancApiException("The answer is not one of Orthanc.") from error


def _checked_id(orthanc_id: str) -> str:
    if not _ORTHANC_ID.fullmatch(orthanc_id):
        raise failures.OrthancApiException("Not an identifier of Orthanc.")
    return orthanc_id


def checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError("The address of Orthanc must begin with http:// or https://")
    if parts.username is not None or parts.password is not None:
        # The address is written to logs.
        raise SettingsError("Put Orthanc's username and password beside the address, not in it")
    return url.rstrip("/") + "/"  # without it, the last part of a path would be replaced
