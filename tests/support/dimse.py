"""The DIMSE side of a node: receiver, Query/Retrieve, real files and a catalog in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from pydicom.dataset import FileDataset
from sqlalchemy import insert, select

from dicom_node.archive import DiskArchive
from dicom_node.dimse.query_retrieve import QueryRetrieve
from dicom_node.dimse.scp import StorageScp
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.instance import Attributes, Description, Instance, Origin, Source
from inference.fakes.clock import FixedClock
from inference.fakes.memory import MemoryCatalog, MemoryIndex, MemoryStore
from inference.intake.door import Door
from inference.persistence.catalog import SqlCatalog
from inference.persistence.catalog_tables import catalog_series, catalog_studies
from inference.persistence.cataloguing import catalogue
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.index import SqlIndex
from inference.persistence.migrate import migrate
from inference.ports import Catalog, Index
from tests.support.origin import part10_of
from tests.support.programs import HOST

AE_TITLE = "WETREAD"


@dataclass
class DimseNode:
    """Listens in this process. `receiver` goes to `StorageScp`, `queries` to `QueryRetrieve`.

    The catalog is in memory, or with `sqlite` in the database that a node has.
    """

    root: Path
    sqlite: bool = False
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(drain=5.0))
    receiver: dict[str, Any] = field(default_factory=dict)
    queries: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.archive = DiskArchive(self.root / "archive", low_watermark_bytes=0)
        store = MemoryStore()
        self.catalog: Catalog = MemoryCatalog(store)
        self.index: Index = MemoryIndex(store)
        if self.sqlite:
            self.database = Database(sqlite_url(self.root / "wetread.db"))
            migrate(self.database)
            self.catalog, self.index = SqlCatalog(self.database), SqlIndex(self.database)
        self.intake = Door(self.archive, self.index, FixedClock(), timedelta(seconds=1))
        self.scp = StorageScp(
            self.intake,
            self.archive,
            host=HOST,
            port=0,
            timeouts=self.timeouts,
            queries=QueryRetrieve(
                self.catalog, self.archive, timeouts=self.timeouts, **self.queries
            ),
            **self.receiver,
        )

    @property
    def port(self) -> int:
        return self.scp.port

    def __enter__(self) -> Self:
        self.scp.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.scp.stop()
        if self.sqlite:
            self.database.close()

    def add(self, made: FileDataset) -> Instance:
        """Bring a data set in, as any sender does."""
        spooled = self.archive.spool()
        spooled.write_bytes(part10_of(made))
        self.intake.receive(spooled, Origin(Source.DIMSE))
        found = self.index.find(str(made.SOPInstanceUID))
        assert found is not None
        return found

    def catalogue(self, studies: int, root: str = "1.2.3") -> None:
        """Catalogue so many Studies, with one Series each, and no files."""
        of = Attributes(patient_name="Doe^Jane", patient_id="P", study_date="20260101")
        uids = (f"{root}.0", f"{root}.0.1", f"{root}.0.1.1")
        with self.database.writing() as connection:
            catalogue(connection, Description(*uids, "1.2", "1.2.840.1", of), "key")
            where = catalog_studies.c.study_instance_uid == uids[0]
            study = dict(connection.execute(select(catalog_studies).where(where)).one()._mapping)
            same = catalog_series.c.study == study["number"]
            series = dict(connection.execute(select(catalog_series).where(same)).one()._mapping)
            first, first_series = study["number"], series["number"]
            further = range(1, studies)
            if further:
                connection.execute(
                    insert(catalog_studies),
                    [
                        study | {"number": first + each, "study_instance_uid": f"{root}.{each}"}
                        for each in further
                    ],
                )
                connection.execute(
                    insert(catalog_series),
                    [
                        series | {"number": first_series + each, "study": first + each}
                        for each in further
                    ],
                )
