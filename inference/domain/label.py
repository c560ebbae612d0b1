"""What reviews make of images: labels from which a model can learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence
from inference.domain.job import ModelId
from inference.domain.review import Answer, Review, Reviewed, Verdict

CodeKey = tuple[str, str]  # scheme, value


@dataclass(frozen=True, slots=True)
class Label:
    """What is said of one concept in one place; `finding` is the AI's, None where it has none.

    `model` is that of the result that was reviewed. `presence` is None where nobody says.
    `why` tells then why not.
    """

    code: Code
    presence: Presence | None
    by: tuple[Review, ...]
    finding: Finding | None = None
    why: str = ""
    model: ModelId | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What is labelled: an image, or a Series as one (`is_series`), with its images in order."""

    study_instance_uid: str
    uid: str
    is_series: bool
    instances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A place with a label of each concept, and the Job that was reviewed last of it."""

    place: Place
    reviewed: Reviewed
    labels: dict[CodeKey, Label] = field(default_factory=dict)


def labelled(reviewed: Iterable[Reviewed]) -> tuple[Labelled, ...]:
    """Return every place that somebody said something of, in the order of the first review.

    Where several results are about a place, what was said of the newest one counts.
    `reviewed`: the oldest first.
    """
    found: dict[str, Labelled] = {}
    for each in reviewed:
        for place, label in _labels(each):
            before = found.get(place.uid)
            labels = before.labels if before else {}
            label = replace(label, model=each.result.model)
            found[place.uid] = Labelled(place, each, labels | {key_of(label.code): label})
    return tuple(found.values())


def key_of(code: Code) -> CodeKey:
    return code.scheme, code.value


def _labels(reviewed: Reviewed) -> Iterator[tuple[Place, Label]]:
    places: dict[str, Place] = {}
    said: dict[tuple[str, CodeKey], list[tuple[Finding, Answer]]] = {}
    more: dict[tuple[str, CodeKey], Label] = {}
    for found, answer in reviewed.answers():
        place = _place(found, reviewed)
        places[place.uid] = place
        if answer.by:
            said.setdefault((place.uid, key_of(found.finding)), []).append((found, answer))
        for each in answer.by:
            if each.right_finding is not None and each.finding is not None:
                _add(more, place.uid, each)
    for each in reviewed.reviews:
        # Of the whole result it can only be known where, if there is but one place.
        if each.finding is None and each.right_finding is not None and len(places) == 1:
            _add(more, next(iter(places)), each)
    for (uid, _), answers in said.items():
        yield places[uid], _merged(answers)
    for (uid, key), label in more.items():
        if (uid, key) not in said:
            yield places[uid], label


def _add(more: dict[tuple[str, CodeKey], Label], uid: str, review: Review) -> None:
    assert review.right_finding is not None
    key = (uid, key_of(review.right_finding))
    before = more.get(key)
    by = (*before.by, review) if before else (review,)
    more[key] = Label(review.right_finding, Presence.PRESENT, by)


def _merged(answers: Sequence[tuple[Finding, Answer]]) -> Label:
    """Return one label for all Findings of one concept in one place, as boxes are.

    It is there if one of them is; it is absent only if everybody says so of all.
    """
    surest = max((found for found, _ in answers), key=lambda found: found.certainty)
    by = tuple(dict.fromkeys(review for _, answer in answers for review in answer.by))
    label = Label(surest.finding, None, by, surest)
    if any(answer.presence is Presence.PRESENT for _, answer in answers):
        return replace(label, presence=Presence.PRESENT)
    if any(answer.contested for _, answer in answers):
        return replace(label, why="people contradict each other")
    if all(answer.presence is Presence.ABSENT for _, answer in answers):
        return replace(label, presence=Presence.ABSENT)
    if any(answer.presence is not None for _, answer in answers):
        return replace(label, why="undetermined")
    if any(each.verdict is Verdict.NOT_ASSESSABLE for each in by):
        return replace(label, why="not assessable")
    return replace(label, why="nobody says what it is")


def _place(found: Finding, reviewed: Reviewed) -> Place:
    study = reviewed.result.study_instance_uid
    if found.series_instance_uid:
        # Which of them are of the Series, the index knows.
        return Place(study, found.series_instance_uid, True, reviewed.job.request.instances)
    return Place(study, found.sop_instance_uid, False, (found.sop_instance_uid,))
