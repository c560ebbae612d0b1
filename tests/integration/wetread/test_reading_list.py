"""The reading list as a page."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

import pytest

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence
from inference.domain.reading import Order, Standing
from tests.contracts.reading import REFUSED, said
from tests.contracts.repositories import make_failure, make_result
from tests.integration.wetread.pages import Pages
from wetread.web.pages import day, percent, person
from wetread.web.reading_list import Told, read_query, told

HOSTILE = "<script>alert(1)</script>"


def shown(text: str) -> list[str]:
    return re.findall(r'data-uid="([0-9.]+)"', text)


def test_the_list_is_sorted_and_hides_nothing(pages: Pages) -> None:
    pages.add("1.1", said(Presence.ABSENT, 0.01))
    pages.add("1.2", make_failure())
    pages.add("1.3", make_result(**REFUSED))
    pages.add("1.4", said(Presence.PRESENT, 0.71), patient_name="Doe^Jane^^Dr.")
    pages.add("1.5")
    answer = pages.get("/")
    assert answer.status_code == 200
    assert shown(answer.text) == ["1.4", "1.1", "1.2", "1.3", "1.5"]
    assert "Doe, Jane" in answer.text
    assert "not assessed" in answer.text
    assert "it broke" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_nothing_of_a_header_becomes_markup(pages: Pages) -> None:
    result = said(Presence.PRESENT)
    (finding,) = result.findings
    evil = Code("1", "99TEST", HOSTILE)
    pages.add(
        "1.1",
        make_result(
            findings=(type(finding)(evil, evil, Presence.PRESENT, 1, 0, "1", finding.region),)
        ),
        patient_name=HOSTILE,
        patient_id=f'"><img src=x onerror=alert(1)>{HOSTILE}',
        accession_number=HOSTILE,
        study_description=HOSTILE,
        modality="'\"><b>",
    )
    for answer in (pages.get("/"), pages.post("/", data={"text": HOSTILE, "model": HOSTILE})):
        assert answer.status_code == 200
        assert "<script>" not in answer.text
        assert "<img src=x" not in answer.text
        assert "<b>" not in answer.text


def test_a_search_is_no_part_of_an_address(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    pages.add("1.1", patient_name="Müller^Anna")
    pages.add("1.2", patient_name="Doe^Jane")
    with caplog.at_level(logging.DEBUG):
        answer = pages.post("/", data={"text": "muller"})
    assert shown(answer.text) == ["1.1"]
    assert "muller" not in caplog.text.lower()
    assert shown(pages.get("/?text=muller").text) == ["1.1", "1.2"]
    assert shown(pages.post("/", data={"text": "x" * 5000}).text) == ["1.1", "1.2"]


def test_odd_forms_show_something(pages: Pages) -> None:
    pages.add("1.1")
    for query in ("page=0", "page=x", "page=99", "page=%C2%B2", "standing=x", "from=x&to=1-2"):
        assert pages.get(f"/?{query}").status_code == 200
    assert shown(pages.get("/?page=99").text) == []


def test_how_a_form_is_read() -> None:
    query = read_query({"standing": "not assessed", "reviewed": "no", "from": "2026-01-02"}, 3)
    assert (query.standing, query.reviewed) == (Standing.NOT_ASSESSED, False)
    assert (query.first_date, query.last_date, query.offset) == ("20260102", "", 100)
    assert query.order is Order.URGENCY
    assert read_query({"order": "newest"}).order is Order.NEWEST


def test_of_many_findings_the_ones_that_ask_for_a_look_are_told() -> None:
    (one,) = said(Presence.PRESENT, 0.9).findings

    def found(presence: Presence, certainty: float, name: str) -> Finding:
        code = replace(one.finding, meaning=name)
        return replace(one, finding=code, presence=presence, certainty=certainty)

    absent = [found(Presence.ABSENT, 0.01 * each, f"No{each}") for each in range(5)]
    doubt = found(Presence.UNDETERMINED, 0.95, "Doubt")
    line = told([*absent, doubt, one, found(Presence.PRESENT, 0.99, "First")])
    assert [each.finding.meaning for each in line.shown] == ["First", "Opacity", "Doubt"]
    assert line.more == "absent: no4, no3, no2 and 2 more"
    assert told(absent) == Told((), "absent: no4, no3, no2 and 2 more")
    assert told(absent[:2]) == Told((absent[1], absent[0]))
    assert told([one, absent[0]]) == Told((one, absent[0]))
    assert told([]) == Told(())


def test_it_is_narrowed_by_body_part_and_finding(pages: Pages) -> None:
    pages.add("1.1", said(Presence.PRESENT), body_part="CHEST")
    pages.add("1.2", said(Presence.ABSENT), body_part="KNEE")
    assert shown(pages.get("/?body_part=KNEE").text) == ["1.2"]
    assert shown(pages.get("/?finding=Opacity&standing=present").text) == ["1.1"]
    assert shown(pages.get("/?finding=Opacity").text) == ["1.1", "1.2"]
    assert shown(pages.get("/?finding=Nothing").text) == []
    text = pages.get("/").text
    for choice in ("KNEE", "CHEST", "Opacity"):
        assert f'<option value="{choice}">' in text


def test_how_things_are_written() -> None:
    assert [percent(each) for each in (0, 0.001, 0.5, 0.999, 1)] == [
        "0 %",
        "<1 %",
        "50 %",
        ">99 %",
        "100 %",
    ]
    assert person("Yamada^Tarou=山田^太郎") == "Yamada, Tarou"
    assert (person("^^"), person("Doe"), person("^Jane")) == ("", "Doe", "Jane")
    assert (day("20260102"), day("x")) == ("2026-01-02", "x")
