"""A Job as a workitem: what it says of itself, and how it follows its Job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from inference.domain import workitem as ups
from inference.domain.code import Code
from inference.domain.instance import Instance
from inference.domain.job import Job, JobState, ModelId
from inference.domain.refusal import Reason
from inference.domain.result import Result, ResultObject
from inference.domain.study import Study
from inference.domain.uid import derive_uid
from inference.domain.workitem import (
    DataSet,
    StepState,
    Workitem,
    code_item,
    date_time,
    element,
)
from inference.domain.workitem_attributes import new_data
from inference.domain.workitem_state import canceled

_LONGEST_LABEL: Final = 64  # characters, LO
_LONGEST_DESCRIPTION: Final = 1024  # characters, ST
_BEGUN = (JobState.RUNNING, JobState.DONE, JobState.REFUSED, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class WorklistCodes:
    """The coded concepts of the worklist.

    `station` is this node. `model` makes the code that asks for a model, of its name;
    `asked_model` returns the name that such a code asks for, "" where it asks for none.
    `unspecified` is the reason of whoever cancels without one.
    """

    station: Code
    model: Callable[[str], Code]
    asked_model: Callable[[Code], str]
    reason: Callable[[Reason], Code]
    unspecified: Code


def workitem_of(
    job: Job,
    study: Study | None,
    codes: WorklistCodes,
    at: datetime,
    read: Sequence[DataSet] = (),
) -> Workitem:
    """Return the workitem that the node makes for a Job of its own.

    A Job that is queued anew is another workitem: a final state is final. `read` are its
    `inputs`, where they are so few that they are kept with it.
    """
    request = job.request
    name = request.model.name if request.model else ""
    uid = derive_uid(
        "workitem",
        request.study_instance_uid,
        request.revision,
        name,
        job.enqueued_at.isoformat(),
    )
    said = {
        ups.PRIORITY: element("CS", request.priority.name),
        ups.LABEL: element("LO", _label(request.model)),
        ups.START: element("DT", date_time(job.enqueued_at)),
        ups.READINESS: element("CS", "READY"),
        ups.STATE: element("CS", StepState.SCHEDULED.value),
        ups.STATIONS: element("SQ", code_item(codes.station)),
        ups.STUDY_UID: element("UI", request.study_instance_uid),
        **_patient(study),
        ups.REQUESTS: element("SQ", _request(request.study_instance_uid, study)),
    }
    if read:
        said[ups.INPUTS] = element("SQ", *read)
    if name:
        said[ups.WORKITEM_CODE] = element("SQ", code_item(codes.model(name)))
    data, _ = new_data(said, codes.station.value, at)
    return Workitem(uid, StepState.SCHEDULED, data, at, at, job_id=job.job_id, own=True)


def followed(
    item: Workitem, job: Job, result: Result | None, codes: WorklistCodes, at: datetime
) -> tuple[Workitem, ...]:
    """Return what `item` becomes, step by step, until it says what its Job does.

    An ended Job comes with its `result`.
    """
    return tuple(_followed(item, job, result, codes, at))


def _followed(
    item: Workitem, job: Job, result: Result | None, codes: WorklistCodes, at: datetime
) -> Iterator[Workitem]:
    if item.state.is_final or (job.attempts == 0 and job.state not in _BEGUN):
        return
    if item.state is StepState.SCHEDULED:
        item = replace(item, state=StepState.IN_PROGRESS)
        item = _with(item, at, 0, _words(job), _performed(item, job, None, codes))
        yield item
    if job.state in (JobState.QUEUED, JobState.RUNNING):
        said = ups.text(_first(item, ups.PROGRESS_INFORMATION), ups.PROGRESS_DESCRIPTION)
        if said != _words(job):
            yield _with(item, at, 0, _words(job), _performed(item, job, None, codes))
        return
    if result is None:
        return  # queued anew in this very moment
    item = _with(item, at, 100, _words(job), _performed(item, job, result, codes))
    if job.state is JobState.DONE:
        yield replace(item, state=StepState.COMPLETED)
        return
    details = "; ".join(dict.fromkeys(each.detail for each in result.refusals))
    reasons = dict.fromkeys(codes.reason(each.reason) for each in result.refusals)
    why = {
        ups.REASON_FOR_CANCELLATION: element("LT", (details or job.error)[:_LONGEST_DESCRIPTION]),
        ups.DISCONTINUATION_REASON: element("SQ", *map(code_item, reasons)),
    }
    yield canceled(item, why, at, codes.unspecified)


def _with(item: Workitem, at: datetime, percent: int, words: str, performed: Any) -> Workitem:
    progress = {
        ups.PROGRESS: element("DS", percent),
        ups.PROGRESS_DESCRIPTION: element("ST", words[:_LONGEST_DESCRIPTION]),
    }
    data = {
        **item.data,
        ups.PROGRESS_INFORMATION: element("SQ", progress),
        ups.PERFORMED: element("SQ", performed),
    }
    return replace(item, data=dict(sorted(data.items())), modified_at=at)


def _first(item: Workitem, tag: str) -> DataSet:
    return next(iter(ups.items(item.data, tag)), {})


def _words(job: Job) -> str:
    if job.state is JobState.QUEUED:
        return f"attempt {job.attempts} broke; the next one waits: {job.error}"
    if job.state is JobState.RUNNING:
        return f"attempt {job.attempts}"
    return {JobState.DONE: "assessed", JobState.REFUSED: "not assessed"}.get(job.state, "failed")


def _performed(
    item: Workitem, job: Job, result: Result | None, codes: WorklistCodes
) -> dict[str, Any]:
    """Return the item of the Performed Procedure Sequence (PS3.3 Table C.30.3-1)."""
    said = {
        ups.PERFORMED_STATIONS: element("SQ", code_item(codes.station)),
        ups.PERFORMED_WORKITEM_CODE: item.data.get(ups.WORKITEM_CODE, element("SQ")),
        ups.OUTPUTS: element("SQ"),
    }
    if job.started_at is not None:
        said[ups.PERFORMED_START] = element("DT", date_time(job.started_at))
    if result is not None:
        said[ups.PERFORMED_END] = element("DT", date_time(result.produced_at))
        said[ups.OUTPUTS] = element("SQ", *outputs(result.objects, codes))
    return dict(sorted(said.items()))


def outputs(objects: Iterable[ResultObject], codes: WorklistCodes) -> tuple[DataSet, ...]:
    """Return the result's objects, an item for each Series."""
    by_series: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for each in objects:
        series = by_series.setdefault((each.study_instance_uid, each.series_instance_uid), [])
        series.append((each.sop_class_uid, each.sop_instance_uid))
    return tuple(_referenced(*uids, sops, codes) for uids, sops in by_series.items())


