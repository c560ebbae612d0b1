"""Logging: one line an event, as text or JSON, and no patient data.

The message of an error that is not ours may quote a header. So a traceback is written with
the type of a foreign error and the places it passed, but without its message.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from types import TracebackType
from typing import Literal

from inference.domain.about import current
from inference.domain.errors import WetreadError

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Discreet(logging.Formatter):
    def formatException(self, ei: ExcInfo) -> str:
        _, error, trace = ei
        frames = traceback.extract_tb(trace)
        places = " < ".join(
            f"{each.filename.rsplit('/', 1)[-1]}:{each.lineno}" for each in frames[::-1]
        )
        said = f": {error}" if isinstance(error, WetreadError) else ""
        return f"    {type(error).__name__}{said} at {places}"


class _Json(_Discreet):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **current(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info).strip()
        return json.dumps(entry, ensure_ascii=False)


def formatter(log_format: Literal["text", "json"]) -> logging.Formatter:
    if log_format == "json":
        return _Json()
    return _Discreet("%(asctime)s %(levelname)-7s %(name)s: %(message)s")


# What they say below CRITICAL may quote what a sender wrote. Not by their levels: pydicom sets its
# own when it is imported, and that may be after us.
_QUOTING = ("pydicom", "pynetdicom", "highdicom", "py.warnings")


def _quotes_nobody(record: logging.LogRecord) -> bool:
    if record.levelno >= logging.CRITICAL:
        return True
    return not any(f"{record.name}.".startswith(f"{each}.") for each in _QUOTING)


def configure(log_format: Literal["text", "json"]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(log_format))
    handler.addFilter(_quotes_nobody)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # What these say at INFO is one line a request.
    for noisy in ("httpx", "httpcore", "uvicorn.access", "orthanc_api_client", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(True)
