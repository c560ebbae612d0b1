"""The rows that a review follows: TID 1500 with a Person (TID 1003) and TID 1501."""

from __future__ import annotations

from tests.support.tid1500 import (
    CONTAINS,
    INFERRED,
    MANY,
    MOD,
    OBS,
    PRESENCE,
    REASONS,
    SOURCE,
    TID_1204,
    Row,
    dcm,
)

TITLE = ("AIREVIEW", "99WETREAD")
_STANCE = ("ASSESSMENT", "99WETREAD")
_RIGHT = ("RIGHTFINDING", "99WETREAD")
_STANCES = frozenset(
    (value, "99WETREAD") for value in ("ACCEPTED", "REJECTED", "SUPPLEMENTED", "NOTASSESSABLE")
)

_PERSON = (
    Row("TID 1002 row 1", OBS, "CODE", dcm("121005"), values=frozenset({dcm("121006")})),
    Row("TID 1003 row 1", OBS, "PNAME", dcm("121008")),
    Row("TID 1003, Login Name", OBS, "TEXT", dcm("128774")),
)
_GROUP = (
    Row("TID 1501, Tracking Identifier", OBS, "TEXT", dcm("112039")),
    Row("TID 1501, Tracking Unique Identifier", OBS, "UIDREF", dcm("112040")),
    Row("TID 1501, Finding", CONTAINS, "CODE", dcm("121071")),
    Row("TID 1501, Finding Site", MOD, "CODE", ("363698007", "SCT")),
    Row("TID 1501, qualitative evaluation", CONTAINS, "CODE", _STANCE, values=_STANCES),
    Row("TID 1501, qualitative evaluation", CONTAINS, "CODE", None, 0, values=PRESENCE),
    Row("TID 1501, qualitative evaluation", CONTAINS, "CODE", _RIGHT, 0),
    Row("TID 1501, source of measurement", CONTAINS, "IMAGE", dcm("121112"), 0, MANY),
)
_SAID = (
    Row(
        "TID 1500 row 13",
        CONTAINS,
        "CODE",
        _STANCE,
        values=_STANCES,
        children=(Row("ours: of which report", INFERRED, "COMPOSITE", SOURCE),),
    ),
    Row("TID 1500 row 14", CONTAINS, "TEXT", dcm("121111")),
    Row("TID 1500 row 13", CONTAINS, "CODE", _RIGHT, 0),
    Row("TID 1500 row 13", CONTAINS, "CODE", ("WHYASSESSED", "99WETREAD"), 0, schemes=REASONS),
    Row("TID 1500 row 14", CONTAINS, "TEXT", dcm("121106"), 0),
)


def review_template(*, of_finding: bool) -> tuple[Row, ...]:
    """Return the rows under the root."""
    group = Row("TID 1500 row 8", CONTAINS, "CONTAINER", dcm("125007"), children=_GROUP)
    measured = Row("TID 1500 row 6", CONTAINS, "CONTAINER", dcm("126010"), children=(group,))
    return (
        *TID_1204,
        *_PERSON,
        Row("TID 1500 row 4", MOD, "CODE", dcm("121058"), 1, MANY),
        *((measured,) if of_finding else ()),
        Row("TID 1500 row 12", CONTAINS, "CONTAINER", ("C0034375", "UMLS"), children=_SAID),
    )
