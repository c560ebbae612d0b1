"""The templates of PS3.16 that our reports follow, row by row, and a checker for them.

dciodvfy checks the IOD of a report and no template. This checks our profile of TID 1500: the
rows below and no others, with relationship, value type, multiplicity and coded values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

Triple = tuple[str, str]  # code value, scheme

MOD, OBS, CONTAINS = "HAS CONCEPT MOD", "HAS OBS CONTEXT", "CONTAINS"
INFERRED, SELECTED = "INFERRED FROM", "SELECTED FROM"
MANY = 10_000


@dataclass(frozen=True)
class Row:
    """One row. `name` None stands for the coded value of the group's Finding."""

    cite: str
    relationship: str
    value_type: str
    name: Triple | None
    low: int = 1
    high: int = 1
    values: frozenset[Triple] | None = None
    schemes: frozenset[str] | None = None
    children: tuple[Row, ...] = ()
    choose: Callable[[Dataset], tuple[Row, ...]] | None = None  # the children, by the item


def dcm(value: str) -> Triple:
    return value, "DCM"


PRESENCE = frozenset({("52101004", "SCT"), ("272519000", "SCT"), ("373068000", "SCT")})
STATUS = frozenset({dcm("111222"), dcm("111223"), dcm("111224"), dcm("111225")})  # CID 6042
REASONS = frozenset({"DCM", "99WETREAD"})
SOURCE: Triple = ("260753009", "SCT")
VOLUME: Triple = ("118565006", "SCT")
AREA: Triple = ("42798000", "SCT")
UNITS = {dcm("111012"): ("%", "UCUM"), VOLUME: ("mL", "UCUM"), AREA: ("mm2", "UCUM")}

TID_1204 = (
    Row("TID 1204 row 1", MOD, "CODE", dcm("121049"), values=frozenset({("en-US", "RFC5646")})),
)
TID_1001 = (
    Row("TID 1002 row 1", OBS, "CODE", dcm("121005"), values=frozenset({dcm("121007")})),
    Row("TID 1004 row 1", OBS, "UIDREF", dcm("121012")),
    Row("TID 1004 row 2", OBS, "TEXT", dcm("121013")),
    Row("TID 1004 row 3", OBS, "TEXT", dcm("121014")),
    Row("TID 1004 row 4", OBS, "TEXT", dcm("121015")),
    Row("TID 1004 row 5", OBS, "TEXT", dcm("121016")),
)
TID_4019 = (
    Row("TID 4019 row 1", MOD, "TEXT", dcm("111001")),
    Row("TID 4019 row 2", MOD, "TEXT", dcm("111003")),
    Row("TID 4019, Algorithm Manufacturer", MOD, "TEXT", dcm("122405")),
    Row("TID 4019, Algorithm Parameters", MOD, "TEXT", dcm("111002"), 0, MANY),
    Row(
        "TID 4019, Algorithm Family",
        MOD,
        "CODE",
        dcm("111000"),
        values=frozenset({dcm("123110")}),
    ),
)
_WHAT = (
    Row("TID 1410, Tracking Identifier", OBS, "TEXT", dcm("112039")),
    Row("TID 1410, Tracking Unique Identifier", OBS, "UIDREF", dcm("112040")),
    Row("TID 1410, Finding", CONTAINS, "CODE", dcm("121071")),
    Row("TID 1410, Finding Site", MOD, "CODE", ("363698007", "SCT")),
    *TID_4019,
    Row("TID 1410, qualitative evaluation", CONTAINS, "CODE", None, values=PRESENCE),
)
_SIZE = (
    Row("TID 1419, Volume", CONTAINS, "NUM", VOLUME, 0),
    Row("TID 1419, Area", CONTAINS, "NUM", AREA, 0),
)
TID_1410_REGION = (
    *_WHAT,
    Row(
        "TID 1410, Image Region",
        CONTAINS,
        "SCOORD",
        dcm("111030"),
        children=(Row("TID 1410, selected from", SELECTED, "IMAGE", SOURCE),),
    ),
    Row(
        "TID 1410, TID 1419 measurement",
        CONTAINS,
        "NUM",
        dcm("111012"),
        children=(
            Row("TID 1419, source of measurement", INFERRED, "IMAGE", dcm("121112"), 1, MANY),
        ),
    ),
    *_SIZE,
    Row("ours: why", CONTAINS, "CODE", ("WHYUNDET", "99WETREAD"), 0, MANY, schemes=REASONS),
    Row("ours: why, and key slices, in words", CONTAINS, "TEXT", dcm("121106"), 0, MANY),
)
TID_1410_SEGMENT = (
    *_WHAT,
    Row("TID 1410, Referenced Segmentation Frame", CONTAINS, "IMAGE", dcm("121214")),
    Row("TID 1410, Source Image for Segmentation", CONTAINS, "IMAGE", dcm("121233")),
    *_SIZE,
)
TID_1411 = (
    *_WHAT,
    Row("TID 1411, Referenced Segment", CONTAINS, "IMAGE", dcm("121191")),
    Row("TID 1411, Source Series for Segmentation", CONTAINS, "UIDREF", dcm("121232")),
    *_SIZE,
)


