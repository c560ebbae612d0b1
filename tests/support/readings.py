"""A database full of Studies that were read, with fourteen findings each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Table, insert

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence, Region
from inference.domain.instance import Attributes, Priority
from inference.domain.job import JobState, ModelId
from inference.domain.matching import date_key, folded
from inference.domain.reading import standing_of, turn_of
from inference.domain.result import Outcome, Result
from inference.domain.study import StudyState
from inference.persistence.catalog_tables import catalog_series, catalog_studies
from inference.persistence.codec import to_json
from inference.persistence.engine import Database
from inference.persistence.tables import jobs, results, studies, study_findings

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = ModelId("chest-fourteen", "1.0.0")
FINDINGS = [
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Fracture",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
]
_FAMILIES = [
    "Abel",
    "Braun",
    "Cohen",
    "Dorn",
    "Ebner",
    "Falk",
    "Grimm",
    "Hahn",
    "Imhof",
    "Jung",
    "Keller",
    "Lang",
    "Maier",
]
_GIVEN = [
    "Ada",
    "Ben",
    "Cora",
    "Dirk",
    "Elsa",
    "Finn",
    "Gerd",
    "Hugo",
    "Ida",
    "Jan",
    "Kim",
    "Lea",
    "Max",
]
_PARTS = ("CHEST", "ABDOMEN", "HEAD")
_MODALITIES = ("DX", "CR", "CT")


@dataclass(frozen=True, slots=True)
class _Read:
    """What the rows of one Study are made of."""

    uid: str
    attributes: Attributes
    result: Result
    at: datetime


def fill(database: Database, count: int, findings: int = 14) -> None:
    """Write `count` Studies with a Job and a result each; always the same ones."""
    rows: dict[Table, list[dict[str, object]]] = {
        each: []
        for each in (studies, study_findings, jobs, results, catalog_studies, catalog_series)
    }
    for number, each in enumerate(_read(count, findings), start=1):
        for table, row in _rows(number, each):
            rows[table].append(row)
    with database.writing() as connection:
        for table, held in rows.items():
            connection.execute(insert(table), held)


def _read(count: int, findings: int) -> Iterator[_Read]:
    chance = random.Random(7)
    for number in range(1, count + 1):
        uid = f"1.2.826.0.1.3680043.9.8.{number}"
        found = tuple(_finding(uid, name, chance) for name in FINDINGS[:findings])
        at = START + timedelta(seconds=37 * number)
        attributes = Attributes(
            patient_name=f"{chance.choice(_FAMILIES)}^{chance.choice(_GIVEN)}",
            patient_id=f"P-{number % (count // 2 + 1):06}",
            accession_number=f"A{number:07}",
            study_date=f"2026{1 + number % 12:02}{1 + number % 28:02}",
            study_description="Thorax",
            modality=_MODALITIES[number % 3],
            body_part=_PARTS[number % 7 % 3],
        )
        result = Result(uid, 1, MODEL, Outcome.ASSESSED, found, (), at, 0.4)
        yield _Read(uid, attributes, result, at)


def _finding(uid: str, name: str, chance: random.Random) -> Finding:
    certainty = chance.betavariate(0.5, 3)
    presence = Presence.PRESENT if certainty > 0.75 else Presence.ABSENT
    if presence is Presence.ABSENT and chance.random() < 0.01:
        presence = Presence.UNDETERMINED
    return Finding(
        finding=Code(name[:16].upper(), "99TEST", name),
        site=Code("LUNG", "99TEST", "Lung"),
        presence=presence,
        certainty=certainty,
        threshold=0.75,
        sop_instance_uid=f"{uid}.1.1",
        region=Region(((0.0, 0.0), (511.0, 0.0), (511.0, 511.0), (0.0, 511.0)), True),
        output=name,
    )


def _rows(number: int, read: _Read) -> Iterator[tuple[Table, dict[str, object]]]:
    of, said = read.attributes, read.result
    yield (
        studies,
        {
            "study_instance_uid": read.uid,
            "state": StudyState.STABLE,
            "revision": 1,
            "instances": 1,
            "priority": int(Priority.MEDIUM),
            "received_at": read.at,
            "quiet_until": read.at,
            "attributes": to_json(of),
            "body_part": of.body_part,
            "standing": standing_of([said]),
            "turn": turn_of([said]),
            "reviewed": False,
        },
    )
    for name, presence in {(each.finding.meaning, each.presence) for each in said.findings}:
        row = {"study_instance_uid": read.uid, "finding": name, "presence": presence}
        yield study_findings, row
    model = {"model_name": MODEL.name, "model_version": MODEL.version}
    common = {"job_id": number, "study_instance_uid": read.uid, "revision": 1, **model}
    times = {"enqueued_at": read.at, "due_at": read.at, "started_at": read.at}
    yield (
        jobs,
        {
            **common,
            **times,
            "finished_at": read.at,
            "rule": "all",
            "priority": int(Priority.MEDIUM),
            "instances": [f"{read.uid}.1.1"],
            "why": "",
            "state": JobState.DONE,
            "attempts": 1,
            "fence": 1,
            "worker": "",
            "error": "",
        },
    )
    yield (
        results,
        {
            **common,
            "outcome": said.outcome,
            "findings": to_json(said.findings),
            "refusals": [],
            "produced_at": said.produced_at,
            "seconds": said.seconds,
            "failed": False,
        },
    )
    yield catalog_studies, _catalogued(number, read)
    series: dict[str, object] = {
        each.name: "" for each in catalog_series.c if not each.nullable and not each.primary_key
    }
    yield (
        catalog_series,
        series
        | {
            "number": number,
            "study": number,
            "series_instance_uid": f"{read.uid}.1",
            "modality": of.modality,
            "instances": 1,
            "sop_classes": {},
        },
    )


def _catalogued(number: int, read: _Read) -> dict[str, object]:
    of = read.attributes
    row: dict[str, object] = {
        each.name: "" for each in catalog_studies.c if not each.nullable and not each.primary_key
    }
    return row | {
        "number": number,
        "study_instance_uid": read.uid,
        "patient_name": of.patient_name,
        "patient_name_key": folded(of.patient_name),
        "patient_id": of.patient_id,
        "accession_number": of.accession_number,
        "study_date": of.study_date,
        "study_date_key": date_key(of.study_date),
    }
