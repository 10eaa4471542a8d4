"""The settings: config/default.toml, overridden by HOME/chartloom.toml, overridden by CHARTLOOM_* in the
environment.

The environment variable of a setting has two underscores after its table: CHARTLOOM_OCR__LANGUAGES=eng+spa. A
setting that does not exist or whose value is out of range is refused: see pipeline/config_errors.py.
"""

from __future__ import annotations

from pipeline.config.catalog import document_types
from pipeline.config.deliveries import DeliverySettings, DestinationSettings
from pipeline.config.sections import (
    AdtSettings,
    ArchiveSettings,
    ClassifySettings,
    CostModel,
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
from pipeline.config.settings import Settings, load_settings, settings_file
from pipeline.config.sign_in import SignInSettings
from pipeline.config.values import TesseractInterfaceChoice

__all__ = [
    "AdtSettings",
    "ArchiveSettings",
    "ClassifySettings",
    "CostModel",
    "DatabaseSettings",
    "DeliverySettings",
    "DestinationSettings",
    "DisplaySettings",
    "IntakeSettings",
    "MatchingSettings",
    "MetricsSettings",
    "OcrSettings",
    "Settings",
    "SignInSettings",
    "StorageSettings",
    "TesseractInterfaceChoice",
    "WebSettings",
    "WorkerSettings",
    "document_types",
    "load_settings",
    "settings_file",
]
