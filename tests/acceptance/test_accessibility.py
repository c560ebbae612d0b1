"""axe-core finds nothing on any page: light and dark, on a desk, a tablet and a telephone.

All of its rules run, best practices among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import httpx
import pytest

from tests.support.browser import SIZES, browser_page, viewport, violations
from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.radiographs import PATIENT_ID, radiograph
from tests.support.series import SLICES, STUDY, write_slice

SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with a radiograph that was reviewed, another of the same patient, a CT Series, and a
    conflict."""
    folder = tmp_path_factory.mktemp("pages")
    with Node(folder) as node:
        source = radiograph(folder / "first.dcm")
        radiograph(folder / "second.dcm", seed=1, StudyDescription="Thorax, later")
        slices = [write_slice(folder / f"{each}.dcm", each) for each in range(1, SLICES + 1)]
        storescu(
            [folder / "first.dcm", folder / "second.dcm", *slices], node.port, called="WETREAD"
        )
        status = node.settle(3)
        same = {
            "study": source.StudyInstanceUID,
            "series": source.SeriesInstanceUID,
            "instance": source.SOPInstanceUID,
        }
        radiograph(folder / "other.dcm", **same, StudyDescription="Thorax, corrected")
        storescu([folder / "other.dcm"], node.port, called="WETREAD", check=False)
        (job,) = next(
            each["jobs"]
            for each in status["studies"]
            if each["study_instance_uid"] == source.StudyInstanceUID
        )
        node.study = str(source.StudyInstanceUID)  # type: ignore[attr-defined]
        httpx.post(
            f"{node.url}/api/v1/results/{job['job']}/reviews",
            json={"verdict": "agree", "finding": 1, "reviewer": {"id": "ann", "name": "Arzt^Anna"}},
            trust_env=False,
        ).raise_for_status()
        yield node


def _states(page: Any, node: Node) -> Iterator[tuple[str, Sequence[str]]]:
    """Bring the page into each state; say its name, and on what sizes one meets it."""
    study = f"{node.url}/studies/{node.study}"  # type: ignore[attr-defined]
    everywhere, narrow = tuple(SIZES), ("tablet", "phone")

    def go(path: str, size: str = "desktop") -> None:
        page.set_viewport_size(viewport(size))
        url = path if path.startswith("http") else f"{node.url}{path}"
        page.goto(url, wait_until="networkidle")

    go("/")
    assert not page.is_visible("#more")
    yield "the list", ("desktop",)
    for size in narrow:
        go("/", size)
        assert page.is_visible("#more")
        yield "the list", (size,)
    page.click("#more")
    yield "the list with its filters", narrow
    page.fill("[name=text]", PATIENT_ID)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('#list tbody tr').length === 2")
    yield "the list, searched", everywhere
    page.fill("[name=text]", "nobody of this name")
    page.keyboard.press("Enter")
    page.wait_for_selector(".empty")
    yield "the list, with nothing in it", everywhere
    go("/")
    page.focus("#help")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    yield "the keys", everywhere
    go(study)
    yield "a study", everywhere
    page.keyboard.press("d")
    for each in page.locator("summary").all():
        each.click()
    page.wait_for_selector("#tags tbody tr")
    yield "a study, all unfolded and about to be disagreed with", everywhere
    go(f"/studies/{STUDY}")
    yield "a series", everywhere
    go("/upload")
    yield "upload", everywhere
    page.set_input_files("#chooser", [{"name": "a.png", "mimeType": "image/png", "buffer": b"x"}])
    page.fill("[name=patient_id]", "P1")
    page.click("#send")
    page.wait_for_selector("#files .bad")
    yield "upload, refused", everywhere
    for name, path in (
        ("a card", "/models/cxr-pneumonia/1.0.0"),
        ("a gate's card", "/models/body-part/1.0.0"),
        ("operations", "/operations"),
        ("an incident", "/incidents/1?values=true"),
        ("the API", "/docs"),
        ("a study that is not there", "/studies/1.2.3"),
        ("no page", "/nothing/here"),
    ):
        go(path)
        yield name, everywhere


def _wrong(page: Any) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return violations(page) + ([f"{wide} pixels too wide"] if wide > 0 else [])


@pytest.mark.timeout(600)
def test_every_page_passes_every_rule(node: Node, browser: Any) -> None:
    # axe is no part of the pages, so that their policy would keep it out.
    expected = ("404 (Not Found)", "422 (Unprocessable")
    found = {}
    with browser_page(browser, bypass_csp=True, expected=expected) as page:
        for name, sizes in _states(page, node):
            for size, scheme in product(sizes, SCHEMES):
                page.set_viewport_size(viewport(size))
                page.emulate_media(color_scheme=scheme)
                found[name, size, scheme] = _wrong(page)
    assert {each: wrong for each, wrong in found.items() if wrong} == {}


def test_a_list_to_which_nothing_has_come(make_node: Callable[..., Node], browser: Any) -> None:
    node = make_node()
    with browser_page(browser, size="phone", bypass_csp=True) as page:
        for path in ("/", "/operations"):
            page.goto(f"{node.url}{path}", wait_until="networkidle")
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                assert violations(page) == []
