"""The courier: brings recorded results to their Destinations."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from inference.domain.about import about
from inference.domain.delivery import Delivery
from inference.domain.errors import DestinationRefused, DestinationUnreachable
from inference.ports import Archive, Clock, Destination, Outbox
from inference.ports.meter import DeliveryOutcome, Meter, Stage, Unmetered
from inference.worker.backoff import backoff
from inference.worker.crew import Crew
from inference.worker.heartbeat import heartbeat

_log = logging.getLogger(__name__)

_IDLE = 0.5  # seconds between looks at an empty outbox
_FIRST_RETRY = timedelta(seconds=2)
_LONGEST_RETRY = timedelta(minutes=5)


class Courier:
    """Several threads share one outbox, so that a slow Destination does not hold up the rest.

    An unreachable Destination is tried again for ever, ever more seldom, and while it rests
    its other Deliveries rest too. A refusal ends the Delivery as failed, for an operator to
    see and to replay.

    A Delivery is leased while it is under way, however long that takes; `lease` after its
    courier died, any other takes it over. `idle` is how many seconds pass between two looks
    at an empty outbox unless it is woken.
    """

    name = "courier"

    def __init__(
        self,
        outbox: Outbox,
        archive: Archive,
        clock: Clock,
        destinations: Mapping[str, Destination],
        lease: timedelta,
        threads: int = 2,
        meter: Meter | None = None,
        idle: float = _IDLE,
    ) -> None:
        self._outbox = outbox
        self._archive = archive
        self._clock = clock
        self._destinations = dict(destinations)
        self._lease = lease
        self._meter = meter or Unmetered()
        self._resting: dict[str, datetime] = {}
        self._crew = Crew(self.name, threads, self.tick, idle)

    @property
    def alive(self) -> bool:
        return self._crew.alive

    def start(self) -> None:
        self._crew.start()

    def wake(self) -> None:
        """Say that a Delivery may be due. Never blocks."""
        self._crew.wake()

    def stop(self) -> None:
        self._crew.stop()

    def tick(self) -> bool:
        """Try one Delivery if one is due; return whether there was one."""
        delivery = self._outbox.claim(self._clock.now(), self._lease)
        if delivery is None:
            return False
        studies = {each.study_instance_uid for each in delivery.objects}
        with about(next(iter(studies), ""), delivery.job_id):
            self._try(delivery)
        return True

    def _try(self, delivery: Delivery) -> None:
        destination = self._destinations.get(delivery.destination)
        if destination is None:
            self._outbox.fail(
                delivery, f"no destination is called {delivery.destination} in the settings"
            )
            return
        rest = self._resting.get(delivery.destination)
        if rest is not None and self._clock.now() < rest:
            self._outbox.retry(delivery, delivery.error or "waits: the destination rests", rest)
            return
        self._send(destination, delivery)

    def _send(self, destination: Destination, delivery: Delivery) -> None:
        started = time.monotonic()
        outcome = DeliveryOutcome.UNREACHABLE
        name = f"job {delivery.job_id} to {destination.name}"
        try:
            with heartbeat(self._outbox, self._clock, delivery, self._lease, name):
                files = [(each, self._archive.path(each.key)) for each in delivery.objects]
                destination.send(files)
        except DestinationUnreachable as error:
            self._retry(delivery, str(error))
        except DestinationRefused as error:
            outcome = DeliveryOutcome.REFUSED
            _log.error("job %d: %s refused: %s", delivery.job_id, destination.name, error)
            self._outbox.fail(delivery, str(error))
        # A process boundary: an error that nobody foresaw must not end the courier.
        except Exception as error:
            _log.exception("job %d: delivery to %s broke", delivery.job_id, destination.name)
            self._retry(delivery, type(error).__name__)
        else:
            outcome = DeliveryOutcome.DELIVERED
            self._resting.pop(destination.name, None)
            self._outbox.delivered(delivery, self._clock.now())
            _log.info("job %d: delivered to %s", delivery.job_id, destination.name)
        finally:
            self._meter.took(Stage.DELIVER, time.monotonic() - started)
            self._meter.delivered(destination.name, outcome)

    def _retry(self, delivery: Delivery, error: str) -> None:
        wait = backoff(delivery.attempts, _FIRST_RETRY, _LONGEST_RETRY)
        due = self._clock.now() + wait
        self._resting[delivery.destination] = due
        _log.warning(
            "job %d: %s not reached, again in %.0f s: %s",
            delivery.job_id,
            delivery.destination,
            wait.total_seconds(),
            error,
        )
        self._outbox.retry(delivery, error, due)
