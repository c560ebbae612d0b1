"""The server says what it can do."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.support.origin import OriginServer


def test_capabilities_are_those_of_the_routes(origin: OriginServer) -> None:
    answer = origin.client.options(origin.url, headers={"Accept": "application/json"})
    resources = {(each["method"], each["path"]) for each in answer.json()["resources"]}
    assert ("POST", "/dicom-web/studies") in resources
    assert ("GET", "/dicom-web/studies/{study}/metadata") in resources
    assert ("GET", "/wado") in resources
    assert ("GET", "/dicom-web/subscribers/{aetitle}") in resources
    of = {(each["method"], each["path"]): each["parameters"] for each in answer.json()["resources"]}
    assert "limit" in of["GET", "/dicom-web/workitems"]
    subscribers = "/dicom-web/workitems/{workitem}/subscribers/{aetitle}"
    assert of["POST", subscribers] == ["deletionlock", "filter"]
    assert of["DELETE", subscribers] == []
    wadl = origin.get("/capabilities")
    assert wadl.headers["content-type"] == "application/vnd.sun.wadl+xml"
    names = {"w": "http://wadl.dev.java.net/2009/02"}
    root = ElementTree.fromstring(wadl.content)
    assert len(root.findall(".//w:method", names)) == len(resources)
    assert origin.get("/capabilities", "image/png").status_code == 406
