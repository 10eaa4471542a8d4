"""The tables of the settings, except those of deliveries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator

from pipeline.config.values import (
    Count,
    Days,
    MeanCount,
    Megabytes,
    Minutes,
    Networks,
    PositiveNumber,
    PositiveSeconds,
    Prior,
    Probability,
    Seconds,
    Section,
    TesseractInterfaceChoice,
    Trust,
)


class DatabaseSettings(Section):
    dsn: SecretStr | None = None
    """The Postgres to use: postgresql://user:password@host/database. Default: the embedded one, under the
    home.
    """
    replica_dsn: SecretStr | None = None
    """A streaming standby that searches and charts are read from. Default: everything is read from the
    database.
    """
    max_replica_lag_seconds: Seconds
    connect_timeout_seconds: Seconds
    allow_insecure: bool


class StorageSettings(Section):
    endpoint: str | None = None
    """The S3 server to use, host:port. Default: the embedded SeaweedFS under the home."""
    access_key: str | None = None
    """The access key of the S3 server."""
    secret_key: SecretStr | None = None
    """The secret key of the S3 server."""
    bucket: str = Field(min_length=3, max_length=63)
    secure: bool
    ca: Path | None = None
    """The authorities that may have signed the S3 server's certificate, PEM. Default: those of the system."""
    connect_timeout_seconds: Seconds
    allow_insecure: bool


class IntakeSettings(Section):
    folder: Path | None = None
    """The folder that is watched. Default: HOME/intake."""
    stable_seconds: Seconds
    incomplete_grace_seconds: Seconds
    poll_seconds: PositiveSeconds
    on_success: Literal["move", "delete"]
    done_days: Days
    batch_idle_seconds: Seconds
    report_ignored_after_seconds: Seconds
    min_free_disk_mb: Megabytes
    max_bytes: Count
    max_pages: Count
    max_pixels: Count
    max_render_pixels: Count
    open_cpu_limit_seconds: PositiveSeconds
    page_cpu_limit_seconds: PositiveSeconds
    open_memory_limit_mb: Count


class OcrSettings(Section):
    languages: str
    tesseract: TesseractInterfaceChoice
    second_engine: Literal["never", "low_confidence", "always"]
    jpeg_quality: int = Field(ge=1, le=100)
    page_timeout_seconds: PositiveSeconds

    @field_validator("languages")
    @classmethod
    def _names_joined_by_plus(cls, languages: str) -> str:
        if not re.fullmatch(r"[\w/.-]+(\+[\w/.-]+)*", languages):
            raise ValueError('name languages joined by +, as in "eng+spa"')
        return languages


