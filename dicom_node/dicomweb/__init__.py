"""The DICOMweb origin server (PS3.18): search, retrieve, store and worklist."""

from dicom_node.dicomweb.context import PREFIX, Context, Worklisting
from dicom_node.dicomweb.pieces import PIECES, Extent, Piece
from dicom_node.dicomweb.server import dicomweb

__all__ = ["PIECES", "PREFIX", "Context", "Extent", "Piece", "Worklisting", "dicomweb"]
