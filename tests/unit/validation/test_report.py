from __future__ import annotations

import base64
import io
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from inference.domain.errors import InputError
from inference.fakes.models import FakeModel, fake_manifest
from inference.validation.bar import Bar
from inference.validation.case import Labels, read_cases
from inference.validation.report import Report
from inference.validation.run import Lane
from inference.validation.summary import summarise
from inference.validation.validation import choose_output, validate
from inference.validation.worst import worst
from tests.unit.validation.support import AT, NAMES, folder, opener, record

LEVELS = [(0.05 * index, index > 9 or index == 2) for index in range(20)]


def report(tmp_path: Path, levels: list[tuple[float, bool]] = LEVELS, **options: object) -> Report:
    model = FakeModel()
    root = folder(tmp_path / "data", levels, sex=["F", "M"] * (len(levels) // 2))
    return validate(
        [Lane(model)],
        choose_output(model.manifest, ""),
        "data",
        read_cases(root, None, Labels(), NAMES),
        opener(model),
        tmp_path / "out",
        at=AT,
        software_version="0.1.0",
        **options,  # type: ignore[arg-type]
    )


class Page(HTMLParser):
    """Checks that tags are closed, and remembers what it would fetch."""

    VOID = frozenset(("meta", "img", "line", "circle", "rect", "polyline", "polygon", "br"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def page(tmp_path: Path) -> tuple[str, Page]:
    text = (tmp_path / "out" / "report.html").read_text()
    parser = Page()
    parser.feed(text)
    assert parser.open == []
    return text, parser


def test_the_json_says_what_was_measured(tmp_path: Path) -> None:
    report(tmp_path, bars=(Bar("auroc", ">=", 0.5),))
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    # 11 positives, one of them below seven negatives: 99 pairs, 7 lost.
    assert found["measures"]["auroc"]["value"] == pytest.approx(92 / 99)
    assert found["measures"]["sensitivity"]["value"] == pytest.approx(10 / 11)
    assert found["confusion"]["false_negative"] == 1
    assert found["counts"]["cases"] == 20
    assert [each["file"] for each in found["worst_errors"]] == ["002.png"]
    assert found["bars"][0]["passed"] is True
    assert found["model"]["weights_sha256"] == fake_manifest().weights_sha256
    assert found["seconds"]["model"]["median"] > 0


def test_the_page_is_whole_and_fetches_nothing(tmp_path: Path) -> None:
    report(tmp_path)
    text, parsed = page(tmp_path)
    assert parsed.fetched
    assert all(each.startswith("data:image/jpeg;base64,") for each in parsed.fetched)
    assert "url(" not in text
    assert "<script" not in text
    assert "not a medical device" in text
    plain = base64.b64decode(parsed.fetched[0].partition(",")[2])
    with Image.open(io.BytesIO(plain)) as image:
        assert image.size == (32, 32)


def test_one_class_alone_gives_a_report_that_says_what_is_not_known(tmp_path: Path) -> None:
    report(tmp_path, [(0.05 * index, True) for index in range(4)])
    page(tmp_path)
    text = (tmp_path / "out" / "report.json").read_text()
    assert "NaN" not in text
    measures = json.loads(text)["measures"]
    assert measures["auroc"]["value"] is None
    assert measures["sensitivity"]["value"] == 0
    assert measures["specificity"]["value"] is None


def test_negatives_alone_tell_the_specificity() -> None:
    found = summarise([record(f"{index}", False, 0.2 * index) for index in range(5)], 0.5)
    assert math.isnan(found.auroc.value)
    assert math.isnan(found.confusion.sensitivity.value)
    assert found.confusion.specificity.value == pytest.approx(3 / 5)
    assert found.brier.value == pytest.approx((0.04 + 0.16 + 0.36 + 0.64) / 5)


def test_nothing_assessed_gives_a_report_too(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", [(0.5, True), (0.5, False)])
    for path in root.glob("*.png"):
        path.write_bytes(b"nothing")
    model = FakeModel()
    found = validate(
        [Lane(model)],
        model.manifest.outputs[0],
        "data",
        read_cases(root, None, Labels(), NAMES),
        opener(model),
        tmp_path / "out",
        at=AT,
        software_version="0.1.0",
    )
    assert found.summary.refusals == (("unreadable file", 2),)
    text, _ = page(tmp_path)
    assert "unreadable file" in text
    assert "NaN" not in (tmp_path / "out" / "report.json").read_text()


def test_names_from_outside_are_escaped(tmp_path: Path) -> None:
    model = FakeModel()
    root = folder(tmp_path / "data", LEVELS, manufacturer=["<script>alert(1)</script>"] * 20)
    validate(
        [Lane(model)],
        model.manifest.outputs[0],
        "<b>data",
        read_cases(root, None, Labels(), NAMES),
        opener(model),
        tmp_path / "out",
        at=AT,
        software_version="0.1.0",
    )
    text, _ = page(tmp_path)
    assert "<script" not in text
    assert "<b>data" not in text
    assert re.search(r"&lt;script&gt;", text)


def test_the_worst_come_first_and_only_errors_are_worst() -> None:
    records = [
        record("a", True, 0.4),
        record("b", True, 0.1),
        record("c", False, 0.6),
        record("d", False, 0.9),
        record("e", True, 0.9),
        record("f", False, None),
        record("g", True, 0.2),
    ]
    assert [each.file for each in worst(records, 0.5, 2)] == ["b", "g", "d", "c"]
    assert worst(records, 0.5, 0) == []


def test_undetermined_cases_count_in_the_numbers(tmp_path: Path) -> None:
    records = [
        record(f"{index}", index % 2 == 0, index / 10, presence="undetermined")
        for index in range(10)
    ]
    found = summarise(records, 0.5)
    assert found.counts.undetermined == found.counts.assessed == 10


def test_the_output_must_be_said_where_there_are_several() -> None:
    manifest = fake_manifest()
    assert choose_output(manifest, "pneumonia") == manifest.outputs[0]
    with pytest.raises(InputError, match="--output: pneumonia"):
        choose_output(manifest, "effusion")
