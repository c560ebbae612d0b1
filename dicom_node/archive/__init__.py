"""Part 10 files, on a disk or in an object store."""

from dicom_node.archive.disk import DiskArchive
from dicom_node.archive.header import MANUFACTURER, describe
from dicom_node.archive.local_destination import LocalDestination

__all__ = ["MANUFACTURER", "DiskArchive", "LocalDestination", "describe"]
