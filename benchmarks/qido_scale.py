"""How long a search takes in 100,000 Instances, against the same search in 1,000.

    python -m benchmarks.qido_scale [--instances 100000] [--rounds 100] [--json]

Two catalogs are filled by the code that fills a node's: the larger one has what the smaller one
has, and more of its kind. Both are served by the real application in processes of their own.
Each search has as many answers in both, so that what is compared is the search and not the
answer, and is asked of both in turn, so that whatever else the machine does burdens both.
Printed are the 50th and 95th percentile in milliseconds and the ratio of the medians. Aim: at
most 1.5; and for a page deep in the list no more than the first page takes.

Beside them stands Orthanc with its DICOMweb plugin, over 1,000 Instances of the same kind
(`--no-orthanc` leaves it out); it takes an hour to fill with 100,000.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from benchmarks.support import population as people
from benchmarks.support.node import WebNode
from benchmarks.support.population import population
from inference.domain.instance import Description
from inference.persistence.cataloguing import catalogue
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.migrate import migrate

_SMALL = 1000  # Instances
_AIM = 1.5
_STUDY = people.STUDY.format(3)


@dataclass(frozen=True)
class Question:
    """`answers` are as many in every catalog."""

    label: str
    path: str
    answers: int


def _asks(label: str, path: str, answers: int, **parameters: str) -> Question:
    query = "&".join(f"{key}={quote(value)}" for key, value in parameters.items())
    return Question(label, f"{path}?{query}" if query else path, answers)


QUESTIONS = (
    _asks("patient", "/studies", 5, PatientID=people.PATIENT),
    _asks("date range, 10 matches", "/studies", 10, StudyDate=people.DATES),
    _asks("date range, many, first 25", "/studies", 25, StudyDate="20150101-", limit="25"),
    _asks("accession", "/studies", 1, AccessionNumber=f"{people.ACCESSION}4"),
    _asks("accession, ACC*", "/studies", 10, AccessionNumber=f"{people.ACCESSION}*"),
    _asks("name, simun*", "/studies", 10, PatientName="simun*"),
    _asks("name, *MUNK*", "/studies", 10, PatientName="*MUNK*"),
    _asks("name, ?imunk*^An*", "/studies", 1, PatientName="?imunk*^An*"),
    _asks("name, *qqq*, no match", "/studies", 0, PatientName="*qqq*"),
    _asks("name, *an*, first 5", "/studies", 5, PatientName="*an*", limit="5"),
    _asks("name, m*, first 3", "/studies", 3, PatientName="m*", limit="3"),
    _asks("name without its accents", "/studies", 1, PatientName="Simunkova^Anna"),
    _asks("name and date", "/studies", 10, PatientName="*munk*", StudyDate=people.DATES),
    _asks("modality, rare", "/studies", 10, ModalitiesInStudy=people.MODALITY),
    _asks("modality, frequent, first 5", "/studies", 5, ModalitiesInStudy="US", limit="5"),
    _asks("study", "/studies", 1, StudyInstanceUID=_STUDY),
    _asks("series of a study", f"/studies/{_STUDY}/series", 2),
    _asks("series, all studies, by patient", "/series", 10, PatientID=people.PATIENT),
    _asks("instances of a study", f"/studies/{_STUDY}/instances", 40),
    _asks("instances of a series", f"/studies/{_STUDY}/series/{_STUDY}.1/instances", 20),
    _asks("instances, all studies, by accession", "/instances", 40, AccessionNumber="PLANTED4"),
)


@dataclass
class Server:
    """One that answers; `seconds` by label."""

    url: str
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self._prefix = parts.path
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port)

    def ask(self, path: str) -> list[Any]:
        self._connection.request("GET", self._prefix + path, headers={"Accept": "application/json"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{self.url}{path}: {answer.status} {body[:200]!r}")
        found: list[Any] = json.loads(body)
        return found

    def measure(self, label: str, path: str, answers: int | None) -> None:
        started = time.perf_counter()
        found = self.ask(path)
        self.seconds.setdefault(label, []).append(time.perf_counter() - started)
        if answers is not None and len(found) != answers:
            raise SystemExit(f"{label}: {len(found)} answers instead of {answers}")

    def percentiles(self, label: str) -> tuple[float, float]:
        """Return p50 and p95, in milliseconds."""
        cut = statistics.quantiles(self.seconds[label], n=20, method="inclusive")
        return cut[9] * 1e3, cut[18] * 1e3


def fill(home: Path, instances: int) -> int:
    """Return how many Studies there are."""
    home.mkdir(parents=True)
    database = Database(sqlite_url(home / "wetread.db"))
    migrate(database)
    with database.writing() as connection:
        for number, each in enumerate(population(instances)):
            catalogue(connection, each, f"studies/{number}")
    with database.reading() as connection:
        studies = connection.exec_driver_sql("SELECT count(*) FROM catalog_studies").scalar()
    database.close()
    return int(studies or 0)


def part10(each: Description) -> bytes:
    """Return a file without pixels: Orthanc's index needs none."""
    of = each.attributes
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = each.sop_class_uid
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = each.sop_instance_uid
    made.SpecificCharacterSet = "ISO_IR 192"
    made.StudyInstanceUID, made.SeriesInstanceUID = (
        each.study_instance_uid,
        each.series_instance_uid,
    )
    made.PatientID, made.PatientName = of.patient_id, of.patient_name
    made.PatientSex, made.PatientBirthDate = of.patient_sex, of.patient_birth_date
    made.AccessionNumber, made.StudyID = of.accession_number, of.study_id
    made.StudyDate, made.StudyTime = of.study_date, of.study_time
    made.StudyDescription, made.SeriesDescription = of.study_description, of.series_description
    made.ReferringPhysicianName = of.referring_physician_name
    made.Modality, made.SeriesNumber = of.modality, of.series_number
    made.InstanceNumber = of.instance_number
    written = io.BytesIO()
    made.save_as(written, enforce_file_format=True)
    return written.getvalue()


