"""The rule book: which models read a Study, and why none does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from inference.domain.errors import SettingsError, UnknownModel
from inference.domain.instance import Instance, Priority
from inference.domain.job import JobRequest, ModelId
from inference.domain.rule import Awaited, Rule, objection
from inference.domain.study import Study
from inference.intake.versions import Versions
from inference.ports import ModelRegistry, Rollouts

_QUOTED = 3  # different objections of one rule in a sentence


@dataclass(slots=True)
class _Reading:
    """What the rules want of one model."""

    model: ModelId
    shadow: ModelId | None
    priority: Priority
    rules: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)


class RuleBook:
    """The rules in their order. Raises `SettingsError` where one is not a regular expression."""

    def __init__(
        self, rules: Sequence[Rule], registry: ModelRegistry, rollouts: Rollouts | None = None
    ) -> None:
        self._rules = tuple(rules)
        self._versions = Versions(registry, rollouts)
        for rule in self._rules:
            for pattern in _patterns(rule):
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise SettingsError(
                        f"Rule {rule.name}: {pattern!r} is not a regular expression: {error}."
                    ) from error

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self._rules

    @property
    def awaits(self) -> bool:
        """Does any rule wait for Series?"""
        return any(rule.waits_for for rule in self._rules)

    def requests(self, study: Study, instances: Sequence[Instance]) -> tuple[JobRequest, ...]:
        """Return the Jobs for the next revision of `study`: one for each model, at least one.

        Rules that name the same model share its Job, which reads what any of them takes. A
        version in shadow reads the same, when there is nothing more urgent to do. Of a Study
        that lacks what retention took away nothing is read: an answer on the rest would stand
        in the place of the one that there is. Raises `RepositoryUnavailable`.
        """
        sources = _sources(instances)
        if study.removed:
            return (_unread(study, sources, _why_incomplete(study)),)
        readings: dict[str, _Reading] = {}
        objections: list[str] = []
        for rule in self._rules:
            taken = [each for each in sources if not objection(rule, each)]
            if not taken:
                objections.append(_objections(rule, sources))
                continue
            priority = study.priority if rule.priority is None else rule.priority
            reading = readings.get(rule.model)
            if reading is None:
                try:
                    chosen = self._versions.of_study(rule.model, study.study_instance_uid)
                except UnknownModel as error:
                    objections.append(f"{rule.name}: {error}")
                    continue
                reading = readings[rule.model] = _Reading(*chosen, priority)
            reading.priority = max(reading.priority, priority)
            reading.rules.append(rule.name)
            reading.taken.update(each.sop_instance_uid for each in taken)
        revision = study.revision + 1
        if not readings:
            return (_unread(study, sources, _why(objections)),)
        shown = [
            JobRequest(
                study.study_instance_uid,
                revision,
                reading.model,
                ", ".join(reading.rules),
                reading.priority,
                tuple(
                    each.sop_instance_uid
                    for each in sources
                    if each.sop_instance_uid in reading.taken
                ),
            )
            for reading in readings.values()
        ]
        shadows = [
            replace(request, model=reading.shadow, priority=Priority.LOW, shadow=True)
            for request, reading in zip(shown, readings.values(), strict=True)
            if reading.shadow is not None
        ]
        return (*shown, *shadows)

    def is_complete(self, instances: Sequence[Instance]) -> bool:
        """Has a rule that takes some of `instances` all the Series that it waits for?"""
        sources = _sources(instances)
        return any(
            rule.waits_for
            and all(_arrived(awaited, sources) for awaited in rule.waits_for)
            and any(not objection(rule, each) for each in sources)
            for rule in self._rules
        )

    def explain(self, instance: Instance) -> list[tuple[Rule, str]]:
        """Return each rule with its objection to `instance`, "" where it takes it."""
        return [(rule, objection(rule, instance)) for rule in self._rules]


def _unread(study: Study, sources: Iterable[Instance], why: str) -> JobRequest:
    return JobRequest(
        study.study_instance_uid,
        study.revision + 1,
        model=None,
        rule="",
        priority=study.priority,
        instances=tuple(each.sop_instance_uid for each in sources),
        why=why,
    )


def _why_incomplete(study: Study) -> str:
    return (
        f"{study.gone} Send the whole study again, and it is read; the result that there is "
        "stays until then."
    )


def _sources(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    return tuple(each for each in instances if not each.attributes.made_by_wetread)


def _arrived(awaited: Awaited, instances: Iterable[Instance]) -> bool:
    """Is there one Series that fits, with enough Instances?"""
    counts: dict[str, int] = {}
    for each in instances:
        attributes = each.attributes
        if awaited.modality and attributes.modality.upper() != awaited.modality.upper():
            continue
        if re.search(awaited.series_description, attributes.series_description, re.IGNORECASE):
            counts[each.series_instance_uid] = counts.get(each.series_instance_uid, 0) + 1
    return max(counts.values(), default=0) >= max(awaited.instances, 1)


def _objections(rule: Rule, instances: Iterable[Instance]) -> str:
    different = list(dict.fromkeys(objection(rule, each) for each in instances))
    quoted = different[:_QUOTED]
    if len(different) > _QUOTED:
        quoted.append(f"and {len(different) - _QUOTED} more")
    return f"{rule.name}: {', '.join(quoted) or 'there is nothing to read'}"


def _why(objections: Sequence[str]) -> str:
    if not objections:
        return "No rule is set up."
    return f"No rule takes this study. {'; '.join(objections)}."


def _patterns(rule: Rule) -> Iterable[str]:
    yield rule.series_description
    yield rule.study_description
    for awaited in rule.waits_for:
        yield awaited.series_description
