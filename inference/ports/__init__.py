"""What the core needs from the outside, as protocols. Each adapter passes one contract suite.

The fakes that unit tests use are in `inference.fakes`.
"""

from inference.ports.catalog import Catalog
from inference.ports.encoding import EncodedObject, Evidence, ResultEncoder
from inference.ports.events import Events
from inference.ports.incidents import ImageComparer, Incidents
from inference.ports.listing import Listing
from inference.ports.models import (
    Assessment,
    Box,
    Gate,
    Gates,
    Model,
    ModelRegistry,
    Picture,
    PixelReader,
)
from inference.ports.reading import ReadingList
from inference.ports.removals import Removals
from inference.ports.reviews import ReviewEncoder, Reviews
from inference.ports.rollouts import Rollouts
from inference.ports.running import Clock, Leadership, Service
from inference.ports.storage import Archive, Cursors, Files, Index, Intake
from inference.ports.work import Destination, JobQueue, Outbox, Results
from inference.ports.workitems import Subscription, Workitems, Worklist

__all__ = [
    "Archive",
    "Assessment",
    "Box",
    "Catalog",
    "Clock",
    "Cursors",
    "Destination",
    "EncodedObject",
    "Events",
    "Evidence",
    "Files",
    "Gate",
    "Gates",
    "ImageComparer",
    "Incidents",
    "Index",
    "Intake",
    "JobQueue",
    "Leadership",
    "Listing",
    "Model",
    "ModelRegistry",
    "Outbox",
    "Picture",
    "PixelReader",
    "ReadingList",
    "Removals",
    "ResultEncoder",
    "Results",
    "ReviewEncoder",
    "Reviews",
    "Rollouts",
    "Service",
    "Subscription",
    "Workitems",
    "Worklist",
]
