"""What the work at hand is about: a Study and a Job. The lines of a log say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_current: ContextVar[Mapping[str, str | int]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(study_instance_uid: str = "", job_id: int | None = None) -> Iterator[None]:
    """Say it for this thread until the block ends. What is not given stays as it was."""
    said: dict[str, str | int] = dict(_current.get())
    if study_instance_uid:
        said["study_instance_uid"] = study_instance_uid
    if job_id is not None:
        said["job_id"] = job_id
    token = _current.set(MappingProxyType(said))
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Mapping[str, str | int]:
    return _current.get()
