"""All settings together, and how they are loaded."""

from __future__ import annotations

import logging
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from pipeline.config.deliveries import DeliverySettings
from pipeline.config.sections import (
    AdtSettings,
    ArchiveSettings,
    ClassifySettings,
    DatabaseSettings,
    DisplaySettings,
    IntakeSettings,
    MatchingSettings,
    MetricsSettings,
    OcrSettings,
    StorageSettings,
    WebSettings,
    WorkerSettings,
)
from pipeline.config.sign_in import SignInSettings
from pipeline.config_errors import describe_problems, misspelled_variables, unknown_variables
from pipeline.errors import ConfigurationError
from pipeline.resources import CONFIG, DEFAULT_HOME, home_folder


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
    sign_in: SignInSettings
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
    """Return the current settings.

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
