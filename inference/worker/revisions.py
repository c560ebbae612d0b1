"""In which order the revisions of a Study are read."""

from __future__ import annotations

from inference.domain.job import JobRequest, JobState
from inference.ports import JobQueue


def earlier_is_read(queue: JobQueue, request: JobRequest) -> bool:
    """Is an earlier revision read just now, whose report that of `request` is to name?"""
    if request.shadow or request.revision == 1:
        return False
    return any(
        each.request.revision < request.revision
        and _name(each.request) == _name(request)
        and not each.request.shadow
        for each in queue.jobs(request.study_instance_uid, JobState.RUNNING)
    )


def _name(request: JobRequest) -> str:
    return request.model.name if request.model else ""
