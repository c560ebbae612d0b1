"""Headers are made once, for whoever asks, and what is remembered is what the archive holds."""

from __future__ import annotations

from typing import Any

import pytest

from dicom_node.dicomweb import metadata
from dicom_node.dicomweb.header_models import HeaderModels
from dicom_node.dicomweb.header_texts import HeaderTexts
from tests.support.origin import OriginServer, radiograph

KEY = "studies/1.2/1.2.3/1.2.3.4-0123abcd.dcm"
JSON = "application/dicom+json"


def test_what_was_asked_for_last_is_remembered() -> None:
    texts = HeaderTexts(limit=20)
    for number in range(4):
        texts.keep(f"{KEY}{number}", "url", "x" * 6)
        texts.find(f"{KEY}0", "url")
    assert [texts.find(f"{KEY}{number}", "url") is not None for number in range(4)] == [
        True,
        False,
        True,
        True,
    ]
    texts.keep(f"{KEY}2", "url", "y" * 6)
    assert texts.find(f"{KEY}2", "url") == "y" * 6
    assert texts.find(f"{KEY}0", "url") is not None
    texts.keep(f"{KEY}4", "url", "x" * 21)  # there is no room for it
    assert texts.find(f"{KEY}4", "url") is None


def test_results_may_be_made_anew() -> None:
    texts = HeaderTexts()
    texts.keep("results/1.2/1.2.3.dcm", "url", "{}")
    assert texts.find("results/1.2/1.2.3.dcm", "url") is None


def test_a_header_is_read_once_and_names_the_server_as_each_client_does(
    origin: OriginServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    text = HeaderModels.text

    def noted(self: HeaderModels, path: Any, bulk: Any) -> str:
        read.append(path)
        return text(self, path, bulk)

    monkeypatch.setattr(HeaderModels, "text", noted)
    study = "1.2.3"
    for _ in range(metadata._GROUP + 3):
        origin.add(radiograph(study=study, series="1.2.3.4"))
    first = origin.get(f"/studies/{study}/metadata", JSON)
    assert len(first.json()) == len(read) == metadata._GROUP + 3
    assert origin.get(f"/studies/{study}/metadata", JSON).content == first.content
    origin.add(radiograph(study=study, series="1.2.3.4"))
    assert len(origin.get(f"/studies/{study}/metadata", JSON).json()) == len(read)
    assert len(read) == metadata._GROUP + 4
    other = origin.get(f"/studies/{study}/metadata", JSON, Host="pacs.example.org").json()
    assert other[0]["7FE00010"]["BulkDataURI"].startswith("http://pacs.example.org/dicom-web/")
    assert origin.url in first.json()[0]["7FE00010"]["BulkDataURI"]


def test_what_cannot_be_read_is_not_remembered(origin: OriginServer) -> None:
    held = origin.add(radiograph(study="1.2.3"))
    path = origin.archive.path(held.key)
    content = path.read_bytes()
    path.unlink()
    (model,) = origin.get("/studies/1.2.3/metadata", JSON).json()
    assert "7FE00010" not in model
    path.write_bytes(content)
    (model,) = origin.get("/studies/1.2.3/metadata", JSON).json()
    assert "7FE00010" in model