def inputs(
    uids: Sequence[str], held: Iterable[Instance], codes: WorklistCodes
) -> tuple[DataSet, ...]:
    """Return what a Job reads, an item for each Series."""
    wanted = frozenset(uids)
    by_series: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for each in held:
        if each.sop_instance_uid in wanted:
            series = by_series.setdefault((each.study_instance_uid, each.series_instance_uid), [])
            series.append((each.description.sop_class_uid, each.sop_instance_uid))
    return tuple(_referenced(*named, sops, codes) for named, sops in by_series.items())


def _referenced(
    study: str, series: str, sops: Iterable[tuple[str, str]], codes: WorklistCodes
) -> DataSet:
    """Return an item of PS3.3 Table 10-3b. Its URL is relative to that of the service."""
    ae_title = element("AE", codes.station.value)
    url = element("UR", f"studies/{study}/series/{series}")
    return {
        ups.REFERENCED_SOPS: element(
            "SQ",
            *(
                {
                    ups.REFERENCED_SOP_CLASS: element("UI", sop_class),
                    ups.REFERENCED_SOP_INSTANCE: element("UI", sop_instance),
                }
                for sop_class, sop_instance in sops
            ),
        ),
        ups.STUDY_UID: element("UI", study),
        ups.SERIES_UID: element("UI", series),
        ups.TYPE_OF_INSTANCES: element("CS", "DICOM"),
        ups.DICOM_RETRIEVAL: element("SQ", {ups.RETRIEVE_AE_TITLE: ae_title}),
        ups.WADO_RETRIEVAL: element("SQ", {ups.RETRIEVE_URL: url}),
    }


def _label(model: ModelId | None) -> str:
    return f"Read by {model}"[:_LONGEST_LABEL] if model else "No model reads this study"


def _patient(study: Study | None) -> dict[str, Any]:
    if study is None:
        return {}
    of = study.attributes
    groups = ("Alphabetic", "Ideographic", "Phonetic")
    name = {group: text for group, text in zip(groups, of.patient_name.split("="), strict=False)}
    said = {
        ups.PATIENT_ID: ("LO", of.patient_id),
        ups.PATIENT_BIRTH_DATE: ("DA", of.patient_birth_date),
        ups.PATIENT_SEX: ("CS", of.patient_sex),
    }
    patient = {tag: element(vr, value) for tag, (vr, value) in said.items() if value}
    if of.patient_name:
        patient[ups.PATIENT_NAME] = element("PN", {k: v for k, v in name.items() if v})
    return patient


def _request(study_instance_uid: str, study: Study | None) -> DataSet:
    said = {ups.STUDY_UID: element("UI", study_instance_uid)}
    of = study.attributes if study else None
    if of and of.accession_number:
        said[ups.ACCESSION_NUMBER] = element("SH", of.accession_number)
    if of and of.requested_procedure_id:
        said[ups.REQUESTED_PROCEDURE_ID] = element("SH", of.requested_procedure_id)
    return dict(sorted(said.items()))
