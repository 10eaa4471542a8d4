"""The settings: config/default.toml, overridden by HOME/chartloom.toml, overridden by CHARTLOOM_* in the
environment.

The environment variable of a setting has two underscores after its table: CHARTLOOM_OCR__LANGUAGES=eng+spa. A
setting that does not exist or whose value is out of range is refused: see pipeline/config_errors.py.
"""

from __future__ import annotations

import logging
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from pipeline.config_errors import describe_problems, misspelled_variables, unknown_variables
from pipeline.errors import ConfigurationError
from pipeline.records import DocumentType
from pipeline.resources import CONFIG, DEFAULT_HOME, home_folder

WEEK_SECONDS = 604_800

Seconds = Annotated[float, Field(ge=0, le=WEEK_SECONDS)]
PositiveSeconds = Annotated[float, Field(gt=0, le=WEEK_SECONDS)]
Minutes = Annotated[int, Field(ge=1, le=1440)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Megabytes = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Prior = Annotated[float, Field(gt=0, lt=1)]
"""A probability whose logarithm, and that of its complement, must be finite."""
PositiveNumber = Annotated[float, Field(gt=0)]
MeanCount = Annotated[float, Field(ge=0)]
Trust = Literal["ignore", "evidence", "trust"]


class Section(BaseModel):
    """A table of the settings. An unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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


class StorageSettings(Section):
    endpoint: str | None = None
    """The S3 server to use, host:port. Default: the embedded SeaweedFS under the home."""
    access_key: str | None = None
    """The access key of the S3 server."""
    secret_key: SecretStr | None = None
    """The secret key of the S3 server."""
    bucket: str = Field(min_length=3, max_length=63)
    secure: bool
    connect_timeout_seconds: Seconds


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
    tls_handshake_timeout_seconds: PositiveSeconds
    tls_certificate: Path | None = None
    """The listener's certificate with its chain, PEM. Default: HL7 messages are received without TLS."""
    tls_key: Path | None = None
    """The key of that certificate, PEM."""
    tls_client_ca: Path | None = None
    """Authorities, PEM: only senders with a certificate that one of them has signed may connect. Default: any
    sender that reaches the port.
    """


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
    behind_proxy: bool
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


class DestinationSettings(Section):
    """A system that filed documents are delivered to; see docs/how-to/deliver.md. Secrets belong in the
    environment.
    """

    kind: Literal["fhir", "mhd", "mdm", "folder"]
    """The form of delivery."""
    address: str = Field(min_length=1)
    """fhir and mhd: the base address; mdm: host:port; folder: a path."""
    content: Literal["pdf", "xds-sd"] = "pdf"
    """The content of a document: the PDF, or a CDA document (XDS-SD) that contains it."""
    types: tuple[str, ...] = ()
    """Deliver only documents of these types. Default: all."""
    departments: tuple[str, ...] = ()
    """Deliver only documents of these departments. Default: all."""
    classes: tuple[str, ...] = ()
    """Deliver only documents of encounters of these patient classes (PV1-2). Default: all."""
    parallel: int = Field(default=1, ge=1, le=32)
    """Deliveries at the same time."""
    confirm: bool = True
    """fhir and mhd: read the document back after it was accepted."""
    binary: Literal["put", "inline"] = "put"
    """fhir: send the PDF as a Binary of its own, or within the DocumentReference."""
    patients: Literal["search", "identifier"] = "search"
    """fhir and mhd: refer to a patient by the server's own id, or by MRN."""
    transaction: Literal["iti-65", "iti-105"] = "iti-65"
    """mhd: Provide Document Bundle, or Simplified Publish."""
    metadata: Literal["minimal", "comprehensive"] = "minimal"
    """mhd: the profile of the metadata."""
    facility_type: str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode|HOSP|Hospital"
    """mhd: the code of the facility, system|code|display."""
    practice_setting: str = "http://snomed.info/sct|394658006|Clinical specialty"
    """mhd: the code of the practice setting, system|code|display."""
    application: str = ""
    """mdm: the receiving application, MSH-5."""
    facility: str = ""
    """mdm: the receiving facility, MSH-6."""
    token: SecretStr | None = None
    """fhir and mhd: a bearer token that does not change."""
    token_url: str | None = None
    """fhir and mhd: the OAuth 2.0 token endpoint."""
    client_id: str | None = None
    """fhir and mhd: the OAuth 2.0 client ID."""
    client_secret: SecretStr | None = None
    """fhir and mhd: the OAuth 2.0 client secret."""
    client_key: Path | None = None
    """fhir and mhd: the private key, PEM, of a client that authenticates with a signed JWT
    (private_key_jwt).
    """
    scope: str = ""
    """fhir and mhd: the OAuth 2.0 scopes to ask for, separated by spaces."""
    tls: bool = False
    """mdm: MLLP over TLS. For the other kinds the address decides."""
    ca: Path | None = None
    """The authorities that may have signed the receiver's certificate, PEM. Default: those of the system."""
    certificate: Path | None = None
    """Chartloom's own certificate for mutual TLS, PEM."""
    key: Path | None = None
    """The key of that certificate, PEM."""


class DeliverySettings(Section):
    organization_name: str = Field(min_length=1)
    oid_root: str = ""
    """The root of the identifiers that Chartloom makes, an OID without urn:oid:. Default: an OID made from
    the installation's UUID.
    """
    mrn_system: str
    mrn_authority: str
    poll_seconds: PositiveSeconds
    connect_timeout_seconds: PositiveSeconds
    response_timeout_seconds: PositiveSeconds
    initial_backoff_seconds: PositiveSeconds
    max_backoff_seconds: PositiveSeconds
    retry_for_hours: float = Field(ge=0)
    max_rejections: Count
    destinations: dict[str, DestinationSettings] = Field(default_factory=dict)
    """The systems that documents are delivered to, by name: [delivery.destinations.NAME]; see
    docs/how-to/deliver.md.
    """

    @field_validator("oid_root")
    @classmethod
    def _is_an_oid(cls, root: str) -> str:
        if root and not re.fullmatch(r"[0-2](\.(0|[1-9]\d*))+", root):
            raise ValueError("write an OID without urn:oid:, such as 2.16.840.1.113883.3.9999")
        return root


class MetricsSettings(Section):
    host: str = Field(min_length=1)
    web_port: int = Field(ge=0, le=65535)
    worker_port: int = Field(ge=0, le=65535)


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


class Settings(BaseSettings):
    """All settings of an installation."""

    model_config = SettingsConfigDict(
        env_prefix="CHARTLOOM_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Field(default=DEFAULT_HOME)
    database: DatabaseSettings
    storage: StorageSettings
    intake: IntakeSettings
    ocr: OcrSettings
    classify: ClassifySettings
    matching: MatchingSettings
    adt: AdtSettings
    worker: WorkerSettings
    web: WebSettings
    display: DisplaySettings
    archive: ArchiveSettings
    delivery: DeliverySettings
    metrics: MetricsSettings

    @property
    def intake_folder(self) -> Path:
        return self.intake.folder or self.home / "intake"

    @property
    def done_folder(self) -> Path:
        return self.intake_folder.parent / "done"

    @property
    def scratch_folder(self) -> Path:
        return self.home / "scratch"

    @property
    def intake_scratch(self) -> Path:
        return self.scratch_folder / "intake"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        local = TomlConfigSettingsSource(
            settings_cls, settings_file(init_settings().get("home") or home_folder())
        )
        default = TomlConfigSettingsSource(settings_cls, CONFIG / "default.toml")
        return init_settings, env_settings, local, default


def load_settings(home: Path | None = None) -> Settings:
    """Return the settings in force.

    Raises:
        ConfigurationError: Its message names each setting that is wrong, with the file and line or the
            environment variable.
    """
    local = settings_file(home or home_folder())
    overrides: dict[str, Any] = {} if home is None else {"home": home}
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        problems = describe_problems(error, Settings, (local, CONFIG / "default.toml"))
        raise _refusal([*unknown_variables(Settings), *problems]) from None
    except SettingsError as error:
        raise _refusal([f"environment: {error}. Write lists and tables as JSON."]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refusal([f"{local} is not valid TOML: {error}."]) from None
    except OSError as error:
        raise _refusal([f"{local} cannot be read: {error.strerror}."]) from None
    if problems := unknown_variables(Settings):
        raise _refusal(problems)
    _warn_once(tuple(misspelled_variables(Settings)))
    return settings.model_copy(update={"home": settings.home.expanduser().resolve()})


def settings_file(home: Path) -> Path:
    """Return the settings file of the installation in that folder. It need not exist."""
    return home.expanduser() / "chartloom.toml"


def _refusal(problems: list[str]) -> ConfigurationError:
    return ConfigurationError("\n".join(problems), "See docs/reference/settings.md.")


@cache
def _warn_once(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        logging.getLogger(__name__).warning(warning)


@cache
def document_types() -> dict[str, DocumentType]:
    """Return the catalog of config/document_types.toml, by key."""
    table = tomllib.loads((CONFIG / "document_types.toml").read_text(encoding="utf-8"))
    return {
        key: DocumentType(
            key=key,
            name=entry["name"],
            loinc=entry.get("loinc"),
            department=entry["department"],
            clinical=entry["clinical"],
            required_fields=tuple(entry.get("required_fields", ())),
            retention=entry["retention"],
            titles=tuple(entry.get("titles", ())),
            weak_titles=tuple(entry.get("weak_titles", ())),
            files_as=entry.get("files_as"),
            near=tuple(entry.get("near", ())),
            confidentiality=entry.get("confidentiality", "N"),
        )
        for key, entry in table.items()
    }
