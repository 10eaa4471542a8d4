"""The passwords and keys of an embedded installation: made at the first start, kept in HOME/keys.json, for its owner's eyes."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pipeline.errors import BadSettings
from pipeline.services.account import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """`database`: the application's password; `superuser`: that of the role postgres; jwt_*: what closes the store's inside."""

    database: str
    superuser: str
    s3_access: str
    s3_secret: str
    jwt_volume: str
    jwt_volume_read: str
    jwt_filer: str
    jwt_filer_read: str


def open_keys(home: Path) -> Keys:
    """The home's keys, made where there are none. The caller holds the home's lock."""
    file = home / "keys.json"
    try:
        return Keys(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        keys = Keys(**{field.name: secrets.token_urlsafe(32) for field in fields(Keys)})
        Account().write(file, json.dumps(asdict(keys), indent=1))
        return keys
    except (ValueError, TypeError):
        raise BadSettings(f"{file} is damaged.", "Restore it from a copy: the services cannot be opened without it.") from None