class ClassifySettings(Section):
    type_threshold: Probability
    split_threshold: Probability
    page_threshold: Probability
    mrn_patterns: tuple[str, ...]
    mrn_check: Literal["none", "luhn", "mod11"]
    placeholder_names: tuple[str, ...]
    date_order: Literal["month_first", "day_first"]

    @field_validator("mrn_patterns")
    @classmethod
    def _are_regular_expressions(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression ({error})") from None
        return patterns


class MatchingSettings(Section):
    threshold: Probability
    review_threshold: Probability
    min_margin_bits: float = Field(ge=0, le=100)
    candidates: int = Field(ge=1, le=1000)
    prior_not_in_index: Prior
    assigning_authority: str
    weights: Path | None = None
    """A file of `train matching`. Default: the shipped weights of config/match_weights.toml."""
    min_population: Count
    pair_population: Count
    pair_prior_distinct: Prior
    pair_threshold: Probability
    prior_twins: MeanCount
    prior_relatives: MeanCount
    prior_namesakes: MeanCount


class AdtSettings(Section):
    host: str = Field(min_length=1)
    port: int = Field(ge=0, le=65535)
    tls_handshake_timeout_seconds: PositiveSeconds
    tls_certificate: Path | None = None
    """The listener's certificate with its chain, PEM. Default: HL7 messages are received without TLS."""
    tls_key: Path | None = None
    """The key of that certificate, PEM."""
    tls_client_ca: Path | None = None
    """Authorities, PEM: only senders with a certificate that one of them has signed may connect."""
    allowed_networks: Networks
    allow_insecure: bool
    max_connections: Count
    max_connections_per_sender: Count
    idle_timeout_seconds: PositiveSeconds
    message_timeout_seconds: PositiveSeconds
    max_message_bytes: int = Field(ge=1000, le=100_000_000)
    max_segments: Count
    max_values: Count
    max_value_bytes: Count


class WorkerSettings(Section):
    processes: int = Field(ge=0, le=1024)
    stalled_worker_seconds: PositiveSeconds
    max_retries: int = Field(ge=0, le=100)
    ocr_cache_days: Days
    min_free_disk_mb: Megabytes
    min_free_memory_mb: Megabytes
    max_worker_memory_mb: Count


class WebSettings(Section):
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    session_idle_minutes: Minutes
    claim_lease_minutes: Minutes
    double_entry: bool
    trusted_proxies: Networks
    allow_insecure: bool
    max_connections: Count
    max_connections_per_client: Count
    request_header_timeout_seconds: PositiveSeconds
    request_body_timeout_seconds: PositiveSeconds
    min_upload_bytes_per_second: Count
    max_request_bytes: Count
    tls_certificate: Path | None = None
    """The certificate of the web application with its chain, PEM."""
    tls_key: Path | None = None
    """The key of that certificate, PEM."""
    oidc_issuer: str | None = None
    """The identity provider's address. Default: users sign in with a password only."""
    oidc_client_id: str | None = None
    """The client ID that the identity provider has given Chartloom."""
    oidc_client_secret: SecretStr | None = None
    """The secret that belongs to the client ID."""
    oidc_name: str = "the hospital's sign-in"
    """What the sign-in page calls the identity provider."""


class DisplaySettings(Section):
    """How dates and times are shown to people. Stored data and JSON keep ISO 8601."""

    date_order: Literal["mdy", "dmy", "ymd"]
    time_zone: str

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            if name:
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError('use a name of the IANA time zone database, such as "America/Chicago"') from None
        return name


class MetricsSettings(Section):
    host: str = Field(min_length=1)
    web_port: int = Field(ge=0, le=65535)
    worker_port: int = Field(ge=0, le=65535)
    allowed_networks: Networks
    allow_insecure: bool
    tls_certificate: Path | None = None
    """The certificate of the Prometheus listeners with its chain, PEM. Default: without TLS."""
    tls_key: Path | None = None
    """The key of that certificate, PEM."""
    tls_client_ca: Path | None = None
    """Authorities, PEM: only scrapers with a certificate that one of them has signed may connect."""


class CostModel(Section):
    """What a page costs, measured: `archive plan` multiplies these numbers."""

    cpu_seconds: PositiveNumber
    page_bytes: PositiveNumber
    database_bytes: PositiveNumber
    pages_per_file: PositiveNumber


class ArchiveSettings(Section):
    """How a legacy archive is imported; see docs/how-to/migrate-an-archive.md."""

    patient: Trust
    type: Trust
    date: Trust
    mrn_accuracy: Prior
    type_accuracy: Prior
    schedule: str
    max_worker_share: float = Field(gt=0, le=1)
    prefetch_per_worker: int = Field(ge=0, le=1000)
    batch_documents: Count
    sample_files: Count
    cost_model: CostModel

    @field_validator("schedule")
    @classmethod
    def _is_a_span(cls, schedule: str) -> str:
        moment = r"([01]\d|2[0-3]):[0-5]\d"
        if schedule and not re.fullmatch(f"{moment}-{moment}", schedule):
            raise ValueError('write it as "19:00-06:00", or "" for always')
        return schedule
