"""Settings: config/default.toml, then HOME/chartloom.toml, then CHARTLOOM_* in the environment; the last word
wins.

A nested setting is written with two underscores in the environment: CHARTLOOM_OCR__LANGUAGES=eng+spa.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from pipeline.errors import ConfigurationError
from pipeline.records import DocumentType

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "config"
MODELS = ROOT / "models"


class Section(BaseModel):
    """A table of the settings; an unknown key is a mistake, not a comment."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(Section):
    dsn: SecretStr | None = None
    """None: the embedded Postgres under the home is used."""
    replica_dsn: SecretStr | None = None
    """A streaming standby that searches and charts are read from; None: everything is asked of the
    database.
    """
    replica_behind_seconds: float
    wait_seconds: float


class StorageSettings(Section):
    endpoint: str | None = None
    """host:port; None: the embedded SeaweedFS under the home is used."""
    access_key: str | None = None
    secret_key: SecretStr | None = None
    bucket: str
    secure: bool
    wait_seconds: float


class IntakeSettings(Section):
    folder: Path | None = None
    """None: HOME/intake."""
    stable_seconds: float
    incomplete_seconds: float
    poll_seconds: float
    after: Literal["move", "delete"]
    done_days: int
    batch_quiet_seconds: float
    min_free_mb: int
    max_bytes: int
    max_pages: int
    max_pixels: int
    page_pixels: int
    open_seconds: float
    page_seconds: float
    open_memory_mb: int


class OcrSettings(Section):
    languages: str
    second_engine: Literal["never", "doubtful", "always"]
    jpeg_quality: int
    page_seconds: float


class ClassifySettings(Section):
    type_threshold: float
    cut_threshold: float
    page_threshold: float
    mrn_patterns: tuple[str, ...]
    mrn_check: Literal["none", "luhn", "mod11"]


class MatchSettings(Section):
    threshold: float
    possible: float
    distance: float
    candidates: int
    absent: float
    home_facility: str
    weights: Path | None = None
    """A file of `patients train`; None: the shipped weights of config/match_weights.toml."""
    smallest_population: int
    pairs_population: int
    pairs_absent: float
    pairs_threshold: float
    twins: float
    relatives: float
    namesakes: float


class AdtSettings(Section):
    handshake_seconds: float
    tls_certificate: Path | None = None
    """The listener's certificate and those above it, PEM; None: HL7 messages come without TLS."""
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """Who may send: only senders with a certificate signed by these authorities. None: whoever reaches the
    port.
    """


class WorkSettings(Section):
    workers: int
    """0: one for each core."""
    takeover_seconds: float
    retries: int
    reading_days: int
    free_disk_mb: int
    free_memory_mb: int
    worker_memory_mb: int


class WebSettings(Section):
    host: str
    port: int
    idle_minutes: int
    lease_minutes: int
    double_entry: bool
    behind_proxy: bool
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    oidc_issuer: str | None = None
    """The identity provider's address; None: people sign in with a password alone."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_name: str = "the hospital's sign-in"


class DisplaySettings(Section):
    """How dates and times are shown to people; stored data and JSON keep ISO 8601."""

    date_order: Literal["mdy", "dmy", "ymd"]
    time_zone: str
    """A name of the IANA time zone database, such as America/Chicago; "": the machine's time zone."""


class DestinationSettings(Section):
    """Another system that filed documents are delivered to; see docs/how-to/deliver.md. Secrets belong in the
    environment.
    """

    kind: Literal["fhir", "mhd", "mdm", "folder"]
    address: str
    """fhir, mhd: the base address; mdm: host:port; folder: a path."""
    content: Literal["pdf", "xds-sd"] = "pdf"
    types: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    parallel: int = Field(default=1, ge=1, le=32)
    confirm: bool = True
    binary: Literal["put", "inline"] = "put"
    patients: Literal["search", "identifier"] = "search"
    transaction: Literal["iti-65", "iti-105"] = "iti-65"
    metadata: Literal["minimal", "comprehensive"] = "minimal"
    facility_type: str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode|HOSP|Hospital"
    practice_setting: str = "http://snomed.info/sct|394658006|Clinical specialty"
    application: str = ""
    facility: str = ""
    token: SecretStr | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    client_key: Path | None = None
    scope: str = ""
    tls: bool = False
    """mdm: MLLP over TLS; for the others the address says it."""
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class DeliverySettings(Section):
    house: str
    oid: str = ""
    """The root of our identifiers, without urn:oid:; "": one made from the installation's own UUID."""
    mrn_system: str
    mrn_authority: str
    poll_seconds: float
    connect_seconds: float
    answer_seconds: float
    first_retry_seconds: float
    longest_retry_seconds: float
    give_up_hours: float
    refusals: int
    to: dict[str, DestinationSettings] = Field(default_factory=dict)


class MigrateFigures(Section):
    """What a page costs, measured: what `migrate plan` counts with."""

    cpu_seconds: float
    page_bytes: float
    database_bytes: float
    pages_per_file: float


class MigrateSettings(Section):
    """How an old archive is moved in; see docs/how-to/migrate-an-archive.md."""

    patient: Literal["ignore", "evidence", "believe"]
    type: Literal["ignore", "evidence", "believe"]
    date: Literal["ignore", "evidence", "believe"]
    mrn_right: float
    type_right: float
    hours: str
    share: float = Field(gt=0, le=1)
    ahead: int
    batch_documents: int
    opened: int
    figures: MigrateFigures


class Settings(BaseSettings):
    """All settings of an installation."""

    model_config = SettingsConfigDict(
        env_prefix="CHARTLOOM_", env_nested_delimiter="__", extra="ignore", frozen=True
    )

    home: Path = Field(default=Path("~/.chartloom"))
    database: DatabaseSettings
    storage: StorageSettings
    intake: IntakeSettings
    ocr: OcrSettings
    classify: ClassifySettings
    match: MatchSettings
    adt: AdtSettings
    work: WorkSettings
    web: WebSettings
    display: DisplaySettings
    migrate: MigrateSettings
    deliveries: DeliverySettings

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
        home = Path(
            init_settings().get("home") or os.environ.get("CHARTLOOM_HOME") or "~/.chartloom"
        ).expanduser()
        local = TomlConfigSettingsSource(settings_cls, home / "chartloom.toml")
        default = TomlConfigSettingsSource(settings_cls, CONFIG / "default.toml")
        return init_settings, env_settings, local, default


def load_settings(home: Path | None = None, **given: Any) -> Settings:
    """The settings in force. Raises BadSettings, naming the setting and what was wrong with it."""
    if home is not None:
        given["home"] = home
    try:
        settings = Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"Settings: {wrong}.", "See docs/reference/settings.md.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"A settings file is not valid TOML: {error}.", "See docs/reference/settings.md."
        ) from None
    return settings.model_copy(update={"home": settings.home.expanduser().resolve()})


@cache
def document_types() -> dict[str, DocumentType]:
    """The catalogue of config/document_types.toml, by key."""
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
        )
        for key, entry in table.items()
    }
