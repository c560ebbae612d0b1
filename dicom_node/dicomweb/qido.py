"""The Search transaction (PS3.18 Section 10.6): QIDO-RS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from pydicom.datadict import tag_for_keyword

from dicom_node.dicomweb.context import PREFIX, Context, Uids, path_uids, service_url, url_of
from dicom_node.dicomweb.levels import is_of
from dicom_node.dicomweb.model import header_model, model_of, read_header
from dicom_node.dicomweb.query import Query, levels_of, read_query
from dicom_node.dicomweb.responses import Model, data_sets
from inference.domain.catalog import Entry, Field, Level, Search
from inference.domain.errors import UnreadableInstance

_MAX_HEADERS = 200  # results for which headers are read from the files
_CATALOGUED = frozenset(field.keyword for field in Field)


def add_search(router: APIRouter, context: Context) -> None:
    """Add the resources of Tables 10.6.1-1 to 10.6.1-3."""

    @router.get(PREFIX + "/studies")
    def search_for_studies(request: Request) -> Response:
        """Search for Studies."""
        return _search(context, request, Level.STUDY, ())

    @router.get(PREFIX + "/series")
    def search_for_all_series(request: Request) -> Response:
        """Search for Series in all Studies."""
        return _search(context, request, Level.SERIES, ())

    @router.get(PREFIX + "/instances")
    def search_for_all_instances(request: Request) -> Response:
        """Search for Instances in all Studies."""
        return _search(context, request, Level.INSTANCE, ())

    @router.get(PREFIX + "/studies/{study}/series")
    def search_for_series(request: Request, study: str) -> Response:
        """Search for Series of a Study."""
        return _search(context, request, Level.SERIES, path_uids(study))

    @router.get(PREFIX + "/studies/{study}/instances")
    def search_for_study_instances(request: Request, study: str) -> Response:
        """Search for Instances of a Study."""
        return _search(context, request, Level.INSTANCE, path_uids(study))

    @router.get(PREFIX + "/studies/{study}/series/{series}/instances")
    def search_for_instances(request: Request, study: str, series: str) -> Response:
        """Search for Instances of a Series."""
        return _search(context, request, Level.INSTANCE, path_uids(study, series))


def _search(context: Context, request: Request, level: Level, uids: Uids) -> Response:
    query = read_query(level, request.query_params.multi_items())
    service = service_url(request)
    reads = query.include_all or any(each not in _CATALOGUED for each in query.included)
    limit = min(query.limit, _MAX_HEADERS) if reads else query.limit
    entries, more = context.pages.page(
        Search(level, context.conditions(uids) + query.conditions, limit, query.offset)
    )
    if uids and not entries:
        context.require(uids)  # a Study that is not there is no Study without matches
    warnings = [f'299 {service} "{text}"' for text in query.warnings]
    if more:
        warnings.append(f'299 {service} "There are additional results that can be requested."')
    levels = levels_of(level, (field for field, _ in uids))

    def models() -> Iterator[Model]:
        for entry in entries:
            model = model_of(entry, levels, url_of(entry, level, service))
            if reads:
                model = dict(sorted((_header(context, entry, query) | model).items()))
            yield model

    headers = {"Warning": ", ".join(warnings)} if warnings else {}
    return data_sets(request, models(), headers)


def _header(context: Context, entry: Entry, query: Query) -> dict[str, Any]:
    """Return what is asked for and not catalogued, of the Instance that came first."""
    if entry.level is not Level.INSTANCE:
        uids = (Field.STUDY_INSTANCE_UID, Field.SERIES_INSTANCE_UID)[: entry.level]
        first = context.require(tuple((uid, entry.text(uid)) for uid in uids))
    else:
        first = entry
    tags: list[int] | None = None
    if not query.include_all:
        tags = [
            tag_for_keyword(each) or int(each, 16)
            for each in query.included
            if each not in _CATALOGUED and is_of(each, entry.level)
        ]
        if not tags:
            return {}
    model = _read(context.path(first), tags)
    if query.include_all and entry.level is not Level.INSTANCE:
        model = {tag: each for tag, each in model.items() if is_of(tag, entry.level)}
    return {tag: each for tag, each in model.items() if tag != "00080005"}


def _read(path: Path, tags: list[int] | None) -> dict[str, Any]:
    try:
        return header_model(read_header(path, tags))
    except (UnreadableInstance, OSError):
        return {}  # the catalog's answer still holds
