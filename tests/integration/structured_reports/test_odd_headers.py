"""Whatever the header of the source holds, the result is valid by dciodvfy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from structured_reports.encoder import DicomResultEncoder
from tests.support.sources import (
    MANIFEST,
    assessed,
    evidence_of,
    finding_of,
    not_assessed,
    write_raw,
)
from tests.support.validators import entity_errors, iod_errors, report_tree

_ODD: dict[str, dict[int, bytes]] = {
    "nothing at all": {},
    "all empty": dict.fromkeys(
        (0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00100010, 0x00100020, 0x00100030,
         0x00100040, 0x00101010, 0x00200010), b"",
    ),
    "age without a unit": {0x00101010: b"81"},
    "dates of a database": {0x00100030: b"1970-01-02", 0x00080020: b"2026/1/2"},
    "a sex of its own": {0x00100040: b"female"},
    "a long id": {0x00100020: b"9" * 200},
    "two ids": {0x00100020: b"A\\B"},
    "control characters": {0x00100010: b"Doe\x07^\x1bJane", 0x00081030: b"a\nb\tc"},
    "latin-1": {0x00080005: b"ISO_IR 100", 0x00100010: "Müller^Jürgen".encode("latin-1")},
    "japanese": {
        0x00080005: b"\\ISO 2022 IR 87",
        0x00100010: b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
    },
    "spaces, joiners and marks that are not ASCII's": {
        0x00080005: b"ISO_IR 192",
        0x00100010: "علی\u200cرضا==山田\u3000太郎".encode(),
        0x00100020: "\u200f1234".encode(),
        0x00080050: "A\u00a01".encode(),
    },
    "utf-8 undeclared": {0x00100010: "Müller^Jürgen".encode()},
    "an unknown character set": {0x00080005: b"UTF-8", 0x00100010: "Müller".encode()},
    "zero spacing": {0x00280030: b"0\\0"},
    "paired and unpaired": {0x00180015: b"CHEST", 0x00200062: b"L"},
    "a body part of no list": {0x00180015: b"thorax ap/pa", 0x00200060: b"B"},
    "a limb": {0x00180015: b"HAND", 0x00200060: b"R"},
    "orientation": {0x00200020: b"A\\F"},
    "an offset": {0x00080201: b"+0930", 0x00080020: b"20260101", 0x00080030: b"0101"},
    "manufacturer": {0x00080070: b"M" * 80, 0x00081090: b"\xff\xfe", 0x00181020: b"a\\b\\c"},
    "de-identified": {0x00120062: b"YES"},
    "a private SOP Class": {0x00080016: b"1.2.3.4.5"},
    "no SOP Class of an image": {0x00080016: b"1.2.840.10008.5.1.4.1.1.104.1"},
    "a modality of its own": {0x00080060: b"XYZ"},
}  # fmt: skip


@pytest.mark.parametrize("name", _ODD)
def test_a_valid_result_from(name: str, tmp_path: Path) -> None:
    evidence = evidence_of(write_raw(tmp_path / "odd.dcm", _ODD[name]))
    image = name != "no SOP Class of an image"
    assert evidence.heat_map is not None
    evidence = replace(evidence, masks={"pneumonia": evidence.heat_map > 0.5})
    encoder = DicomResultEncoder(software_version="0.1.0")
    for result in (
        *(
            [
                assessed(
                    evidence.instance, [replace(finding_of(evidence.instance), output="pneumonia")]
                )
            ]
            if image
            else []
        ),
        not_assessed(evidence.instance, []),
        not_assessed(evidence.instance, [], model=None),
    ):
        manifest = MANIFEST if result.model else None
        paths = []
        for number, each in enumerate(encoder.encode(result, manifest, [evidence], None)):
            path = tmp_path / f"{number}.dcm"
            path.write_bytes(each.part10)
            assert iod_errors(path) == []
            paths.append(path)
        # DCMTK reads no reference to an image of a private SOP Class.
        if name != "a private SOP Class" or not result.findings:
            assert report_tree(paths[0])
        contradictions = [each for each in entity_errors(paths) if "Missing SOPI" not in each]
        assert contradictions == []