def _group(item: Dataset) -> tuple[Row, ...]:
    """Return the rows of a Measurement Group. In TID 1410 and 1411 one kind of region excludes
    the others.
    """
    if item.ContentTemplateSequence[0].TemplateIdentifier == "1411":
        return TID_1411
    segmented = any(
        _triple(each.ConceptNameCodeSequence[0]) == dcm("121214") for each in item.ContentSequence
    )
    return TID_1410_SEGMENT if segmented else TID_1410_REGION


IMAGING_MEASUREMENTS = Row(
    "TID 1500 row 6",
    CONTAINS,
    "CONTAINER",
    dcm("126010"),
    children=(Row("TID 1500 row 7", CONTAINS, "CONTAINER", dcm("125007"), 1, MANY, choose=_group),),
)


def _qualitative_evaluations(who: tuple[Row, ...]) -> Row:
    return Row(
        "TID 1500 row 12",
        CONTAINS,
        "CONTAINER",
        ("C0034375", "UMLS"),
        children=(
            *who,
            Row("TID 1500 row 13", CONTAINS, "CODE", dcm("111065"), values=STATUS),
            Row("TID 1500 row 14", CONTAINS, "TEXT", dcm("121111")),
            Row(
                "TID 1500 row 13",
                CONTAINS,
                "CODE",
                ("WHYNOT", "99WETREAD"),
                0,
                MANY,
                schemes=REASONS,
                children=(Row("ours: of which image", INFERRED, "IMAGE", SOURCE, 0, MANY),),
            ),
            Row("TID 1500 row 14", CONTAINS, "TEXT", dcm("121106"), 0, MANY),
        ),
    )


def template(*, measured: bool, refused: bool, by_model: bool = True) -> tuple[Row, ...]:
    """Return the rows under the root; rows 6 and 12 are conditional on each other."""
    rows: list[Row] = [
        *TID_1204,
        *TID_1001,
        Row("TID 1500 row 4", MOD, "CODE", dcm("121058"), 1, MANY),
    ]
    if measured:
        rows.append(IMAGING_MEASUREMENTS)
    if refused:
        rows.append(_qualitative_evaluations(TID_4019 if by_model else ()))
    return tuple(rows)


def violations(report: Dataset, rows: Sequence[Row], title: Triple) -> list[str]:
    """Return what is against the template; empty if the report follows it."""
    found = []
    if report.ValueType != "CONTAINER" or _triple(report.ConceptNameCodeSequence[0]) != title:
        found.append(f"TID 1500 row 1: the root is not a CONTAINER {title}")
    template_item = report.ContentTemplateSequence[0]
    if (template_item.MappingResource, template_item.TemplateIdentifier) != ("DCMR", "1500"):
        found.append("PS3.3 C.18.8: the template is not DCMR 1500")
    return [*found, *_check(report, rows, "root"), *_black(report)]


