"""Does an Instance meet a model's needs, and is the patient one of its population?"""

from __future__ import annotations

from inference.domain.finding import Region
from inference.domain.instance import Attributes, Instance
from inference.domain.manifest import BurnedIn, Manifest, Policy
from inference.domain.refusal import Reason, Refusal

_SEEN_IN_PIXELS = (Reason.BODY_PART_UNKNOWN, Reason.VIEW_UNKNOWN)


def refusals(manifest: Manifest, instance: Instance) -> tuple[Refusal, ...]:
    """Return why the model must not read `instance`; empty if it may."""
    attributes = instance.attributes
    needs = manifest.needs
    found = [
        _refuse(
            reason, instance, f"{label} is {value}; {manifest.model.name} reads {_or(accepted)}"
        )
        for reason, label, value, accepted in (
            (Reason.WRONG_MODALITY, "Modality", attributes.modality, needs.modality),
            (Reason.WRONG_BODY_PART, "Body Part Examined", attributes.body_part, needs.body_part),
            (Reason.WRONG_VIEW, "View Position", attributes.view, needs.view),
        )
        if accepted and value and value.upper() not in {each.upper() for each in accepted}
    ]
    if needs.modality and not attributes.modality:
        found.append(_refuse(Reason.WRONG_MODALITY, instance, "Modality is absent"))
    if needs.body_part_known and not attributes.body_part:
        found.append(
            _refuse(
                Reason.BODY_PART_UNKNOWN,
                instance,
                f"the header gives no body part; {manifest.model.name} reads "
                f"{_or(needs.body_part)} alone",
            )
        )
    if not attributes.has_pixels:
        found.append(_refuse(Reason.NO_PIXELS, instance, "the Instance holds no pixel data"))
    elif attributes.frames > 1:
        found.append(
            _refuse(
                Reason.MULTI_FRAME,
                instance,
                f"the image has {attributes.frames} frames; "
                f"{manifest.model.name} reads single images",
            )
        )
    elif attributes.rows < needs.minimum_rows or attributes.columns < needs.minimum_columns:
        found.append(
            _refuse(
                Reason.TOO_SMALL,
                instance,
                f"the image has {attributes.rows} rows and {attributes.columns} columns; "
                f"{manifest.model.name} needs {needs.minimum_rows} and {needs.minimum_columns}",
            )
        )
    population = manifest.population
    doubtful = _outside(manifest, attributes) if population.outside is Policy.REFUSE else ()
    unknown = _unknown(manifest, attributes) if population.unknown is Policy.REFUSE else ()
    found.extend(_refuse(reason, instance, detail) for reason, detail in (*doubtful, *unknown))
    if needs.burned_in is BurnedIn.REFUSE:
        found.extend(burned_in(manifest, instance, None))
    return tuple(found)


def burned_in(manifest: Manifest, instance: Instance, text: Region | None) -> tuple[Refusal, ...]:
    """Return one Refusal if text is burned into the image, unless the model accepts it.

    `text` is where it was seen in the pixels; None where it was not, or where none looked.
    """
    told = instance.attributes.burned_in_annotation is True
    if manifest.needs.burned_in is BurnedIn.ACCEPT or not (told or text):
        return ()
    said = []
    if told:
        said.append("the header says that text is burned in (Burned In Annotation is YES)")
    if text:
        columns, rows = zip(*text.points, strict=True)
        said.append(
            f"by its pixels there is text in columns {min(columns):.0f} to {max(columns):.0f}, "
            f"rows {min(rows):.0f} to {max(rows):.0f}"
        )
    detail = f"{'; '.join(said)}; {manifest.model.name} may follow it"
    return (_refuse(Reason.BURNED_IN, instance, detail),)


def doubts(
    manifest: Manifest,
    instance: Instance,
    *,
    recognised: bool = False,
    text: Region | None = None,
) -> tuple[Refusal, ...]:
    """Return why the model's answer on `instance` decides nothing; empty if it does.

    `recognised`: a gate saw in the pixels what the header may leave open. `text`: where text
    was seen in them.
    """
    population = manifest.population
    found: list[tuple[Reason, str]] = []
    if population.outside is Policy.FLAG:
        found.extend(_outside(manifest, instance.attributes))
    if population.unknown is Policy.FLAG:
        found.extend(
            (reason, detail)
            for reason, detail in _unknown(manifest, instance.attributes)
            if not recognised or reason not in _SEEN_IN_PIXELS
        )
    of_text = manifest.needs.burned_in is BurnedIn.FLAG
    return (
        *(_refuse(reason, instance, detail) for reason, detail in found),
        *(burned_in(manifest, instance, text) if of_text else ()),
    )


def _outside(manifest: Manifest, attributes: Attributes) -> tuple[tuple[Reason, str], ...]:
    ages = manifest.population.age_years
    age = attributes.patient_age_years
    # An age in whole years means the time up to the next birthday.
    if ages is None or age is None or ages[0] <= age < ages[1] + 1:
        return ()
    return (
        (
            Reason.AGE_OUTSIDE,
            f"the patient is {age:.0f} years old; {manifest.model.name} learned from "
            f"patients of {ages[0]:g} to {ages[1]:g} years",
        ),
    )


def _unknown(manifest: Manifest, attributes: Attributes) -> tuple[tuple[Reason, str], ...]:
    found: list[tuple[Reason, str]] = []
    if manifest.population.age_years is not None and attributes.patient_age_years is None:
        found.append((Reason.AGE_UNKNOWN, "the header gives neither Patient's Age nor birth date"))
    if manifest.needs.body_part and not attributes.body_part:
        found.append((Reason.BODY_PART_UNKNOWN, "the header gives no Body Part Examined"))
    if manifest.needs.view and not attributes.view:
        found.append((Reason.VIEW_UNKNOWN, "the header gives no View Position"))
    return tuple(found)


def _refuse(reason: Reason, instance: Instance, detail: str) -> Refusal:
    return Refusal(reason, detail, instance.sop_instance_uid)


def _or(values: tuple[str, ...]) -> str:
    """Return the values as part of a sentence; a long list is cut, the manifest has it all."""
    if len(values) > 4:
        return f"{', '.join(values[:3])} or {len(values) - 3} others"
    return " or ".join(values)
