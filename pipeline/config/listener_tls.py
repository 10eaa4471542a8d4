"""TLS of the listeners for programs."""

from __future__ import annotations

import ssl

from pipeline.config.sections import AdtSettings, MetricsSettings
from pipeline.errors import ConfigurationError


def server_tls_context(table: str, feed: AdtSettings | MetricsSettings) -> ssl.SSLContext | None:
    """Return a context for TLS 1.2 or later with the certificate in the settings; None if there is none.

    If the settings have a client CA, clients must present a certificate that it signed.

    Args:
        table: the table of the settings, for the error.
        feed: the settings.

    Raises:
        ConfigurationError: if a certificate or key cannot be used.
    """
    if feed.tls_certificate is None:
        if feed.tls_client_ca or feed.tls_key:
            raise ConfigurationError(
                f"{table}.tls_key or {table}.tls_client_ca is set, but no {table}.tls_certificate.",
                f"Set {table}.tls_certificate as well, or none of them.",
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(feed.tls_certificate, feed.tls_key)
        if feed.tls_client_ca is not None:
            context.load_verify_locations(feed.tls_client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"{table}: the TLS files cannot be used: {error}.",
            "They must be PEM files, and the key must have no password.",
        ) from None
    return context
