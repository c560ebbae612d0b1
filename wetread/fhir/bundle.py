"""A page of a search as a Bundle (R4)."""

from __future__ import annotations

from collections.abc import Sequence

from wetread.fhir.codes import Json


def searchset(
    base: str, own: str, following: str | None, found: Sequence[Json], included: Sequence[Json]
) -> Json:
    """`own` and `following` are the addresses of this page and the next.

    How many there are in all is not told: nobody counts them.
    """
    link = [{"relation": "self", "url": own}]
    if following is not None:
        link.append({"relation": "next", "url": following})
    entries = [(each, "match") for each in found] + [(each, "include") for each in included]
    made: Json = {"resourceType": "Bundle", "type": "searchset", "link": link}
    if entries:
        made["entry"] = [
            {
                "fullUrl": f"{base}/{each['resourceType']}/{each['id']}",
                "resource": each,
                "search": {"mode": mode},
            }
            for each, mode in entries
        ]
    return made
