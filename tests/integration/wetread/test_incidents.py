"""Incidents by command, by API and on their page, over real stores and files."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset
from pydicom.uid import JPEG2000, JPEG2000Lossless, RLELossless
from typer.testing import CliRunner, Result

from inference.domain.errors import ConflictingInstance, InputError
from inference.domain.instance import Origin, Source
from inference.intake.comparing import Comparing
from inference.intake.door import Door
from tests.integration.wetread.pages import Pages
from tests.unit.dicom_node.images import image, ramp
from wetread.bootstrap import SystemClock
from wetread.cli.app import app
from wetread.incidents import build_evidence
from wetread.web.api import Reviewing

API = "/api/v1/incidents"
HOSTILE = "<script>alert(1)</script>"
ORIGIN = Origin(Source.DIMSE, "CT-1", "WETREAD")


class Node(Pages):
    """Pages of a node that can be sent things, and whose commands can be run."""

    def __init__(self, home: Path, **parts: Any) -> None:
        super().__init__(home, **parts)
        self.home = home
        self.door = Door(
            self.stores.archive, self.stores.index, SystemClock(), timedelta(seconds=1)
        )

    def send(self, content: bytes | None = None, **attributes: Any) -> None:
        if content is None:
            self.send_image(image(np.zeros((4, 4), np.uint8), **attributes))
            return
        spooled = self.stores.archive.spool()
        spooled.write_bytes(content)
        self.door.receive(spooled, ORIGIN)

    def send_image(self, made: FileDataset) -> None:
        spooled = self.stores.archive.spool()
        made.save_as(spooled, enforce_file_format=True)
        self.door.receive(spooled, ORIGIN)

    def send_conflict(self, one: FileDataset, other: FileDataset) -> None:
        """Leaves incident 1."""
        self.send_image(one)
        with pytest.raises(ConflictingInstance):
            self.send_image(other)

    def compare(self) -> int:
        """Do what a node does by itself; return how many were compared."""
        evidence = build_evidence(self.stores)
        looking = Comparing("comparing", self.stores.incidents, evidence, SystemClock())
        return looking.tick()

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"WETREAD_HOME": str(self.home)})

    def told(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """One conflict, 1, and one file that is none, 2."""
    node = Node(tmp_path)
    node.send(PatientName="Doe^Jane", Modality="CR")
    for content, name in ((None, "Doe^John"), (HOSTILE.encode() * 9, "")):
        with pytest.raises(InputError):
            node.send(content, PatientName=name, Modality="CR")
    yield node
    node.stores.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    node.stores.close()


def test_open_ones_are_listed_with_all_that_is_known(node: Node) -> None:
    unreadable, conflict = node.told("incidents", "list")
    assert (conflict["incident"], conflict["kind"], conflict["state"]) == (1, "conflict", "open")
    assert (conflict["calling_ae"], conflict["times"]) == ("CT-1", 1)
    assert conflict["study_instance_uid"] == "1.2.3"
    assert (unreadable["kind"], unreadable["study_instance_uid"]) == ("unreadable", None)
    assert node.told("incidents", "list", "--study", "1.2.3") == [conflict]
    printed = node.run("incidents", "list").output
    assert "CT-1" in printed
    assert "Doe" not in printed


def test_what_differs_is_told_and_values_only_to_those_who_ask(node: Node) -> None:
    difference = node.told("incidents", "show", "1")["difference"]
    assert difference["detail"] == "1 attribute differs; the pixels are the same"
    assert (difference["pixels"], difference["pixel_detail"]) == ("same", "same to the byte")
    assert difference["pixel_difference"] is None
    (attribute,) = difference["attributes"]
    assert (attribute["keyword"], attribute["change"]) == ("PatientName", "changed")
    assert attribute["archived"] is None
    printed = node.run("incidents", "show", "1").output
    assert "PatientName" in printed
    assert "Doe" not in printed
    named = node.told("incidents", "show", "1", "--values")["difference"]["attributes"]
    assert [(each["archived"], each["set_aside"]) for each in named] == [("Doe^Jane", "Doe^John")]
    assert "Doe^John" in node.run("incidents", "show", "1", "--values").output
    assert "not readable" in node.told("incidents", "show", "2")["difference"]["detail"]
    missing = node.run("incidents", "show", "9")
    assert "there is no incident 9" in str(missing.exception)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_what_was_only_compressed_otherwise_is_called_the_same(empty: Node, syntax: str) -> None:
    other = image(ramp(), bits_stored=12)
    other.compress(syntax, generate_instance_uid=False)
    empty.send_conflict(image(ramp(), bits_stored=12), other)
    difference = empty.told("incidents", "show", "1")["difference"]
    same = "every attribute is the same; the pixels are, too, and were compressed otherwise"
    assert difference["detail"] == same
    assert (difference["pixels"], difference["attributes"]) == ("same", [])
    assert difference["transfer_syntaxes"]["set_aside"] == syntax
    assert empty.get(f"{API}/1/difference").json() == difference
    page = empty.get("/incidents/1").text
    assert f"{same.capitalize()}." in page
    assert "Show pictures" not in page
    assert same in empty.run("incidents", "show", "1").output.replace("\n", " ")


def test_the_same_image_is_resolved_by_wetread_and_told_from_what_people_decide(
    empty: Node,
) -> None:
    other = image(ramp(), bits_stored=12)
    other.compress(RLELossless, generate_instance_uid=False)
    empty.send_conflict(image(ramp(), bits_stored=12), other)
    for name in ("Doe^John", "Doe^Jim"):
        with pytest.raises(ConflictingInstance):
            empty.send_image(image(ramp(), bits_stored=12, PatientName=name))
    assert "Compared with the archived image: not yet" in empty.run("incidents", "list").output
    assert empty.compare() == 3
    assert empty.compare() == 0
    empty.send_image(other)
    kept = empty.post(f"{API}/3/resolve", json={"decision": "kept", "why": "seen", "who": "ann"})
    assert kept.status_code == 200

    found = empty.get(f"{API}/1").json()
    said = found["resolution"]
    assert (found["state"], found["compared"], found["times"]) == ("resolved", "same", 1)
    assert (said["decision"], said["who"], said["authenticated"]) == ("same", "Wetread", True)
    assert said["why"] == "the same image, encoded otherwise"
    listed = empty.run("incidents", "list").output
    assert "Compared with the archived image: they differ" in listed
    assert "encoded otherwise" not in listed
    everything = empty.run("incidents", "list", "--all").output
    assert "same by Wetread, " in everything
    assert "Wetread (as typed)" not in everything
    for decision, number in (("same", 1), ("kept", 3)):
        narrowed = empty.get(f"{API}?decision={decision}").json()["items"]
        assert [each["incident"] for each in narrowed] == [number]
    page = empty.get("/incidents/1").text
    assert "Incident 1: the same image, encoded otherwise" in page
    assert "hears Success" in page
    page = empty.get("/operations").text
    assert "The same image, encoded otherwise: 1" in page
    assert "Resolved by people: 1" in page
    assert "Compared with the archived image: they differ." in page
    assert "resolved 2 (the same image: 1)" in empty.run("status").output
    assert empty.told("status")["account"]["incidents_same"] == 1


def test_a_person_may_call_it_the_same_where_it_is(empty: Node) -> None:
    other = image(ramp(), bits_stored=12)
    other.compress(RLELossless, generate_instance_uid=False)
    empty.send_conflict(image(ramp(), bits_stored=12), other)
    with pytest.raises(ConflictingInstance):
        empty.send_image(image(ramp(), bits_stored=12, PatientName="Doe^John"))
    same = "Same: every attribute and every pixel is"
    assert same in empty.get("/incidents/1").text
    assert same not in empty.get("/incidents/2").text
    body = {"decision": "same", "why": "looks alike", "who": "ann"}
    refused = empty.post(f"{API}/2/resolve", json=body)
    assert refused.status_code == 422
    assert "cannot be called the same image" in refused.json()["detail"]
    refused_here = empty.run("incidents", "resolve", "2", "--as", "same", "--why", "looks alike")
    assert "cannot be called the same image" in str(refused_here.exception)
    assert empty.post(f"{API}/1/resolve", json=body).json()["resolution"]["who"] == "ann"
    empty.send_image(other)


def test_the_same_pixels_with_a_doubt_are_left_to_a_person(empty: Node) -> None:
    other = image(ramp(), bits_stored=12)
    other.compress(JPEG2000Lossless, generate_instance_uid=False)
    other.file_meta.TransferSyntaxUID = JPEG2000
    empty.send_conflict(image(ramp(), bits_stored=12), other)
    assert empty.compare() == 1
    shown = empty.told("incidents", "show", "1")
    assert (shown["state"], shown["compared"]) == ("open", "failed")
    assert (shown["difference"]["same"], shown["difference"]["pixels"]) == (False, "same")
    assert shown["difference"]["detail"].endswith(
        "; but one of them is compressed with loss, and not every decoder comes to the same"
    )
    assert "Same: " not in empty.get("/incidents/1").text


def test_pixels_that_differ_are_counted_and_shown_to_those_who_ask(empty: Node) -> None:
    values = np.stack([ramp()] * 3)
    changed = values.copy()
    changed[1:, 7, :9] += 5
    empty.send_conflict(
        image(values, bits_stored=12, frames=3), image(changed, bits_stored=12, frames=3)
    )
    difference = empty.get(f"{API}/1/difference").json()
    assert difference["pixels"] == "differ"
    assert difference["pixel_detail"] == "18 of 12,288, by 5 at most, in 2 of 3 frames (2, 3)"
    assert difference["pixel_difference"] == {
        "pixels": 18,
        "of": 12288,
        "largest": 5,
        "frames": [2, 3],
        "frames_differing": 2,
        "frames_of": 3,
    }
    assert [each["keyword"] for each in difference["attributes"]] == ["PixelData"]
    page = empty.get("/incidents/1").text
    assert "Show pictures" in page
    assert "<img" not in page
    page = empty.get("/incidents/1?pictures=true").text
    assert page.count("<img") == 3
    assert f"{API}/1/pictures/difference?frame=2" in page
    assert "/incidents/1?pictures=true&frame=3#difference" in html.unescape(page)
    assert "frame=3" in empty.get("/incidents/1?pictures=true&frame=3").text

    drawn = {}
    for side in ("archived", "set_aside", "difference"):
        answer = empty.get(f"{API}/1/pictures/{side}?frame=2")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
        drawn[side] = Image.open(io.BytesIO(answer.content))
        assert drawn[side].size == (64, 64)
    assert drawn["archived"] != drawn["set_aside"]
    coloured = np.ptp(np.asarray(drawn["difference"].convert("RGB")).astype(int), axis=-1) > 0
    assert np.array_equal(coloured, changed[1] != values[1])
    for path, status in (("1/pictures/archived?frame=4", 404), ("1/pictures/other", 422)):
        assert empty.get(f"{API}/{path}").status_code == status


def test_a_picture_is_not_larger_than_it_has_to_be_and_loses_no_mark(empty: Node) -> None:
    values = np.zeros((1100, 2100), np.uint8)
    changed = values.copy()
    changed[1099, 2099] = 9
    empty.send_conflict(image(values), image(changed))
    sizes = {}
    for side in ("archived", "set_aside", "difference"):
        drawn = Image.open(io.BytesIO(empty.get(f"{API}/1/pictures/{side}").content))
        sizes[side] = drawn.size
    assert sizes == {"archived": (1024, 536), "set_aside": (1024, 536), "difference": (700, 367)}
    marks = np.ptp(np.asarray(drawn.convert("RGB")).astype(int), axis=-1) > 0
    assert marks[-4:, -4:].all()
    assert marks.sum() == 16


def test_what_cannot_be_compared_says_why_and_is_shown_side_by_side(empty: Node) -> None:
    empty.send_conflict(image(ramp()), image(ramp(side=32)))
    difference = empty.told("incidents", "show", "1")["difference"]
    assert difference["pixels"] == "not comparable"
    why = "Rows by Columns: 64 by 64 archived, 32 by 32 set aside"
    assert difference["pixel_detail"] == why
    assert difference["detail"] == f"2 attributes differ; the pixels cannot be compared: {why}"
    assert difference["pixel_difference"] is None
    page = empty.get("/incidents/1?pictures=true").text
    assert page.count("<img") == 2
    assert why in page
    assert empty.get(f"{API}/1/pictures/set_aside").status_code == 200
    problem = empty.get(f"{API}/1/pictures/difference")
    assert problem.status_code == 404
    assert why in problem.json()["detail"]


def test_a_picture_of_what_claims_to_be_huge_is_not_drawn(empty: Node) -> None:
    other = image(ramp())
    other.compress(RLELossless, generate_instance_uid=False)
    other.Rows = other.Columns = 20_000
    empty.send_conflict(image(ramp()), other)
    answer = empty.get(f"{API}/1/pictures/set_aside")
    assert answer.status_code == 404
    assert "more pixels than can be compared" in answer.json()["detail"]
    assert empty.get(f"{API}/1/pictures/archived").status_code == 200
    assert empty.get("/incidents/1?pictures=true").status_code == 200


def test_there_are_pictures_of_conflicts_alone_and_while_there_are_bytes(node: Node) -> None:
    assert node.get(f"{API}/1/pictures/set_aside").status_code == 200
    assert node.get(f"{API}/2/pictures/set_aside").status_code == 404
    assert node.get(f"{API}/9/pictures/set_aside").status_code == 404
    node.run("incidents", "resolve", "1", "--why", "seen", "--remove")
    assert node.get(f"{API}/1/pictures/set_aside").status_code == 410
    assert "<img" not in node.get("/incidents/1?pictures=true").text


def test_the_bytes_are_exported_to_a_new_file_alone(node: Node, tmp_path: Path) -> None:
    target = tmp_path / "aside.bin"
    assert node.told("incidents", "export", "2", str(target))["bytes"] == len(HOSTILE) * 9
    assert target.read_bytes() == HOSTILE.encode() * 9
    again = node.run("incidents", "export", "2", str(target))
    assert "exists already" in str(again.exception)
    answer = node.get(f"{API}/2/bytes")
    assert answer.content == HOSTILE.encode() * 9
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_command_resolves_and_removes(node: Node) -> None:
    before = {each: each.read_bytes() for each in (node.home / "archive").rglob("studies/**/*.dcm")}
    done = node.told("incidents", "resolve", "1", "2", "--why", "seen", "--by", "ann", "--remove")
    assert [each["resolution"]["decision"] for each in done] == ["kept", "dismissed"]
    assert [each["key"] for each in done] == [None, None]
    assert list((node.home / "archive" / "quarantine").iterdir()) == []
    assert {each: each.read_bytes() for each in before} == before
    assert node.told("incidents", "list") == []
    assert len(node.told("incidents", "list", "--all")) == 2
    account = node.told("status")["account"]
    assert (account["conflicts"], account["unreadable"]) == (0, 0)
    assert (account["incidents"], account["incidents_resolved"]) == (2, 2)
    assert "resolved already" in str(node.run("incidents", "resolve", "1", "--why", "x").exception)
    assert "seen" in node.run("incidents", "list", "--all").output
    assert node.get(f"{API}/1/bytes").status_code == 410
    assert "removed" in node.told("incidents", "show", "1")["difference"]["detail"]


@pytest.mark.parametrize(
    "arguments",
    [["--why", "x"], ["1"], ["1", "--study", "1.2.3", "--why", "x"], ["1", "--why", " "]],
)
def test_a_command_that_says_too_little_resolves_nothing(node: Node, arguments: list[str]) -> None:
    assert node.run("incidents", "resolve", *arguments).exit_code == 2
    assert len(node.told("incidents", "list")) == 2


def test_all_of_a_study_are_resolved_at_once(node: Node) -> None:
    done = node.told("incidents", "resolve", "--study", "1.2.3", "--why", "x", "--as", "resent")
    assert [each["incident"] for each in done] == [1]
    again = node.run("incidents", "resolve", "--study", "1.2.3", "--why", "x")
    assert "no incident of the Study 1.2.3 is open" in str(again.exception)


def test_the_api_says_the_same(node: Node) -> None:
    page = node.get(f"{API}?state=open&limit=1").json()
    assert [each["incident"] for each in page["items"]] == [2]
    following = node.get(f"{API}?state=open&limit=1&cursor={page['next']}").json()
    (conflict,) = following["items"]
    assert following["next"] is None
    assert conflict == node.get(f"{API}/1").json()
    assert conflict["url"] == f"http://node{API}/1"
    told = node.told("incidents", "show", "1")
    difference = told.pop("difference")
    moments = ("occurred_at", "last_at")
    assert {key: conflict[key] for key in told if key not in moments} == {
        key: value for key, value in told.items() if key not in moments
    }
    assert node.get(f"{API}/1/difference").json() == difference
    (named,) = node.get(f"{API}/1/difference?values=true").json()["attributes"]
    assert named["set_aside"] == "Doe^John"
    for path, status in (("9", 404), ("9/difference", 404), ("9/bytes", 404), ("0", 422)):
        assert node.get(f"{API}/{path}").status_code == status


def test_the_api_resolves_once(node: Node) -> None:
    body = {"decision": "kept", "why": HOSTILE, "who": "ann"}
    done = node.post(f"{API}/1/resolve", json=body)
    assert done.status_code == 200
    said = done.json()["resolution"]
    assert (said["decision"], said["who"], said["authenticated"]) == ("kept", "ann", False)
    assert node.post(f"{API}/1/resolve", json=body).status_code == 409
    assert node.post(f"{API}/2/resolve", json=body).status_code == 422
    assert node.post(f"{API}/9/resolve", json=body).status_code == 404
    assert node.post(f"{API}/2/resolve", json=body | {"who": ""}).status_code == 422
    page = node.get("/operations").text
    assert "/incidents/1" in page
    assert "<script>alert" not in page
    assert "<script>alert" not in node.get("/incidents/1").text
    events = node.stores.events.after(0)
    assert [each.kind for each in events if each.incident_id == 1] == [
        "incident.opened",
        "incident.closed",
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_a_foreign_page_resolves_nothing(node: Node, headers: dict[str, str], status: int) -> None:
    headers = {"Content-Type": "application/json"} | headers
    content = json.dumps({"decision": "kept", "why": "x", "who": "ann"})
    answer = node.post(f"{API}/1/resolve", content=content, headers=headers)
    assert answer.status_code == status
    assert node.get(f"{API}/1").json()["state"] == "open"


def test_a_proxy_says_who_it_is(tmp_path: Path) -> None:
    nobody: Any = None
    node = Node(tmp_path, reviewing=Reviewing(nobody, "X-User"), knows_reviewer=True)
    with pytest.raises(InputError):
        node.send(b"rubbish")
    body = {"decision": "dismissed", "why": "x"}
    url = f"{API}/1/resolve"
    assert "Who you are" not in node.get("/incidents/1").text
    assert node.post(url, json=body).status_code == 401
    other = node.post(url, json=body | {"who": "bob"}, headers={"X-User": "ann"})
    assert other.status_code == 422
    done = node.post(url, json=body, headers={"X-User": "ann"}).json()["resolution"]
    assert (done["who"], done["authenticated"]) == ("ann", True)
    node.stores.close()


def test_a_page_shows_one_and_hides_values_until_they_are_asked_for(node: Node) -> None:
    page = node.get("/incidents/1")
    assert page.status_code == 200
    assert "PatientName" in page.text
    assert "Doe" not in page.text
    assert "Doe^John" in node.get("/incidents/1?values=true").text
    assert "unreadable" in node.get("/incidents/2").text
    assert "Kept:" not in node.get("/incidents/2").text
    assert node.get("/incidents/9").status_code == 404
    assert "/incidents/1" in node.get("/operations").text
    assert "/incidents/1" in node.get("/studies/1.2.3").text
    node.post(f"{API}/1/resolve", json={"decision": "kept", "why": "sent twice", "who": "ann"})
    assert "sent twice" in node.get("/incidents/1").text
    assert "/incidents/1" not in node.get("/studies/1.2.3").text


def test_retention_says_that_bytes_of_incidents_go(node: Node) -> None:
    node.run("incidents", "resolve", "2", "--why", "a port scan", "--by", "ann")
    with node.stores.database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE incidents SET resolved_at = datetime(resolved_at, '-60 days')"
        )
    assert node.told("retention", "--days", "30", "--dry-run")["incidents"] == 1
    assert "1 resolved incident" in node.run("retention", "--days", "30").output
    assert node.told("retention", "--days", "30")["incidents"] == 0
    assert len(list((node.home / "archive" / "quarantine").glob("*.dcm"))) == 1
