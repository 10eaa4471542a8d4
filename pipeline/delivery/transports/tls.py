"""TLS to a receiver: its certificate is always verified; a client certificate is sent if the settings have
one."""

from __future__ import annotations

import ssl

from pipeline.config import DestinationSettings
from pipeline.errors import ConfigurationError


def tls_context(settings: DestinationSettings) -> ssl.SSLContext:
    """Return the TLS context of a destination.

    Raises:
        ConfigurationError: if a certificate or key is missing or cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=None if settings.ca is None else str(settings.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.certificate is not None:
            context.load_cert_chain(settings.certificate, settings.key)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(str(file) for file in (settings.ca, settings.certificate, settings.key) if file)
        raise ConfigurationError(
            f"The certificates cannot be read ({files}): {error.strerror or error}.", "Correct the settings."
        ) from None
    return context
