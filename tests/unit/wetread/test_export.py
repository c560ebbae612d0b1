"""The training set that reviews make."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from dicom_node.archive import describe
from inference.domain.code import Code
from inference.domain.errors import InputError
from inference.domain.finding import Presence
from inference.domain.instance import Instance, Origin, Source
from inference.domain.job import Job, JobState, ModelId
from inference.domain.label import labelled
from inference.domain.pseudonym import Pseudonyms
from inference.domain.review import Review, Reviewed, Verdict
from inference.fakes.memory import MemoryIndex, MemoryStore
from inference.validation.case import Labels, read_cases
from tests.contracts.repositories import T0, make_request, make_result
from tests.contracts.reviews import BEN, make_review
from tests.support.radiographs import PATIENT_ID, radiograph
from wetread.cli.reviews import shows_text, write_dicom
from wetread.export import Export, Exported, choose_finding, open_pseudonyms

ATELECTASIS = Code("46621007", "SCT", "Atelectasis")
AGREE: dict[str, Any] = {"verdict": Verdict.AGREE, "presence": None, "right_finding": None}


class Files:
    def path(self, key: str) -> Path:
        return Path(key)


class Bench:
    """Images that were read and reviewed; `run` exports them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = MemoryIndex(MemoryStore())
        self.reviewed: list[Reviewed] = []
        self.sources: list[Dataset] = []

    def add(
        self,
        *reviews: Review,
        presence: Presence = Presence.PRESENT,
        series: bool = False,
        images: int = 1,
        **attributes: Any,
    ) -> None:
        number = len(self.sources)
        sources = []
        for image in range(images):
            path = self.folder / f"source-{number}-{image}.dcm"
            shared = (
                {"study": sources[0].StudyInstanceUID, "series": sources[0].SeriesInstanceUID}
                if sources
                else {}
            )
            sources.append(radiograph(path, seed=image, **shared, **attributes))
            origin = Origin(Source.DIMSE)
            self.index.add(
                Instance(describe(path), origin, str(path), f"{number}{image}", 1), T0, timedelta(0)
            )
        self.sources += sources
        found = replace(
            make_result().findings[0],
            presence=presence,
            doubts=(),
            sop_instance_uid=str(sources[0].SOPInstanceUID),
            series_instance_uid=str(sources[0].SeriesInstanceUID) if series else "",
        )
        study = str(sources[0].StudyInstanceUID)
        uids = tuple(str(each.SOPInstanceUID) for each in sources)
        request = make_request(study_instance_uid=study, instances=uids)
        job = Job(len(self.reviewed) + 1, request, JobState.DONE, 1, T0)
        result = make_result(study_instance_uid=study, findings=(found,))
        self.reviewed.append(Reviewed(job, result, reviews))

    def run(self, finding: str = "", burned_in: bool = False) -> tuple[Exported, list[Any]]:
        found = labelled(self.reviewed)
        export = Export(
            self.folder / "out",
            self.index,
            Files(),
            Pseudonyms(bytes(32)),
            finding=choose_finding(found, finding),
            burned_in=burned_in,
            shows_text=shows_text,
            write=write_dicom,
        )
        advanced: list[int] = []
        done = export.run(found, lambda: advanced.append(1))
        assert len(advanced) == len(found)
        table = self.folder / "out" / "labels.csv"
        if not table.exists():
            return done, []
        with table.open(newline="", encoding="utf-8") as file:
            return done, list(csv.DictReader(file))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_labels_are_the_reviewers(bench: Bench) -> None:
    bench.add(make_review(**AGREE))
    bench.add(make_review(right_finding=None), AccessionNumber="ACC2")
    done, rows = bench.run()
    assert (done.cases, done.images, len(done.patients)) == (2, 2, 1)
    assert [row["label"] for row in rows] == ["present", "absent"]
    first = rows[0]
    assert (first["age"], first["sex"]) == ("4", "F")
    assert (first["modality"], first["body_part"], first["view"]) == ("CR", "CHEST", "AP")
    assert (first["verdict"], first["assessment"]) == ("agree", "accepted")
    assert (rows[1]["verdict"], rows[1]["reason"]) == ("disagree", "other finding")
    assert (first["model"], first["version"], first["certainty"]) == ("chest", "1", "0.3")
    assert first["ai_presence"] == "present"
    assert first["burned_in"] == "unknown"
    assert done.may_be_burned_in == 2


def test_a_label_is_of_the_model_that_reported_its_finding(bench: Bench) -> None:
    bench.add(make_review(**AGREE))
    (first,) = bench.reviewed
    (found,) = first.result.findings
    other = replace(found, finding=ATELECTASIS, certainty=0.9)
    result = replace(first.result, findings=(other,), model=ModelId("other", "7"))
    bench.reviewed.append(replace(first, result=result))  # of the same image, reviewed later
    _, (row,) = bench.run("opacity")
    assert (row["model"], row["version"], row["certainty"]) == ("chest", "1", "0.3")


def test_validate_reads_it(bench: Bench) -> None:
    bench.add(make_review(**AGREE))
    bench.add(make_review(right_finding=None))
    bench.run()
    cases = read_cases(bench.folder / "out", None, Labels(), ["Opacity"])
    assert [each.positive for each in cases.cases] == [True, False]
    assert all(each.path.is_file() for each in cases.cases)
    assert {each.patient_id for each in cases.cases} == {
        pydicom.dcmread(cases.cases[0].path).PatientID
    }


