"""axe-core finds nothing on any page: light and dark, on a desk, a tablet and a telephone.

All of its rules run, best practices among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.browser import SIZES, browser_page, violations
from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.radiographs import PATIENT_ID, radiograph
from tests.support.series import SLICES, STUDY, write_slice


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


def _states(page: Any, node: Node) -> Iterator[str]:
    """Bring the page into each state, and name it."""
    study = f"{node.url}/studies/{node.study}"  # type: ignore[attr-defined]

    def go(path: str) -> None:
        url = path if path.startswith("http") else f"{node.url}{path}"
        page.goto(url, wait_until="networkidle")

    go("/")
    yield "the list"
    if page.is_visible("#more"):
        page.click("#more")
        yield "the list with its filters"
    page.fill("[name=text]", PATIENT_ID)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('#list tbody tr').length === 2")
    yield "the list, searched"
    page.fill("[name=text]", "nobody of this name")
    page.keyboard.press("Enter")
    page.wait_for_selector(".empty")
    yield "the list, with nothing in it"
    go("/")
    page.focus("#help")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    yield "the keys"
    go(study)
    yield "a study"
    page.keyboard.press("d")
    for each in page.locator("summary").all():
        each.click()
    page.wait_for_selector("#tags tbody tr")
    yield "a study, all unfolded and about to be disagreed with"
    go(f"/studies/{STUDY}")
    yield "a series"
    go("/upload")
    yield "upload"
    page.set_input_files("#chooser", [{"name": "a.png", "mimeType": "image/png", "buffer": b"x"}])
    page.fill("[name=patient_id]", "P1")
    page.click("#send")
    page.wait_for_selector("#files .bad")
    yield "upload, refused"
    go("/models/cxr-pneumonia/1.0.0")
    yield "a card"
    go("/models/body-part/1.0.0")
    yield "a gate's card"
    go("/operations")
    yield "operations"
    go("/incidents/1?values=true")
    yield "an incident"
    go("/docs")
    yield "the API"
    go("/studies/1.2.3")
    yield "a study that is not there"
    go("/nothing/here")
    yield "no page"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_passes_every_rule(node: Node, scheme: str, size: str) -> None:
    # axe is no part of the pages, so that their policy would keep it out.
    expected = ("404 (Not Found)", "422 (Unprocessable")
    found = {}
    with browser_page(scheme, size, bypass_csp=True, expected=expected) as page:
        for name in _states(page, node):
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found[name] = violations(page) + ([f"{wide} pixels too wide"] if wide > 0 else [])
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_list_to_which_nothing_has_come(
    make_node: Callable[..., Node], scheme: str, tmp_path: Path
) -> None:
    node = make_node()
    with browser_page(scheme, "phone", bypass_csp=True) as page:
        for path in ("/", "/operations"):
            page.goto(f"{node.url}{path}", wait_until="networkidle")
            assert violations(page) == []
