"""Part 10 files on disk."""

from dicom_node.archive.disk import DiskArchive
from dicom_node.archive.local_destination import ArchiveDestination

__all__ = ["ArchiveDestination", "DiskArchive"]
