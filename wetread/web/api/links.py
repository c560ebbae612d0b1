"""Where things are: absolute URLs, by the name that the client used."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request

from dicom_node.dicomweb import PREFIX as DICOMWEB
from dicom_node.dicomweb.context import service_url
from inference.domain.job import ModelId
from inference.domain.result import ResultObject
from wetread.web.api.route import PREFIX
from wetread.web.viewer import viewer_url


class Links:
    """`base` is the node's address, without a slash at its end."""

    def __init__(self, request: Request) -> None:
        self.base = service_url(request).removesuffix(DICOMWEB)

    def api(self, *steps: str | int) -> str:
        return "/".join((f"{self.base}{PREFIX}", *(quote(str(each), safe="") for each in steps)))

    def page(self, study: str) -> str:
        return f"{self.base}/studies/{study}"

    def viewer(self, study: str) -> str:
        return f"{self.base}{viewer_url(study)}"

    def card(self, model: ModelId) -> str:
        name, version = (quote(each, safe="") for each in (model.name, model.version))
        return f"{self.base}/models/{name}/{version}"

    def study(self, study: str) -> str:
        """Of DICOMweb (PS3.18 Section 10.4.1.1)."""
        return f"{self.base}{DICOMWEB}/studies/{study}"

    def series(self, study: str, series: str) -> str:
        return f"{self.study(study)}/series/{series}"

    def instance(self, study: str, series: str, sop_instance: str) -> str:
        return f"{self.series(study, series)}/instances/{sop_instance}"

    def object(self, made: ResultObject) -> str:
        return self.instance(
            made.study_instance_uid, made.series_instance_uid, made.sop_instance_uid
        )

    def fhir(self, kind: str, identity: str | int) -> str:
        return f"{self.base}/fhir/{kind}/{identity}"
