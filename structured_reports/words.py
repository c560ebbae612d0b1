"""Numbers of a Finding in words, the same wherever they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inference.domain.finding import Measurement, Quantity, Slice
from structured_reports.source import Source

_UNITS = {Quantity.VOLUME: ("Volume", "mL"), Quantity.AREA: ("Area", "mm2")}


def key_slices_text(slices: Sequence[Slice], sources: Mapping[str, Source]) -> str:
    """Return which slices carry the answer, and how sure the model is of each alone."""
    said = (
        f"{slice_name(each, sources.get(each.sop_instance_uid))} ({each.certainty * 100:.1f} %)"
        for each in slices
    )
    return f"Key slices: {', '.join(said)}"


def slice_name(each: Slice, source: Source | None) -> str:
    """Return what a viewer calls the slice: its Instance Number."""
    frame = f" frame {each.frame}" if source is not None and source.frames > 1 else ""
    if source is None or source.number is None:
        return f"...{each.sop_instance_uid[-8:]}{frame}"
    return f"{source.number}{frame}"


def measurement_text(measurement: Measurement) -> str:
    name, unit = _UNITS[measurement.quantity]
    return f"{name} {measurement.value:.4g} {unit}"


def rounded(measurement: Measurement) -> float:
    """Return the value as it fits into a Decimal String (PS3.5 Section 6.2)."""
    return float(f"{measurement.value:.8g}")
