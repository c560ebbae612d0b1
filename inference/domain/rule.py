"""Rules: which model reads which Series."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inference.domain.instance import Instance, Priority


@dataclass(frozen=True, slots=True)
class Awaited:
    """A Series that a Study needs to be complete: description (regex), modality, count."""

    series_description: str = ""
    modality: str = ""
    instances: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """An empty condition accepts all; lists are compared in upper case.

    `series_description` and `study_description` are regular expressions, searched without
    regard to case. `priority` None leaves the C-STORE request's own.
    """

    name: str
    model: str
    modality: tuple[str, ...] = ()
    sop_class_uid: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    series_description: str = ""
    study_description: str = ""
    calling_ae: tuple[str, ...] = ()
    priority: Priority | None = None
    waits_for: tuple[Awaited, ...] = ()


def objection(rule: Rule, instance: Instance) -> str:
    """Return why `rule` does not take `instance`, as a sentence; "" if it does."""
    attributes = instance.attributes
    lists = (
        ("Modality", attributes.modality, rule.modality),
        ("SOP Class UID", instance.description.sop_class_uid, rule.sop_class_uid),
        ("Body Part Examined", attributes.body_part, rule.body_part),
        ("View Position", attributes.view, rule.view),
        ("calling AE title", instance.origin.calling_ae, rule.calling_ae),
    )
    for name, value, accepted in lists:
        if accepted and value.upper() not in {each.upper() for each in accepted}:
            return f"{name} is {value or 'absent'}, not {' or '.join(accepted)}"
    patterns = (
        ("Series Description", attributes.series_description, rule.series_description),
        ("Study Description", attributes.study_description, rule.study_description),
    )
    for name, value, pattern in patterns:
        if pattern and not re.search(pattern, value, re.IGNORECASE):
            return f"{name} {value!r} does not match {pattern!r}"
    return ""
