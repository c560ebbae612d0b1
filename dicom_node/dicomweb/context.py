"""What the resources of the origin server share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from fastapi import Request

from dicom_node.dicomweb.header_texts import HeaderTexts
from dicom_node.dicomweb.pages import Pages
from dicom_node.dicomweb.problems import Gone, NotFound
from inference.domain.catalog import Condition, Entry, Field, Level, Search
from inference.domain.matching import AnyOf
from inference.domain.uid import check_uid
from inference.ports import Archive, Catalog, Index, Intake, Worklist

PREFIX = "/dicom-web"
_BATCH = 200  # entries

Uids = tuple[tuple[Field, str], ...]


@dataclass(frozen=True, slots=True)
class Context:
    """`maximum_request` is in bytes: no more is taken in one Store transaction.

    `index` knows what was held once; without it, that is as if it had never been.
    """

    catalog: Catalog
    archive: Archive
    intake: Intake
    maximum_request: int = 4 << 30
    index: Index | None = None
    pages: Pages = field(init=False)
    header_texts: HeaderTexts = field(init=False, default_factory=HeaderTexts)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pages", Pages(self.catalog))

    def conditions(self, uids: Uids) -> tuple[Condition, ...]:
        return tuple(Condition(each, AnyOf((uid,))) for each, uid in uids)

    def instances(self, uids: Uids) -> Iterator[Entry]:
        """Yield the Instances of a Study or Series, page by page."""
        search = Search(Level.INSTANCE, self.conditions(uids), limit=_BATCH)
        while entries := self.catalog.search(search):
            yield from entries
            if len(entries) < _BATCH:
                return
            search = replace(search, after=entries[-1].number)

    def require(self, uids: Uids) -> Entry:
        """Return the first Instance below these. Raises `NotFound` or `Gone`."""
        search = Search(Level.INSTANCE, self.conditions(uids), limit=1)
        for entry in self.catalog.search(search):
            return entry
        self.refuse_removed(uids)
        raise NotFound(f"no {uids[-1][0].level.name.capitalize()} {uids[-1][1]} is held here")

    def refuse_removed(self, uids: Uids) -> None:
        """Raise `Gone` where the Study lacks what retention took away."""
        study = self.index.study(uids[0][1]) if self.index else None
        if study is not None and study.gone:
            raise Gone(study.gone)

    def path(self, entry: Entry) -> Path:
        return self.archive.path(entry.key)


@dataclass(frozen=True, slots=True)
class Worklisting:
    """What the resources of the Worklist service share.

    `origins` are those whose pages may change the worklist, beside our own.
    """

    worklist: Worklist
    origins: frozenset[str] = frozenset()


def path_uids(study: str = "", series: str = "", instance: str = "") -> Uids:
    """Return the UIDs of a path. Raises `InvalidUid`."""
    named = (
        (Field.STUDY_INSTANCE_UID, study),
        (Field.SERIES_INSTANCE_UID, series),
        (Field.SOP_INSTANCE_UID, instance),
    )
    return tuple((each, check_uid(uid)) for each, uid in named if uid)


def service_url(request: Request) -> str:
    """Return the base URI of the origin server, by the name that the client used."""
    base = request.base_url
    host, port = request.scope.get("server") or ("", None)
    # Some clients leave the port out of Host (RFC 9110 Section 7.2), dicomweb-client for one.
    # Where they name the very socket that they have reached, the port is known all the same;
    # behind a proxy they name something else.
    if base.port is None and base.hostname == host and port not in (None, 80, 443):
        base = base.replace(port=port)
    return f"{str(base).rstrip('/')}{PREFIX}"


def url_of(entry: Entry, level: Level, service: str) -> str:
    names = ("studies", "series", "instances")
    uids = (Field.STUDY_INSTANCE_UID, Field.SERIES_INSTANCE_UID, Field.SOP_INSTANCE_UID)
    steps = [
        f"{name}/{entry.text(uid)}" for name, uid in zip(names[:level], uids[:level], strict=True)
    ]
    return "/".join((service, *steps))
