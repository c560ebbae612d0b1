"""Every table there is: who goes through all of them imports it from here."""

from __future__ import annotations

from inference.persistence.catalog_tables import catalog_instances
from inference.persistence.events import events
from inference.persistence.tables import metadata
from inference.persistence.workitem_tables import workitems

__all__ = ["metadata"]

# To name one table of each module is to have all of its tables in `metadata`.
assert all(each.metadata is metadata for each in (catalog_instances, events, workitems))
