"""All cases through the pipeline that serves, and what came of them into the results file."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from queue import Queue

from inference.domain.errors import ModelFailed
from inference.domain.finding import Finding
from inference.domain.instance import Instance, Priority
from inference.domain.job import JobRequest
from inference.domain.manifest import Output
from inference.domain.refusal import Reason, Refusal
from inference.ports import Evidence, Files, Model, PixelReader
from inference.validation.case import Case
from inference.validation.opener import Opener, age_in_years
from inference.validation.prefetch import Batch, Opened, Prefetch
from inference.validation.record import Record, ResultsFile
from inference.worker.reading import Reader, Reading

BATCH = 8  # images; as many as the Reader hands to the model at once
UNREADABLE = "unreadable file"  # serving would quarantine it at the door

MakeReader = Callable[[Files, PixelReader], Reader]  # as serving makes its own


@dataclass(frozen=True, slots=True)
class Lane:
    """A model, and the Reader that serves with it; two lanes share neither."""

    model: Model
    make_reader: MakeReader = Reader


def run(
    lanes: Sequence[Lane],
    output: Output,
    cases: Sequence[Case],
    opener: Opener,
    results: ResultsFile,
    *,
    workers: int,
    at: datetime,
    advance: Callable[[int], None] = lambda done: None,
) -> None:
    """Read the cases that `results` does not hold yet. `advance` hears how many were done."""
    todo = [case for case in cases if results.find(case) is None]
    advance(len(cases) - len(todo))
    free: Queue[Lane] = Queue()
    for lane in lanes:
        free.put(lane)

    def read(batch: Batch) -> list[Record]:
        lane = free.get()
        try:
            return _read(lane, output, batch, at)
        finally:
            free.put(lane)

    under_way: deque[Future[list[Record]]] = deque()

    def take() -> None:
        records = under_way.popleft().result()
        results.append(records)
        advance(len(records))

    with Prefetch(opener, workers) as ahead, ThreadPoolExecutor(len(lanes)) as pool:
        for batch in ahead.batches(todo, _together(todo)):
            under_way.append(pool.submit(read, batch))
            if len(under_way) > len(lanes):
                take()
        while under_way:
            take()


def explain(
    lane: Lane,
    cases: Sequence[Case],
    opener: Opener,
    *,
    workers: int,
    at: datetime,
) -> Iterator[tuple[Case, Evidence]]:
    """Read the cases once more, with heat maps; leave out what was refused."""
    model = lane.model
    with Prefetch(opener, workers) as ahead:
        for batch in ahead.batches(cases, _together(cases)):
            reader = lane.make_reader(batch, batch)
            instances = [instance for each in batch.opened for instance in each.instances]
            try:
                reading = reader.read(_request(model), model, instances, at)
            except ModelFailed:
                continue  # a report without these pictures is still a report
            shown = {
                each.instance.key: each for each in reading.evidence if each.picture is not None
            }
            for each in batch.opened:
                keys = [instance.key for instance in each.instances if instance.key in shown]
                if keys:
                    yield each.case, shown[keys[0]]


def _read(lane: Lane, output: Output, batch: Batch, at: datetime) -> list[Record]:
    started = time.perf_counter()
    reader = lane.make_reader(batch, batch)
    findings: list[Finding] = []
    refusals: list[Refusal] = []
    for reading in _readings(reader, lane.model, [each.instances for each in batch.opened], at):
        findings.extend(reading.result.findings)
        refusals.extend(reading.result.refusals)
    counted = sum(bool(each.instances) for each in batch.opened)
    seconds = (time.perf_counter() - started) / max(1, counted)
    records = []
    for each in batch.opened:
        uids = {instance.sop_instance_uid for instance in each.instances}
        found = [
            finding
            for finding in findings
            if finding.sop_instance_uid in uids
            and (finding.finding, finding.site) == (output.finding, output.site)
        ]
        refused = [refusal for refusal in refusals if refusal.sop_instance_uid in uids]
        # A detector's case is as certain as its surest box; a refusal counts if it is the first.
        finding = max(found, key=lambda finding: finding.certainty, default=None)
        records.append(_record(each, finding, refused[0] if refused else None, seconds))
    return records


def _readings(
    reader: Reader, model: Model, cases: Sequence[tuple[Instance, ...]], at: datetime
) -> Iterator[Reading]:
    """Read together, or case by case where the model breaks on one of them."""
    request = _request(model)
    instances = [instance for case in cases for instance in case]
    try:
        yield reader.read(request, model, instances, at, explain=False)
    except ModelFailed as error:
        if len(cases) > 1:
            for case in cases:
                yield from _readings(reader, model, [case], at)
            return
        # What serving says when the last attempt fails.
        refusal = Refusal(Reason.PROCESSING_FAILED, str(error), instances[0].sop_instance_uid)
        yield reader.decline(request, instances, refusal, at, failed=True)


def _record(
    opened: Opened, finding: Finding | None, refusal: Refusal | None, seconds: float
) -> Record:
    case = opened.case
    instance = opened.instances[0] if opened.instances else None
    told = case.columns
    header = instance.attributes if instance else None
    age = age_in_years(told.get("age", ""))
    if age is None and header:
        age = header.patient_age_years
    view = told.get("view", "").upper()
    if not view and header and header.view and instance and instance.description.sop_class_uid:
        view = header.view  # a plain image's view is assumed, and says nothing
    return Record(
        file=case.file,
        fingerprint=case.fingerprint,
        positive=case.positive,
        patient_id=case.patient_id or (header.patient_id if header else ""),
        certainty=finding.certainty if finding else None,
        presence=finding.presence.value if finding else "",
        reason="" if finding else (refusal.reason.value if refusal else UNREADABLE),
        detail="" if finding else (refusal.detail if refusal else opened.why),
        age=age,
        sex=told.get("sex", "").upper() or (header.patient_sex if header else ""),
        view=view,
        manufacturer=told.get("manufacturer", "") or (header.manufacturer if header else ""),
        source=told.get("source", ""),
        read_seconds=round(opened.seconds, 6),
        model_seconds=round(seconds if instance else 0.0, 6),
    )


def _together(cases: Sequence[Case]) -> int:
    """Return how many cases to open at once: a Series alone, since it may be large."""
    return 1 if any(case.path.is_dir() for case in cases) else BATCH


def _request(model: Model) -> JobRequest:
    return JobRequest("", 1, model.manifest.model, "validation", Priority.LOW, ())
