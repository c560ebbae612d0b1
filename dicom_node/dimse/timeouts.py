"""How long the node waits for a peer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """All in seconds."""

    connection: float = 10.0  # for TCP to connect
    association: float = 30.0  # for A-ASSOCIATE and A-RELEASE; ARTIM, PS3.8 Section 9.1.5
    message: float = 60.0  # for the response to a request that we sent
    network: float = 60.0  # for a peer that says nothing, and for one PDU to be complete
    drain: float = 20.0  # for associations to end when the service stops
