"""What OHIF is told by `app-config.js`: whose DICOMweb it reads, and what it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from wetread.web.pages import templates

# With both, the page may share memory with its decoders (HTML, cross-origin isolation).
ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


@dataclass(frozen=True, slots=True)
class ViewerSource:
    """A DICOMweb server by the path of this node at which the browser finds it."""

    name: str
    title: str
    root: str


ROOT = "/viewer/"
REPORTS = f"{ROOT}reports"
THIS_NODE = ViewerSource("Wetread", "Wetread", f"{ROOT}dicom-web")


def app_config(router: str, sources: Sequence[ViewerSource]) -> str:
    """Return app-config.js; the first of `sources` is shown where an address names none."""
    return templates.get_template("app-config.js").render(
        router=router, reports=REPORTS, sources=[asdict(each) for each in sources]
    )
