"""What each role of a node runs, put together out of what `wetread.bootstrap` builds."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from inference.domain.result import Role
from inference.domain.workitem_event import LONGEST_WAIT
from inference.intake.cataloguer import Cataloguer
from inference.intake.comparing import Comparing
from inference.intake.door import Door
from inference.intake.elected import Elected
from inference.intake.housekeeper import Housekeeper
from inference.intake.stability import Stability
from inference.intake.worklist import WorklistDesk
from inference.persistence import outbox, tickets
from inference.persistence.leadership import SqlLeadership
from inference.ports import Intake, Service
from inference.ports.meter import Meter
from inference.worker.courier import Courier
from inference.worker.later import Later
from wetread.bootstrap import (
    VERSION,
    Stores,
    build_destinations,
    build_reader,
    build_registry,
    build_rulebook,
    credentials,
)
from wetread.incidents import build_evidence
from wetread.settings import OrthancSettings, Settings
from wetread.worklist import build_worklist

if TYPE_CHECKING:  # OpenCV, which only a worker needs
    from inference.worker.batching import Batching
    from inference.worker.worker import Worker

_ABANDONED = 86400.0  # seconds after which a spooled file waits for the rest of no request


# Seconds between two looks at an empty queue or outbox. Who listens looks for what nobody
# tells: that something may be tried again, and that who had it is dead.
_ASLEEP = 0.5
_LISTENING = 2.0

_BATCH_ON_GPU = 16  # pictures


@dataclass(frozen=True, slots=True)
class Node:
    """Everything that `wetread serve` runs beside the web server, and the door to it.

    The services are started in this order, but for those that come `Later`, and stopped in it
    too: first what lets work in, last what brings it out.
    """

    services: Sequence[Service]
    intake: Intake
    worklist: WorklistDesk | None = None


def build_node(settings: Settings, stores: Stores, meter: Meter) -> Node:
    """Build what the roles of `settings` need, and import no more than that."""
    receives = "receiver" in settings.roles
    stability = _stability(settings, stores) if receives else None
    door = Door(
        stores.archive,
        stores.index,
        stores.clock,
        timedelta(seconds=settings.quiet_seconds),
        on_received=stability.wake if stability else None,
        meter=meter,
    )
    services: list[Service] = []
    if stability is not None:
        services += [_scp(settings, stores, door), *_feeds(settings, stores, door), stability]
        services.append(Cataloguer(stores.catalog, stores.archive))
        services.append(_housekeeper(settings, stores))
        services.append(_comparing(settings, stores))
    told: dict[str, Callable[[], None]] = {}
    if "worker" in settings.roles:
        make = partial(build_worker, settings, stores, meter)
        # Who sends images does not wait for torch; they are kept, and read once it is there.
        worker = Later("worker", make) if receives and _finds_its_device(settings) else make()
        services.append(worker)
        told[tickets.CHANNEL] = worker.wake
    worklist = None
    if receives:
        if settings.is_embedded:
            worklist, keeper = build_worklist(settings, stores, build_registry(settings))
            services.append(keeper)
        else:
            services.append(_elected_keeper(settings, stores))
        courier = _courier(settings, stores, meter)
        services.append(courier)
        told[outbox.CHANNEL] = courier.wake
    if told and not settings.is_embedded:
        services.append(_listener(stores, told))
    if settings.is_embedded:
        # It holds the state directory alone: what lies half received died with the process
        # before. Elsewhere another process may be receiving it now.
        stores.archive.sweep_spool(0)
    abandoned = partial(stores.archive.sweep_spool, _ABANDONED)
    services.append(Housekeeper("spool", {"abandoned uploads": abandoned}))
    return Node(services, door, worklist)


def process_name() -> str:
    """Return a name that no other process has or had."""
    return f"{socket.gethostname()[:64]}-{os.getpid()}-{secrets.token_hex(4)}"


def _stability(settings: Settings, stores: Stores) -> Stability:
    rulebook = build_rulebook(settings, build_registry(settings), stores.rollouts)
    return Stability(stores.index, rulebook, stores.clock)


def _scp(settings: Settings, stores: Stores, door: Intake) -> Service:
    from dicom_node.dimse.query_retrieve import QueryRetrieve
    from dicom_node.dimse.scp import StorageScp

    return StorageScp(
        door,
        stores.archive,
        ae_title=settings.ae_title,
        host=settings.dimse_host,
        port=settings.dimse_port,
        calling_ae_titles=settings.calling_ae_titles,
        maximum_pdu=settings.maximum_pdu,
        maximum_associations=settings.maximum_associations,
        network_timeout=settings.network_timeout_seconds,
        queries=QueryRetrieve(
            stores.catalog,
            stores.archive,
            ae_title=settings.ae_title,
            destinations={
                each.ae_title: (each.host, each.port)
                for each in (*settings.destinations, *settings.move_destinations)
            },
            query_ae_titles=settings.query_ae_titles,
            maximum_matches=settings.maximum_matches,
            maximum_associations=settings.maximum_query_associations,
        ),
    )


def _feeds(settings: Settings, stores: Stores, door: Intake) -> list[Service]:
    """Return a feed for each Orthanc; of several receivers, one at a time follows it."""
    feeds: list[Service] = []
    for peer in settings.orthanc:
        if not peer.follow:
            continue
        make = partial(_feed, peer, stores, door)
        if settings.is_embedded:
            feeds.append(make())
        else:
            name = f"orthanc:{peer.name}"
            feeds.append(Elected(name, make, SqlLeadership(stores.database, name)))
    return feeds


def _feed(peer: OrthancSettings, stores: Stores, door: Intake) -> Service:
    from orthanc.change_feed import ChangeFeed

    return ChangeFeed(
        peer.name,
        peer.url,
        door,
        stores.archive,
        stores.cursors,
        *credentials(peer),
        poll=peer.poll_seconds,
        from_start=peer.from_start,
    )


def _housekeeper(settings: Settings, stores: Stores) -> Service:
    clock, kept = stores.clock, timedelta(days=settings.event_days)
    chores = {
        "events": lambda: stores.events.prune(clock.now() - kept),
        "events of workitems": lambda: stores.workitems.prune_events(clock.now() - LONGEST_WAIT),
    }
    make = partial(Housekeeper, "housekeeping", chores)
    if settings.is_embedded:
        return make()
    return Elected("housekeeping", make, SqlLeadership(stores.database, "housekeeping"))


def _comparing(settings: Settings, stores: Stores) -> Service:
    evidence = build_evidence(stores)

    def make() -> Service:
        return Comparing("comparing", stores.incidents, evidence, stores.clock)

    if settings.is_embedded:
        return make()
    return Elected("comparing", make, SqlLeadership(stores.database, "comparing"))


def _elected_keeper(settings: Settings, stores: Stores) -> Service:
    registry = build_registry(settings)

    def make() -> Service:
        _, keeper = build_worklist(settings, stores, registry)
        return keeper

    return Elected("worklist", make, SqlLeadership(stores.database, "worklist"))


def _finds_its_device(settings: Settings) -> bool:
    """Is a device there for sure? One that is named is looked for before the node starts."""
    return settings.device in ("auto", "cpu")


def build_worker(settings: Settings, stores: Stores, meter: Meter) -> Worker:
    """The worker alone, which imports PyTorch."""
    from dicom_node.pixels import DicomPixelReader
    from inference.models.threads import use_threads
    from inference.worker.worker import Worker
    from structured_reports.encoder import DicomResultEncoder

    use_threads(settings.inference_threads)
    registry = build_registry(settings)
    name = "worker-1" if settings.is_embedded else process_name()
    if settings.is_embedded:
        # What this worker held died with the process before.
        stores.queue.release(name)
    return Worker(
        name=name,
        queue=stores.queue,
        index=stores.index,
        results=stores.results,
        archive=stores.archive,
        registry=registry,
        reader=build_reader(settings, registry)(stores.archive, DicomPixelReader()),
        encoder=DicomResultEncoder(
            software_version=VERSION,
            roles=frozenset(Role(each) for each in ("report", *settings.result_objects)),
        ),
        clock=stores.clock,
        destinations=[each.name for each in build_destinations(settings)],
        lease=timedelta(seconds=settings.lease_seconds),
        maximum_attempts=settings.maximum_attempts,
        meter=meter,
        idle=_ASLEEP if settings.is_embedded else _LISTENING,
        jobs=settings.worker_jobs,
        batching=_batching(settings),
        grace=settings.drain_seconds,
    )


def _batching(settings: Settings) -> Batching:
    from inference.models.device import choose_device
    from inference.worker.batching import Batching

    # Measured: a network on a CPU is no faster in batches, and the waiting is lost.
    default = 1 if choose_device(settings.device) == "cpu" else _BATCH_ON_GPU
    return Batching(settings.maximum_batch or default, settings.maximum_wait_ms / 1000)


def _courier(settings: Settings, stores: Stores, meter: Meter) -> Courier:
    if settings.is_embedded:
        # What was under way died with the process before.
        stores.outbox.release(stores.clock.now())
    return Courier(
        stores.outbox,
        stores.archive,
        stores.clock,
        destinations={each.name: each for each in build_destinations(settings)},
        lease=timedelta(seconds=settings.lease_seconds),
        meter=meter,
        idle=_ASLEEP if settings.is_embedded else _LISTENING,
    )


def _listener(stores: Stores, told: Mapping[str, Callable[[], None]]) -> Service:
    from inference.persistence.listener import Listener

    return Listener(stores.database, told)
