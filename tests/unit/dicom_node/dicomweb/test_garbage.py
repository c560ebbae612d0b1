"""Files with flipped bytes, stored and asked for: an answer or a problem, never an accident."""

from __future__ import annotations

import random

import httpx
import pytest

from tests.support.origin import OriginServer, part10_of
from tests.support.studies import fill

RESOURCES = (
    ("", 'multipart/related; type="application/dicom"'),
    ("", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.80'),
    ("/metadata", "application/dicom+json"),
    ("/metadata", 'multipart/related; type="application/dicom+xml"'),
    ("/frames/1", "*/*"),
    ("/rendered?window=100,200,linear", "image/png"),
    ("/thumbnail", "*/*"),
    ("/bulkdata/7FE00010", "*/*"),
)


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bytes(origin: OriginServer, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(seed)
    for file in map(part10_of, fill()):
        broken = bytearray(file)
        for _ in range(chance.choice((1, 3, 10))):
            place = chance.randrange(132, min(len(broken), 1500))
            broken[place] = chance.choice((0, 255, chance.randrange(256)))
        answer = origin.client.post(
            f"{origin.url}/studies",
            content=bytes(broken),
            headers={"Content-Type": "application/dicom"},
        )
        assert answer.status_code in (200, 409)
        if answer.status_code == 409:
            continue
        (item,) = answer.json()["00081199"]["Value"]
        url = item["00081190"]["Value"][0].removeprefix(origin.url)
        for path, accept in RESOURCES:
            try:
                answer = origin.get(url + path, accept)
            except httpx.RemoteProtocolError:
                continue  # a later frame is broken: the message is cut, and shows it
            if answer.status_code == 500:
                assert answer.json()["detail"].startswith("the ")  # one of our own messages
            else:
                assert answer.status_code in (200, 404, 406)
    assert "of a DICOMweb resource broke" not in caplog.text
