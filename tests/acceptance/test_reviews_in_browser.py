"""The loop closed in a browser: disagreed with there, delivered, judged and exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.browser import browser_page
from tests.support.dcmtk import storescu
from tests.support.loop import check_reports, check_training_set
from tests.support.node import Node
from tests.support.radiographs import radiograph
from tests.support.servers import OrthancServer


def test_a_disagreement_in_the_browser_reaches_the_pacs_and_the_next_model(
    make_node: Callable[..., Node],
    orthanc_server: OrthancServer,
    browser: Any,
    tmp_path: Path,
) -> None:
    node = make_node(orthanc=[{"name": "pacs", "url": orthanc_server.url, "follow": False}])
    source = radiograph(tmp_path / "image.dcm")
    storescu([tmp_path / "image.dcm"], node.port, called="WETREAD")
    node.settle(1)

    with browser_page(browser) as page:
        page.goto(node.url, wait_until="networkidle")
        page.click("#list .open")
        page.wait_for_load_state("networkidle")
        page.keyboard.press("d")
        truth = page.input_value("[name=presence]")
        said = page.inner_text(".finding .word")
        assert truth in ("present", "absent", "")
        if not truth:  # who disagrees with what is undetermined has to say
            truth = "present"
            page.select_option("[name=presence]", truth)
        assert truth != said
        page.fill("[name=value]", "46621007")
        page.fill("[name=meaning]", "Atelectasis")
        page.select_option("[name=reason]", "other finding")
        page.fill("[name=comment]", "seen on the lateral view")
        page.fill("[name=reviewer]", "ann")
        page.fill("[name=reviewer_name]", "Arzt^Anna")
        page.click(".review .main")
        page.wait_for_selector(".said.done")
        page.click(".reviews summary")
        text = page.inner_text(".reviews pre")
        assert "AI result rejected" in text
        assert "Right finding Atelectasis" in text
        page.goto(node.url, wait_until="networkidle")
        assert page.inner_text(".list .verdict") == "disagree"

    node.settle(1)
    check_reports(orthanc_server, tmp_path)
    check_training_set(node, tmp_path / "set", source, truth)
