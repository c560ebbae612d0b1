"""The DICOMweb origin server (PS3.18): search, retrieve and store."""

from dicom_node.dicomweb.context import PREFIX, Context
from dicom_node.dicomweb.server import dicomweb

__all__ = ["PREFIX", "Context", "dicomweb"]
