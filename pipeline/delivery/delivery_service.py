"""All destinations at once: a thread for the round of each, until stopped."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

from pipeline.config import DeliverySettings
from pipeline.delivery.delivery_loop import Round
from pipeline.errors import BadSettings
from pipeline.store.database import Connection


class Deliverer:
    """Delivers to the destinations of the settings, or to those named."""

    def __init__(
        self,
        settings: DeliverySettings,
        connect: Callable[[], Connection],
        fetch: Callable[[str], bytes],
        only: tuple[str, ...] = (),
    ) -> None:
        unknown = set(only) - set(settings.to)
        if unknown or not settings.to:
            missing = ", ".join(sorted(unknown)) or "any destination"
            raise BadSettings(f"The settings do not say where {missing} is.", "See docs/how-to/deliver.md.")
        self.stopping = Event()
        names = only or tuple(settings.to)
        self.rounds = [
            Round(name, settings.to[name], settings, connect, fetch, self.stopping) for name in names
        ]

    def run(self, *, once: bool = False) -> int:
        """Deliver until `stop`, or with `once` until nothing can be delivered any more; how many were."""
        failed: list[BaseException] = []

        def go(round: Round) -> None:
            try:
                round.run(once=once)
            except BaseException as error:  # handed to whoever runs us
                failed.append(error)
                self.stopping.set()

        threads = [Thread(target=go, args=[round], name=f"round-{round.name}") for round in self.rounds]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
        if failed:
            raise failed[0]
        return sum(round.sent for round in self.rounds)

    def stop(self, *_: object) -> None:
        """What is under way is finished, nothing more is begun."""
        self.stopping.set()
