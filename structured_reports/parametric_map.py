"""Heat maps as data: Parametric Map Storage (PS3.3 A.75).

The values are those of the model, 0 to 1, in steps of 1/255 with a Real World Value Mapping;
an overlay keeps only their colours. The IOD knows integers of 16 bits alone (C.8.32.2), so
that 2000 x 2000 pixels take 8.0 MB; JPEG-LS, lossless, makes 0.2 to 0.5 MB of them. Floats
take 16 MB, cannot be compressed, and OHIF 3.13.2 draws them as little as integers.

A radiograph lies nowhere in the patient, but the IOD demands a Frame of Reference and a plane
in it (PS3.3 A.75). So its map has a Frame of Reference of its own, in which nothing else
lies: the centre of its first pixel is the origin, its axes are those of Patient Orientation,
those of a frontal radiograph where nobody says. Pixel Spacing it has none, since that of a
detector is not the patient's; and Image Comments says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import VOILUTTransformation
from highdicom.pm import ImageFlavorValues, ParametricMap, RealWorldValueMapping
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import JPEGLSLossless

from inference.domain.manifest import Manifest
from inference.domain.result import Role
from structured_reports import concepts, identity
from structured_reports.device import long_string
from structured_reports.run import Run
from structured_reports.source import name_classes
from structured_reports.space import Space, is_stack
from structured_reports.subject import Seen, Subject

_HIGHEST = 255  # stored value of 1.0
_AXES = {  # PS3.3 C.7.6.2.1.1: x to the left, y to the back, z to the head
    "L": (1.0, 0.0, 0.0),
    "R": (-1.0, 0.0, 0.0),
    "P": (0.0, 1.0, 0.0),
    "A": (0.0, -1.0, 0.0),
    "H": (0.0, 0.0, 1.0),
    "F": (0.0, 0.0, -1.0),
}
_FRONTAL = ("L", "F")
_MADE_UP = "The plane is made up: the source lies in no patient-relative Frame of Reference."


class _ParametricMap(ParametricMap):  # type: ignore[misc]  # highdicom is not checked
    """Takes nothing from the source by itself: what is valid of it is added afterwards."""

    def copy_patient_and_study_information(self, dataset: Dataset) -> None:
        """Copy nothing."""


def parametric_maps(subject: Subject, run: Run, number: int) -> list[Dataset]:
    """Return the heat maps of `subject`; `number` is the Instance Number of the first.

    One multi-frame object for the slices of a stack, else one for each image. An image whose
    header gives another size than its heat map has none.
    """
    if run.manifest is None:
        return []
    warm = [
        each
        for each in subject.seen
        if each.evidence.heat_map is not None
        and each.evidence.heat_map.shape == (each.source.rows, each.source.columns)
    ]
    sizes = {(each.source.rows, each.source.columns) for each in warm}
    if len(warm) > 1 and len(sizes) == 1 and is_stack([each.source.space for each in warm]):
        return [_parametric_map(warm, subject, subject.uid, run, run.manifest, number)]
    return [
        _parametric_map([each], subject, each.uid, run, run.manifest, number + place)
        for place, each in enumerate(warm)
    ]


def _parametric_map(
    slices: Sequence[Seen], subject: Subject, about: str, run: Run, manifest: Manifest, number: int
) -> Dataset:
    first = slices[0].source
    placed = first.space is not None
    quantity = concepts.explanation_code(manifest.explanation)
    stubs = [_stub(each) for each in slices]
    document: Dataset = _ParametricMap(
        source_images=stubs,
        pixel_array=np.stack([_stored(each.evidence.heat_map) for each in slices]),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_mapping(quantity)],
        voi_lut_transformations=[VOILUTTransformation(window_center=128, window_width=256)],
        image_flavor=ImageFlavorValues.STATIC,
        content_label="HEATMAP",
        content_description=long_string(f"AI result, not verified: {run.device.model_name}"),
        series_description=long_string(f"AI heat map, not verified: {run.device.model_name}"),
        transfer_syntax_uid=JPEGLSLossless,
        **run.arguments(Role.PARAMETRIC_MAP, first, about, number, stubs[0].FrameOfReferenceUID),
    )
    name_classes(document, [each.source for each in slices])
    if first.frames > 1:  # there is but one frame: no stack is made of those
        frame = document.PerFrameFunctionalGroupsSequence[0]
        for derivation in frame.DerivationImageSequence:
            for item in derivation.SourceImageSequence:
                item.ReferencedFrameNumber = subject.findings[0][0].frame
    _anatomy(document, subject)
    if not placed:
        del document.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
        document.ImageComments = _MADE_UP
    run.finish(document, first)
    return document


def _stub(seen: Seen) -> Dataset:
    """Return the source as highdicom takes it: without a plane it makes no map."""
    stub = seen.source.image_stub(placed=True)
    if seen.source.space is None:
        Space(
            identity.frame_of_reference_uid(seen.uid),
            position_mm=(0.0, 0.0, 0.0),
            cosines=_cosines(seen.source.orientation),
            spacing_mm=(1.0, 1.0),
        ).write(stub)
    return stub


def _cosines(orientation: tuple[str, str] | None) -> tuple[float, ...]:
    """Return the axes of Patient Orientation (PS3.3 C.7.6.1.1.1) by their chief directions."""
    row, column = (_AXES[each[0]] for each in orientation or _FRONTAL)
    if sum(abs(one * other) for one, other in zip(row, column, strict=True)):
        row, column = (_AXES[each] for each in _FRONTAL)
    return (*row, *column)


def _stored(heat_map: NDArray[np.float32] | None) -> NDArray[np.uint16]:
    assert heat_map is not None
    finite = np.nan_to_num(heat_map, nan=0.0, posinf=1.0, neginf=0.0)
    return np.round(np.clip(finite, 0, 1) * _HIGHEST).astype(np.uint16)


def _mapping(quantity: Code) -> RealWorldValueMapping:
    return RealWorldValueMapping(
        lut_label="HEATMAP",
        lut_explanation=long_string(f"{quantity.meaning}, 0 to 1"),
        unit=concepts.NO_UNITS,
        value_range=(0, _HIGHEST),
        slope=1 / _HIGHEST,
        intercept=0,
        quantity_definition=quantity,
    )


def _anatomy(document: Dataset, subject: Subject) -> None:
    """Add Frame Anatomy, which the IOD demands and highdicom leaves out (PS3.3 C.7.6.16.2.8)."""
    sites = list(dict.fromkeys(finding.site for finding, _ in subject.findings))
    region = Dataset()
    region.AnatomicRegionSequence = [concepts.item(concepts.coded(sites[0]))]
    region.FrameLaterality = subject.seen[0].source.laterality or "U"
    document.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [region]
