"""Workitems that ask this node for a reading: which they are, and how they become Jobs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from inference.domain import workitem as ups
from inference.domain.errors import InvalidWorkitem, UnknownModel
from inference.domain.instance import Instance, Priority
from inference.domain.job import Job, JobRequest, JobState
from inference.domain.study import StudyState
from inference.domain.workitem import DataSet, StepState, Workitem, code_of, element, items, text
from inference.domain.workitem_event import reports
from inference.domain.workitem_job import WorklistCodes
from inference.domain.workitem_state import canceled
from inference.intake.versions import Versions
from inference.ports import Clock, Index, JobQueue, Workitems

_log = logging.getLogger(__name__)

_RULE = "UPS-RS request"  # where a Job says by which rule it was made


class Requested:
    """A workitem asks this node when its workitem code names a model and its station is ours.

    Without a station it may be ours too. It becomes a Job as soon as its input is READY, and
    its Study is held here and stable; until then it waits, and anybody may claim it.
    """

    def __init__(
        self,
        *,
        workitems: Workitems,
        queue: JobQueue,
        index: Index,
        versions: Versions,
        codes: WorklistCodes,
        clock: Clock,
    ) -> None:
        self._workitems = workitems
        self._queue = queue
        self._index = index
        self._versions = versions
        self._codes = codes
        self._clock = clock

    def check(self, data: DataSet) -> None:
        """Raise `InvalidWorkitem` where this node is asked for what it will never do."""
        if not self._is_for_us(data):
            return
        name, names_us = self._asked(data), self._names_us(data)
        if not name and names_us:
            example = self._codes.model("cxr-pneumonia")
            raise InvalidWorkitem(
                "this station reads what ScheduledWorkitemCodeSequence names by a model and "
                f"coding scheme {example.scheme}, as ({example.value}, {example.scheme})"
            )
        if not name:
            return
        try:
            self._versions.active(name)
        except UnknownModel as error:
            raise InvalidWorkitem(str(error)) from error
        studies = _studies(data)
        if len(studies) != 1:
            raise InvalidWorkitem(
                "InputInformationSequence names the one Study that is to be read, "
                f"not {len(studies)}"
            )

    def take_up(self, item: Workitem) -> bool:
        """Make a Job of `item` if it is time; return whether it became one."""
        data = item.data
        name = self._asked(data) if self._is_for_us(data) else ""
        if not name or text(data, ups.READINESS) != "READY":
            return False
        studies = _studies(data)
        study = self._index.study(studies[0]) if len(studies) == 1 else None
        if study is None or study.state is not StudyState.STABLE:
            return False
        chosen = _chosen(data, self._index.instances(study.study_instance_uid))
        if not chosen:
            return False
        try:
            model, _ = self._versions.of_study(name, study.study_instance_uid)
        except UnknownModel:
            _log.warning("workitem %s: its model is gone", item.workitem_uid)
            return False
        request = JobRequest(
            study.study_instance_uid,
            study.revision,
            model,
            _RULE,
            Priority[text(data, ups.PRIORITY)],
            chosen,
        )
        now = self._clock.now()
        there = self._job(request)
        if there is not None and not set(chosen) <= set(there.request.instances):
            self._refuse(item, f"{there.request.model} has read other instances of this study")
            return False
        if there is not None and there.state is JobState.FAILED:
            self._queue.replay(there.job_id, now)
        taken = self._workitems.perform(item, request, now)
        if taken:
            _log.info("workitem %s is read by %s", item.workitem_uid, model)
        return taken

    def _is_for_us(self, data: DataSet) -> bool:
        return self._names_us(data) or not items(data, ups.STATIONS)

    def _names_us(self, data: DataSet) -> bool:
        # By whatever coding scheme: an AE title is often said by a local one.
        ours = self._codes.station.value
        return any(code_of(each).value == ours for each in items(data, ups.STATIONS))

    def _asked(self, data: DataSet) -> str:
        for each in items(data, ups.WORKITEM_CODE):
            if name := self._codes.asked_model(code_of(each)):
                return name
        return ""

    def _job(self, request: JobRequest) -> Job | None:
        """Return the Job that is there: one for each revision and name of a model."""
        name = request.model and request.model.name
        for each in self._queue.jobs(request.study_instance_uid, limit=1000):
            other = each.request
            if (
                other.revision == request.revision
                and not other.shadow
                and other.model
                and other.model.name == name
            ):
                return each
        return None

    def _refuse(self, item: Workitem, why: str) -> None:
        now = self._clock.now()
        begun = replace(item, state=StepState.IN_PROGRESS, modified_at=now)
        said = {ups.REASON_FOR_CANCELLATION: element("LT", why)}
        after = canceled(begun, said, now, self._codes.unspecified)
        self._workitems.replace(after, (*reports(item, begun), *reports(begun, after)))


def _studies(data: DataSet) -> tuple[str, ...]:
    found = [text(each, ups.STUDY_UID) for each in items(data, ups.INPUTS)]
    found = [each for each in found if each] or [text(data, ups.STUDY_UID)]
    return tuple(dict.fromkeys(each for each in found if each))


def _chosen(data: DataSet, held: Iterable[Instance]) -> tuple[str, ...]:
    """Return the Instances to read; none where some that are named have not come yet."""
    sources = [each for each in held if not each.attributes.made_by_wetread]
    by_uid = {each.sop_instance_uid: each.series_instance_uid for each in sources}
    uids = by_uid.keys()
    chosen: set[str] = set()
    for item in items(data, ups.INPUTS):
        named = {
            text(each, ups.REFERENCED_SOP_INSTANCE) for each in items(item, ups.REFERENCED_SOPS)
        }
        series = text(item, ups.SERIES_UID)
        if not named and series:
            named = {
                each.sop_instance_uid for each in sources if each.series_instance_uid == series
            }
            if not named:
                return ()
        if not named <= uids:
            return ()
        chosen |= named
    return tuple(
        each.sop_instance_uid for each in sources if each.sop_instance_uid in (chosen or uids)
    )