def _black(report: Dataset) -> Iterator[str]:
    """Yield what OHIF 3.13.2 stays black for: it merges the groups of one Tracking Unique
    Identifier, and each must then have an SCOORD.
    """
    drawn: dict[str, bool] = {}
    for container in report.get("ContentSequence") or []:
        if _triple(container.ConceptNameCodeSequence[0]) != dcm("126010"):
            continue
        for group in container.ContentSequence:
            uids = [each.UID for each in group.ContentSequence if each.ValueType == "UIDREF"]
            types = {each.ValueType for each in group.ContentSequence}
            drawn[uids[0]] = drawn.get(uids[0], False) or "SCOORD" in types
    yield from (f"OHIF: no SCOORD for {uid}" for uid, has in drawn.items() if not has)


def _check(container: Dataset, rows: Sequence[Row], where: str) -> Iterator[str]:
    items = list(container.get("ContentSequence") or [])
    finding = next(
        (
            _triple(each.ConceptCodeSequence[0])
            for each in items
            if _triple(each.ConceptNameCodeSequence[0]) == dcm("121071")
        ),
        None,
    )
    left = list(items)
    for row in rows:
        name = row.name or finding
        matching = [each for each in items if _triple(each.ConceptNameCodeSequence[0]) == name]
        left = [each for each in left if not any(each is other for other in matching)]
        if not row.low <= len(matching) <= row.high:
            yield f"{row.cite}: {len(matching)} items {name} in {where}"
        for item in matching:
            yield from _check_item(item, row, f"{where} > {name}")
    for item in left:
        yield f"no row for {item.ValueType} {_triple(item.ConceptNameCodeSequence[0])} in {where}"


def _check_item(item: Dataset, row: Row, where: str) -> Iterator[str]:
    if item.RelationshipType != row.relationship:
        yield f"{row.cite}: {item.RelationshipType} instead of {row.relationship} at {where}"
    if item.ValueType != row.value_type:
        yield f"{row.cite}: {item.ValueType} instead of {row.value_type} at {where}"
        return
    if item.ValueType == "CODE":
        value = _triple(item.ConceptCodeSequence[0])
        if row.values is not None and value not in row.values:
            yield f"{row.cite}: value {value} at {where}"
        if row.schemes is not None and value[1] not in row.schemes:
            yield f"{row.cite}: scheme of {value} at {where}"
    if item.ValueType == "TEXT" and not item.TextValue:
        yield f"{row.cite}: no text at {where}"
    if item.ValueType == "NUM":
        measured = item.MeasuredValueSequence[0]
        name = _triple(item.ConceptNameCodeSequence[0])
        if _triple(measured.MeasurementUnitsCodeSequence[0]) != UNITS[name]:
            yield f"{row.cite}: unit at {where}"
        highest = 100 if name == dcm("111012") else float("inf")
        if not 0 <= float(measured.NumericValue) <= highest:
            yield f"{row.cite}: {measured.NumericValue} at {where}"
    if item.ValueType == "SCOORD":
        data = [float(each) for each in item.GraphicData]
        if item.GraphicType != "POLYLINE" or data[:2] != data[-2:] or len(data) < 8:
            yield f"{row.cite}: not a closed polygon at {where}"
    if item.ValueType == "IMAGE":
        reference = item.ReferencedSOPSequence[0]
        if "ReferencedSegmentNumber" in reference and "ReferencedFrameNumber" in reference:
            yield f"PS3.3 C.18.4: segment and frame at {where}"
    yield from _check(item, row.choose(item) if row.choose else row.children, where)


def _triple(item: Dataset) -> Triple:
    return str(item.CodeValue), str(item.CodingSchemeDesignator)
