"""The parts of the content tree that every report has (PS3.16 TID 1500)."""

from __future__ import annotations

from collections.abc import Sequence

import highdicom as hd
from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    CompositeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    ObserverContext,
    RelationshipTypeValues,
    TextContentItem,
)
from highdicom.sr.templates import DEFAULT_LANGUAGE
from pydicom.sr.coding import Code

from structured_reports import concepts
from structured_reports.device import Device
from structured_reports.source import Source

CONTAINS = RelationshipTypeValues.CONTAINS
HAS_CONCEPT_MOD = RelationshipTypeValues.HAS_CONCEPT_MOD
INFERRED_FROM = RelationshipTypeValues.INFERRED_FROM


def root(
    title: Code, device: Device, procedures: Sequence[Code], children: Sequence[ContentItem]
) -> ContainerContentItem:
    """Return the document of TID 1500: rows 1 to 4, then `children`."""
    # Viewers that show text give each item of a SEPARATE container a line and its name.
    container = ContainerContentItem(name=title, template_id="1500", is_content_continuous=False)
    content = ContentSequence(is_root=False)
    content.extend(LanguageOfContentItemAndDescendants(DEFAULT_LANGUAGE))  # row 2, TID 1204
    content.extend(observer(device))  # row 3, TID 1001
    for procedure in procedures:  # row 4
        content.append(
            CodeContentItem(
                name=concepts.PROCEDURE_REPORTED,
                value=procedure,
                relationship_type=HAS_CONCEPT_MOD,
            )
        )
    content.extend(children)
    container.ContentSequence = content
    return container


def observer(device: Device) -> ObserverContext:
    """Return TID 1002 with the Device of TID 1004."""
    return ObserverContext(
        observer_type=concepts.DEVICE,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=hd.UID(device.uid),
            name=device.name,
            manufacturer_name=device.manufacturer,
            model_name=device.model_name,
            serial_number=device.serial_number,
        ),
    )


def algorithm(device: Device, parameters: Sequence[str] = ()) -> AlgorithmIdentification:
    """Return TID 4019."""
    return AlgorithmIdentification(
        name=device.model_name,
        version=device.version,
        parameters=list(parameters) or None,
        manufacturer=device.manufacturer,
        family=concepts.ARTIFICIAL_INTELLIGENCE,
    )


def procedures_of(sources: Sequence[Source]) -> list[Code]:
    """Return what was done, each once (TID 1500 row 4)."""
    found = [each.procedure or concepts.procedure_code(each.modality) for each in sources]
    return list(dict.fromkeys(found)) or [concepts.procedure_code("")]


def container(name: Code, children: Sequence[ContentItem]) -> ContainerContentItem:
    item = ContainerContentItem(name=name, relationship_type=CONTAINS, is_content_continuous=False)
    item.ContentSequence = ContentSequence(children)
    return item


def code(name: Code, value: Code, children: Sequence[ContentItem] = ()) -> CodeContentItem:
    item = CodeContentItem(name=name, value=value, relationship_type=CONTAINS)
    if children:
        item.ContentSequence = ContentSequence(children)
    return item


def text(name: Code, value: str) -> TextContentItem:
    return TextContentItem(name=name, value=value, relationship_type=CONTAINS)


def reference(source: Source) -> ContentItem:
    """Return a reference to the Instance from which something was inferred.

    An IMAGE may only name an image (PS3.3 C.18.4); a report or a document can be refused too.
    """
    kind = ImageContentItem if source.is_image else CompositeContentItem
    return kind(
        name=concepts.SOURCE,
        referenced_sop_class_uid=source.sop_class_uid,
        referenced_sop_instance_uid=source.sop_instance_uid,
        relationship_type=INFERRED_FROM,
    )
