"""What a line of the log says, and what it does not."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pydicom.config
import pytest

from inference.domain.about import about
from inference.domain.errors import OutOfSpace
from wetread.logs import configure, formatter


def line(message: str, error: Exception | None = None) -> dict[str, Any]:
    exc_info = None
    if error is not None:
        try:
            raise error
        except Exception:
            exc_info = sys.exc_info()
    record = logging.LogRecord("wetread", logging.INFO, "", 1, message, (), exc_info)
    written: dict[str, Any] = json.loads(formatter("json").format(record))
    return written


def test_a_line_says_which_study_and_job_it_is_about() -> None:
    with about("1.2.3", 7):
        read = line("read")
        with about(job_id=8):
            delivered = line("delivered")
    assert (read["study_instance_uid"], read["job_id"]) == ("1.2.3", 7)
    assert (delivered["study_instance_uid"], delivered["job_id"]) == ("1.2.3", 8)
    assert line("waits").keys() == {"time", "level", "logger", "message"}


@pytest.mark.parametrize(
    ("error", "said"), [(ValueError("Doe^Jane"), "ValueError at"), (OutOfSpace(), "OutOfSpace: ")]
)
def test_the_words_of_a_foreign_error_are_left_out(error: Exception, said: str) -> None:
    written = line("broke", error)
    assert written["error"].startswith(said)
    assert "Doe" not in json.dumps(written)


@contextmanager
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Log as a node does, to what is given, and afterwards as before."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    # `force` closes those that are there, and they are pytest's.
    root.handlers = []
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        configure("json")
        yield written
    finally:
        logging.captureWarnings(False)
        root.handlers, root.level = before


def test_what_libraries_say_of_a_header_is_not_logged_whenever_they_are_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with configured(monkeypatch) as written:
        pydicom.config.debug(False, False)  # as when it is imported, which may be after us
        logging.getLogger("pydicom").warning("Unknown encoding 'Doe'")
        logging.getLogger("pynetdicom.acse").error("from Doe")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("Invalid value for VR PN: 'Doe'", stacklevel=1)
        logging.getLogger("wetread").warning("ours")
    (only,) = written.getvalue().splitlines()
    assert json.loads(only)["message"] == "ours"
