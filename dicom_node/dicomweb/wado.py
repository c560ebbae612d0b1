"""The Retrieve transaction (PS3.18 Section 10.4): WADO-RS."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from dicom_node.dicomweb.context import PREFIX, Context, path_uids
from dicom_node.dicomweb.frames import frame_numbers, frames
from dicom_node.dicomweb.metadata import bulk_data, metadata
from dicom_node.dicomweb.rendered import rendered, thumbnail
from dicom_node.dicomweb.retrieve import retrieve

_STUDY = PREFIX + "/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
_FRAMES = _INSTANCE + "/frames/{numbers}"


def add_retrieve(router: APIRouter, context: Context) -> None:
    """Add the resources of Tables 10.4.1-1 to 10.4.1-4."""
    _add_study(router, context)
    _add_series(router, context)
    _add_instance(router, context)
    _add_frames(router, context)


def _add_study(router: APIRouter, context: Context) -> None:
    @router.get(_STUDY)
    def retrieve_study(request: Request, study: str) -> Response:
        """Retrieve all Instances of a Study."""
        return retrieve(context, request, path_uids(study))

    @router.get(_STUDY + "/metadata")
    def retrieve_study_metadata(request: Request, study: str) -> Response:
        """Retrieve the headers of a Study."""
        return metadata(context, request, path_uids(study))

    @router.get(_STUDY + "/rendered")
    def retrieve_rendered_study(request: Request, study: str) -> Response:
        """Retrieve the images of a Study as pictures."""
        return rendered(context, request, path_uids(study))

    @router.get(_STUDY + "/thumbnail")
    def retrieve_study_thumbnail(request: Request, study: str) -> Response:
        """Retrieve a small picture for a Study."""
        return thumbnail(context, request, path_uids(study))


def _add_series(router: APIRouter, context: Context) -> None:
    @router.get(_SERIES)
    def retrieve_series(request: Request, study: str, series: str) -> Response:
        """Retrieve all Instances of a Series."""
        return retrieve(context, request, path_uids(study, series))

    @router.get(_SERIES + "/metadata")
    def retrieve_series_metadata(request: Request, study: str, series: str) -> Response:
        """Retrieve the headers of a Series."""
        return metadata(context, request, path_uids(study, series))

    @router.get(_SERIES + "/rendered")
    def retrieve_rendered_series(request: Request, study: str, series: str) -> Response:
        """Retrieve the images of a Series as pictures."""
        return rendered(context, request, path_uids(study, series))

    @router.get(_SERIES + "/thumbnail")
    def retrieve_series_thumbnail(request: Request, study: str, series: str) -> Response:
        """Retrieve a small picture for a Series."""
        return thumbnail(context, request, path_uids(study, series))


def _add_instance(router: APIRouter, context: Context) -> None:
    @router.get(_INSTANCE)
    def retrieve_instance(request: Request, study: str, series: str, instance: str) -> Response:
        """Retrieve an Instance."""
        return retrieve(context, request, path_uids(study, series, instance))

    @router.get(_INSTANCE + "/metadata")
    def retrieve_instance_metadata(
        request: Request, study: str, series: str, instance: str
    ) -> Response:
        """Retrieve the header of an Instance."""
        return metadata(context, request, path_uids(study, series, instance))

    @router.get(_INSTANCE + "/rendered")
    def retrieve_rendered_instance(
        request: Request, study: str, series: str, instance: str
    ) -> Response:
        """Retrieve an image as a picture."""
        return rendered(context, request, path_uids(study, series, instance))

    @router.get(_INSTANCE + "/thumbnail")
    def retrieve_instance_thumbnail(
        request: Request, study: str, series: str, instance: str
    ) -> Response:
        """Retrieve a small picture for an image."""
        return thumbnail(context, request, path_uids(study, series, instance))

    @router.get(_INSTANCE + "/bulkdata/{path:path}")
    def retrieve_bulk_data(
        request: Request, study: str, series: str, instance: str, path: str
    ) -> Response:
        """Retrieve a long value that the metadata refer to."""
        return bulk_data(context, request, path_uids(study, series, instance), path)


def _add_frames(router: APIRouter, context: Context) -> None:
    @router.get(_FRAMES)
    def retrieve_frames(
        request: Request, study: str, series: str, instance: str, numbers: str
    ) -> Response:
        """Retrieve frames, in the order that is asked for."""
        return frames(context, request, path_uids(study, series, instance), numbers)

    @router.get(_FRAMES + "/rendered")
    def retrieve_rendered_frames(
        request: Request, study: str, series: str, instance: str, numbers: str
    ) -> Response:
        """Retrieve frames as pictures."""
        uids = path_uids(study, series, instance)
        return rendered(context, request, uids, frame_numbers(numbers))

    @router.get(_FRAMES + "/thumbnail")
    def retrieve_frame_thumbnail(
        request: Request, study: str, series: str, instance: str, numbers: str
    ) -> Response:
        """Retrieve a small picture for a frame."""
        uids = path_uids(study, series, instance)
        return thumbnail(context, request, uids, frame_numbers(numbers))