@contextmanager
def orthanc(folder: Path) -> Iterator[Server]:
    from tests.support.servers import OrthancServer

    folder.mkdir()
    with OrthancServer(folder) as program:
        with program.http() as client:
            for each in population(_SMALL):
                client.post("/instances", content=part10(each)).raise_for_status()
        yield Server(program.dicomweb_url)


def deep_pages(server: Server, studies: int, instances: int, rounds: int) -> None:
    """The first page, and one near the end: reached page by page, and jumped to."""
    for level, count, limit in (("studies", studies, 50), ("instances", instances, 100)):
        deep = count * 9 // 10 // limit * limit
        paths = {
            f"{level}, first page": f"/{level}?limit={limit}",
            f"{level}, page at 90%": f"/{level}?limit={limit}&offset={deep}",
            f"{level}, jump to 90%": f"/{level}?limit={limit}&offset={deep + 7}",
        }
        server.ask(f"/{level}?limit={limit}&offset={deep - limit}")  # the page before
        for _ in range(rounds):
            for label, path in paths.items():
                server.measure(label, path, limit)


def report(small: Server, large: Server, peer: Server | None) -> list[dict[str, Any]]:
    rows = []
    for question in QUESTIONS:
        few, many = small.percentiles(question.label), large.percentiles(question.label)
        row: dict[str, Any] = {
            "search": question.label,
            "answers": question.answers,
            "small_ms": few,
            "large_ms": many,
            "ratio": many[0] / few[0],
            "ratio_p95": many[1] / few[1],
        }
        if peer and question.label in peer.seconds:
            row["orthanc_small_ms"] = peer.percentiles(question.label)
        rows.append(row)
    return rows


def deep_rows(large: Server) -> list[dict[str, Any]]:
    rows = []
    for level in ("studies", "instances"):
        first = large.percentiles(f"{level}, first page")
        for label in ("page at 90%", "jump to 90%"):
            deep = large.percentiles(f"{level}, {label}")
            rows.append(
                {
                    "search": f"{level}, {label}",
                    "first_ms": first,
                    "deep_ms": deep,
                    "ratio": deep[0] / first[0],
                }
            )
    return rows


def ask_all(servers: Sequence[Server], peer: Server | None, rounds: int) -> None:
    unlike: set[str] = set()
    for turn in range(-3, rounds):  # three to warm up
        for question in QUESTIONS:
            for server in servers if turn % 2 else reversed(servers):
                server.measure(question.label, question.path, question.answers)
            if peer and question.label not in unlike:
                try:
                    peer.measure(question.label, question.path, question.answers)
                except SystemExit:
                    # What Orthanc does not match, or matches otherwise, is no comparison.
                    unlike.add(question.label)
                    peer.seconds.pop(question.label, None)
        if turn == -1:
            for server in (*servers, *([peer] if peer else [])):
                server.seconds.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="keep the catalogs here, to ask again")
    parser.add_argument("--no-orthanc", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = []
        studies = 0
        for count in (_SMALL, options.instances):
            home = folder / str(count)
            known = home.with_suffix(".studies")
            if not known.exists():
                known.parent.mkdir(parents=True, exist_ok=True)
                known.write_text(str(fill(home, count)))
            studies = int(known.read_text())
            servers.append(Server(stack.enter_context(WebNode(home)).dicomweb_url))
        small, large = servers
        peer = None
        if not options.no_orthanc:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            peer = stack.enter_context(orthanc(scratch / "orthanc"))
        ask_all(servers, peer, options.rounds)
        deep_pages(large, studies, options.instances, options.rounds)
        rows, deep = report(small, large, peer), deep_rows(large)
    if options.json:
        print(json.dumps({"searches": rows, "pages": deep}, indent=2))
        return
    print(f"{_SMALL} and {options.instances} Instances, in {studies} Studies; p50/p95 in ms")
    print(f"{'':<38} {'answers':>7} {'fewer':>13} {'more':>13}   ratio   Orthanc, {_SMALL}")
    for row in rows:
        line = (
            f"{row['search']:<38} {row['answers']:>7} {_ms(row['small_ms'])} {_ms(row['large_ms'])}"
        )
        print(f"{line}   {row['ratio']:5.2f}   {_ms(row.get('orthanc_small_ms'))}")
    print(f"{'':<38} {'':>7} {'first page':>13} {'deep':>13}   ratio")
    for row in deep:
        line = f"{row['search']:<38} {'':>7} {_ms(row['first_ms'])} {_ms(row['deep_ms'])}"
        print(f"{line}   {row['ratio']:5.2f}")
    print(f"largest ratio of the searches {max(row['ratio'] for row in rows):.2f}, aim {_AIM}")


def _ms(percentiles: tuple[float, float] | None) -> str:
    return "{:6.1f}/{:6.1f}".format(*percentiles) if percentiles else f"{'-':>13}"


if __name__ == "__main__":
    main()
