"""A worklist without a node around it: the desk and the keeper over any repositories."""

from __future__ import annotations

from typing import Any

from inference.domain import workitem as ups
from inference.domain.workitem import DataSet, element
from inference.intake.requested import Requested
from inference.intake.versions import Versions
from inference.intake.worklist import WorklistDesk
from inference.intake.worklist_keeper import WorklistKeeper
from inference.ports import (
    Archive,
    Clock,
    Cursors,
    Index,
    JobQueue,
    Results,
    Workitems,
)
from structured_reports.worklist import worklist_codes
from tests.unit.intake.registry import NamedModels

AE_TITLE = "WETREAD"
SCHEME = "99WETREAD"
CODES = worklist_codes(AE_TITLE, lambda name: f"The model {name}")


class WorklistBench:
    """`models` are versions by name."""

    def __init__(
        self,
        *,
        workitems: Workitems,
        queue: JobQueue,
        index: Index,
        results: Results,
        cursors: Cursors,
        archive: Archive,
        clock: Clock,
        **models: str,
    ) -> None:
        self.registry = NamedModels(**models or {"chest": "1"})
        requested = Requested(
            workitems=workitems,
            queue=queue,
            index=index,
            versions=Versions(self.registry),
            codes=CODES,
            clock=clock,
        )
        self.desk = WorklistDesk(
            workitems=workitems,
            queue=queue,
            index=index,
            archive=archive,
            requested=requested,
            codes=CODES,
            clock=clock,
        )
        self.keeper = WorklistKeeper(
            workitems=workitems,
            index=index,
            results=results,
            cursors=cursors,
            requested=requested,
            codes=CODES,
            clock=clock,
            told=self.desk.ring,
        )


def coded(value: str, scheme: str = "99TEST") -> dict[str, Any]:
    """Return the item of a code sequence."""
    return {
        ups.CODE_VALUE: element("SH", value),
        ups.CODING_SCHEME: element("SH", scheme),
        ups.CODE_MEANING: element("LO", value),
    }


def new_step(**changes: Any) -> dict[str, Any]:
    """Return what makes a workitem: the values that it needs, and `changes` by tag."""
    return {
        ups.STATE: element("CS", "SCHEDULED"),
        ups.PRIORITY: element("CS", "MEDIUM"),
        ups.LABEL: element("LO", "Measure the liver"),
        ups.START: element("DT", "20260102120000+0000"),
        ups.READINESS: element("CS", "READY"),
        **changes,
    }


def reading_step(study: str, model: str = "chest", /, **changes: Any) -> dict[str, Any]:
    """Return what asks this node to read a Study."""
    return new_step(
        **{
            ups.LABEL: element("LO", f"Read by {model}"),
            ups.WORKITEM_CODE: element("SQ", coded(model, SCHEME)),
            ups.INPUTS: element("SQ", input_of(study)),
            **changes,
        }
    )


def input_of(study: str, *instances: str, series: str = "") -> dict[str, Any]:
    """Return an item of the Input Information Sequence."""
    item = {
        ups.STUDY_UID: element("UI", study),
        ups.TYPE_OF_INSTANCES: element("CS", "DICOM"),
    }
    if series:
        item[ups.SERIES_UID] = element("UI", series)
    if instances:
        references = [{ups.REFERENCED_SOP_INSTANCE: element("UI", uid)} for uid in instances]
        item[ups.REFERENCED_SOPS] = element("SQ", *references)
    return item


def performed_step(**changes: Any) -> DataSet:
    """Return what is due before a workitem is completed."""
    done = {
        ups.PERFORMED_STATIONS: element("SQ", coded("OTHER")),
        ups.PERFORMED_WORKITEM_CODE: element("SQ", coded("liver")),
        ups.PERFORMED_START: element("DT", "20260102120000+0000"),
        ups.PERFORMED_END: element("DT", "20260102120100+0000"),
        ups.OUTPUTS: element("SQ"),
    }
    return {ups.PERFORMED: element("SQ", {**done, **changes})}
