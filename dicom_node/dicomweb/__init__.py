"""The DICOMweb origin server (PS3.18): search, retrieve, store and worklist."""

from dicom_node.dicomweb.context import PREFIX, Context, Worklisting
from dicom_node.dicomweb.server import dicomweb

__all__ = ["PREFIX", "Context", "Worklisting", "dicomweb"]