def test_no_name_id_or_date_of_any_source_is_in_any_file(bench: Bench) -> None:
    bench.add(
        make_review(comment="Ottoline Quillfeather, PID-QF-7291", right_finding=ATELECTASIS),
        InstitutionName="St Quillfeather Hospital",
        StudyDescription="Ottoline",
    )
    bench.run()
    written = [each for each in (bench.folder / "out").rglob("*") if each.is_file()]
    assert len(written) == 2
    secrets = [
        PATIENT_ID,
        "Quillfeather",
        "Ottoline",
        "20200110",
        "20240301",
        "ACC1",
        "ann",
        "Arzt",
    ]
    for source in bench.sources:
        secrets += [
            str(source.StudyInstanceUID),
            str(source.SeriesInstanceUID),
            str(source.SOPInstanceUID),
        ]
    for path in written:
        for secret in secrets:
            assert secret.lower().encode() not in path.read_bytes().lower(), (path.name, secret)
            assert secret.lower() not in str(path.relative_to(bench.folder)).lower()


def test_other_findings_have_columns_of_their_own(bench: Bench) -> None:
    bench.add(make_review(right_finding=ATELECTASIS))
    bench.add(make_review(**AGREE))
    _, rows = bench.run()
    assert [row["sct_46621007"] for row in rows] == ["present", ""]
    done, rows = Bench.run(_again(bench), "atelectasis")
    assert [row["label"] for row in rows] == ["present", ""]
    assert [row["opacity"] for row in rows] == ["absent", "present"]
    assert done.cases == 2


def _again(bench: Bench) -> Bench:
    other = Bench(bench.folder / "again")
    other.folder.mkdir()
    other.index, other.reviewed = bench.index, bench.reviewed
    return other


@pytest.mark.parametrize(
    ("reviews", "why"),
    [
        ([make_review(**AGREE), make_review(right_finding=None, reviewer=BEN)], "contradict"),
        ([make_review(**AGREE | {"verdict": Verdict.NOT_ASSESSABLE})], "not assessable"),
        ([make_review(presence=Presence.UNDETERMINED, right_finding=None)], "undetermined"),
    ],
)
def test_what_is_not_decided_is_left_out_and_counted(
    bench: Bench, reviews: list[Review], why: str
) -> None:
    bench.add(*reviews)
    done, rows = bench.run()
    assert (done.cases, rows) == (0, [])
    ((reason, count),) = done.left_out.items()
    assert why in reason
    assert count == 1


def test_burned_in_text_stays_unless_asked_for(bench: Bench) -> None:
    bench.add(make_review(**AGREE), BurnedInAnnotation="YES")
    bench.add(make_review(**AGREE), BurnedInAnnotation="NO")
    done, rows = bench.run()
    assert [row["burned_in"] for row in rows] == ["no"]
    assert done.may_be_burned_in == 0
    assert done.left_out == {"text is burned into the image, by its header": 1}
    done, rows = Bench.run(_again(bench), burned_in=True)
    assert [row["burned_in"] for row in rows] == ["yes", "no"]


def test_text_in_the_pixels_is_seen(bench: Bench) -> None:
    picture = Image.new("L", (224, 256), 20)
    ImageDraw.Draw(picture).text((10, 10), "QUILLFEATHER OTTOLINE", fill=255)
    pixels = (np.asarray(picture, dtype="<u2") * 16).tobytes()
    bench.add(make_review(**AGREE), PixelData=pixels, BurnedInAnnotation="NO")
    done, _ = bench.run()
    assert done.left_out == {"text seems to be burned into the image, by its pixels": 1}
    _, rows = Bench.run(_again(bench), burned_in=True)
    assert [row["burned_in"] for row in rows] == ["seen"]


def test_a_series_is_a_folder(bench: Bench) -> None:
    bench.add(make_review(**AGREE), series=True, images=3)
    done, rows = bench.run()
    assert (done.cases, done.images) == (1, 3)
    folder = bench.folder / "out" / rows[0]["file"]
    assert len(list(folder.glob("*.dcm"))) == 3
    assert folder.name == str(pydicom.dcmread(next(folder.glob("*.dcm"))).SeriesInstanceUID)


def test_an_image_that_cannot_be_read_is_left_out(bench: Bench) -> None:
    bench.add(make_review(**AGREE))
    bench.add(make_review(**AGREE))
    (bench.folder / "source-0-0.dcm").unlink()
    done, rows = bench.run()
    assert len(rows) == 1
    assert sum(done.left_out.values()) == 1


def test_a_folder_that_holds_something_is_refused(bench: Bench) -> None:
    bench.add(make_review(**AGREE))
    bench.run()
    with pytest.raises(InputError, match="not empty"):
        bench.run()


def test_which_finding_the_label_is_of(bench: Bench) -> None:
    with pytest.raises(InputError, match="nobody"):
        choose_finding([], "")
    bench.add(make_review(right_finding=ATELECTASIS))
    found = labelled(bench.reviewed)
    assert choose_finding(found, "") == ("99TEST", "1")
    assert choose_finding(found, "ATELECTASIS") == ("SCT", "46621007")
    assert choose_finding(found, "46621007") == ("SCT", "46621007")
    with pytest.raises(InputError, match=r"Atelectasis \(46621007\), Opacity"):
        choose_finding(found, "pneumonia")


def test_the_key_stays_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = open_pseudonyms(tmp_path), open_pseudonyms(tmp_path)
    assert first.uid("1.2") == second.uid("1.2")
    assert (tmp_path / "pseudonyms.key").stat().st_mode & 0o777 == 0o600
