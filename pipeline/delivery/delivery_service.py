"""Deliver to all destinations at once, with one thread for each destination, until stopped."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

from pipeline.config import DeliverySettings
from pipeline.delivery.delivery_loop import DeliveryLoop
from pipeline.errors import ConfigurationError
from pipeline.store.database import Connection


class DeliveryService:
    """Delivers to the destinations in the settings, or to those listed in `only`.

    Args:
        settings: the delivery settings.
        connect: opens a database connection.
        fetch: returns the stored object with a SHA-256.
        only: names of destinations; empty: all.

    Raises:
        ConfigurationError: if the settings have no destination, or not the one listed.
    """

    def __init__(
        self,
        settings: DeliverySettings,
        connect: Callable[[], Connection],
        fetch: Callable[[str], bytes],
        only: tuple[str, ...] = (),
    ) -> None:
        unknown = set(only) - set(settings.destinations)
        if unknown or not settings.destinations:
            missing = ", ".join(sorted(unknown)) or "any destination"
            raise ConfigurationError(
                f"The settings do not define {missing}.",
                "Add it under [delivery.destinations]; see docs/how-to/deliver.md.",
            )
        self.stopping = Event()
        names = only or tuple(settings.destinations)
        self.loops = [
            DeliveryLoop(name, settings.destinations[name], settings, connect, fetch, self.stopping)
            for name in names
        ]

    def run(self, *, once: bool = False) -> int:
        """Deliver until `stop` is called or, with `once`, until nothing more can be delivered.

        Returns:
            The number of deliveries that were accepted.
        """
        errors: list[BaseException] = []

        def run_loop(loop: DeliveryLoop) -> None:
            try:
                loop.run(once=once)
            except BaseException as error:  # raised again in the caller's thread
                errors.append(error)
                self.stopping.set()

        threads = [Thread(target=run_loop, args=[loop], name=f"deliver-{loop.name}") for loop in self.loops]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
        if errors:
            raise errors[0]
        return sum(loop.sent for loop in self.loops)

    def stop(self, *_: object) -> None:
        """Finish the deliveries in progress and start no more."""
        self.stopping.set()
