"""Headers that the catalog has not seen are read, once."""

from __future__ import annotations

from pathlib import Path

from inference.domain.catalog import Field, Level, Search
from inference.domain.instance import Attributes, Description
from inference.fakes.archive import FakeArchive
from inference.fakes.memory import MemoryCatalog, MemoryStore
from inference.intake.cataloguer import Cataloguer


def test_headers_are_read_and_broken_and_lost_files_passed_over(tmp_path: Path) -> None:
    store, archive = MemoryStore(), FakeArchive(tmp_path)
    for number in (1, 2, 3):
        description = Description("1", "1.1", f"1.1.{number}", "1.2", "", Attributes())
        whole = Description("1", "1.1", f"1.1.{number}", "1.2", "", Attributes(patient_id="P1"))
        key = archive.keep(archive.put(whole), whole, "a" * 64)
        store.catalogue(description, key, described=False)
        if number == 1:
            archive.path(key).write_bytes(b"broken")
        if number == 2:
            archive.path(key).unlink()
    catalog = MemoryCatalog(store)
    cataloguer = Cataloguer(catalog, archive)
    last = cataloguer.step(0)
    assert last == 3
    assert cataloguer.step(last) is None
    (study,) = catalog.search(Search(Level.STUDY))
    assert study.values[Field.PATIENT_ID] == "P1"
    assert [each.number for each in catalog.undescribed()] == [1, 2]


def test_it_runs_and_ends(tmp_path: Path) -> None:
    cataloguer = Cataloguer(MemoryCatalog(MemoryStore()), FakeArchive(tmp_path))
    cataloguer.start()
    cataloguer.stop()
