"""An origin server without a node around it: real files and the one door, a catalog in memory."""

from __future__ import annotations

import io
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from dicom_node.archive import DiskArchive
from dicom_node.dicomweb import Context, Worklisting, dicomweb
from inference.domain.instance import Instance, Origin, Source
from inference.fakes.clock import FixedClock
from inference.fakes.memory import (
    MemoryCatalog,
    MemoryCursors,
    MemoryIndex,
    MemoryJobQueue,
    MemoryResults,
    MemoryStore,
    MemoryWorkitems,
)
from inference.intake.door import Door
from inference.persistence.catalog import SqlCatalog
from inference.persistence.cursors import SqlCursors
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.index import SqlIndex
from inference.persistence.migrate import migrate
from inference.persistence.queue import SqlJobQueue
from inference.persistence.results import SqlResults
from inference.persistence.workitems import SqlWorkitems
from inference.ports import Catalog, Cursors, Index, JobQueue, Results, Workitems
from tests.support.programs import HOST, TLS
from tests.support.worklist import WorklistBench
from tests.unit.dicom_node.images import image, ramp
from wetread.web import outlet


@dataclass
class OriginServer:
    """A real HTTP server in a thread; `client` asks it. `maximum_request` is in bytes.

    The catalog is in memory, or with `sqlite` in the database that a node has.
    """

    root: Path
    maximum_request: int = 64 << 20
    store: MemoryStore = field(default_factory=MemoryStore)
    sqlite: bool = False

    def __post_init__(self) -> None:
        self.archive = DiskArchive(self.root / "archive", low_watermark_bytes=0)
        catalog: Catalog = MemoryCatalog(self.store)
        self.index: Index = MemoryIndex(self.store)
        self.queue: JobQueue = MemoryJobQueue(self.store)
        self.results: Results = MemoryResults(self.store)
        self.workitems: Workitems = MemoryWorkitems(self.store)
        cursors: Cursors = MemoryCursors(self.store)
        if self.sqlite:
            database = Database(sqlite_url(self.root / "wetread.db"))
            migrate(database)
            catalog, self.index = SqlCatalog(database), SqlIndex(database)
            self.queue, self.results = SqlJobQueue(database), SqlResults(database)
            self.workitems, cursors = SqlWorkitems(database), SqlCursors(database)
        self.clock = FixedClock()
        self.intake = Door(self.archive, self.index, self.clock, timedelta(seconds=1))
        self.worklist = WorklistBench(
            workitems=self.workitems,
            queue=self.queue,
            index=self.index,
            results=self.results,
            cursors=cursors,
            archive=self.archive,
            clock=self.clock,
        )
        self.context = Context(catalog, self.archive, self.intake, self.maximum_request, self.index)
        app = FastAPI()
        origins = frozenset(("https://ris.example.org",))
        app.include_router(dicomweb(self.context, Worklisting(self.worklist.desk, origins)))
        self._server = uvicorn.Server(outlet.configuration(app, HOST, 0))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server ended at once"
            time.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://{HOST}:{port}/dicom-web"
        self.client = httpx.Client(trust_env=False, verify=TLS, timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()

    def add(self, made: FileDataset) -> Instance:
        """Bring a data set in, as any sender does."""
        spooled = self.archive.spool()
        spooled.write_bytes(part10_of(made))
        self.intake.receive(spooled, Origin(Source.DIMSE))
        found = self.index.find(str(made.SOPInstanceUID))
        assert found is not None
        return found

    def get(self, path: str, accept: str = "", **headers: str) -> Any:
        if accept:
            headers["Accept"] = accept
        return self.client.get(self.url + path, headers=headers)

    def json(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def send(origin: OriginServer, method: str, path: str, said: Any = None, **headers: str) -> Any:
    """Send a data set, or bytes as they are; `Content_Type` and others name headers."""
    body = said if isinstance(said, bytes | None) else json.dumps(said)
    said_too = {name.replace("_", "-"): value for name, value in headers.items()}
    headers = {"Content-Type": "application/dicom+json"} | said_too
    return origin.client.request(method, origin.url + path, content=body, headers=headers)


def part10_of(made: FileDataset) -> bytes:
    written = io.BytesIO()
    made.save_as(written, enforce_file_format=True)
    return written.getvalue()


def radiograph(
    *, study: str = "", series: str = "", sop_instance: str = "", values: Any = None, **of: Any
) -> FileDataset:
    """Make a small image with new UIDs where none is given."""
    made = image(ramp(side=16) if values is None else np.asarray(values), **of)
    made.StudyInstanceUID = study or generate_uid()
    made.SeriesInstanceUID = series or generate_uid()
    made.SOPInstanceUID = sop_instance or generate_uid()
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made
