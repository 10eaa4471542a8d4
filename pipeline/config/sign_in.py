"""The settings of signing in: passwords, second factor, re-authentication, API tokens."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from pipeline.config.values import Minutes, Section

RoleName = Literal["clerk", "reviewer", "clinician", "supervisor", "privacy_officer", "administrator"]


class SignInSettings(Section):
    """How people and programs prove who they are; see docs/how-to/sign-in.md."""

    passwords: Literal["always", "emergency", "never"]
    second_factor_roles: tuple[RoleName, ...]
    reauthentication_minutes: Minutes
    temporary_password_hours: int = Field(ge=1, le=720)
    token_days: int = Field(ge=1, le=3650)
    max_token_days: int = Field(ge=1, le=3650)

    @field_validator("max_token_days")
    @classmethod
    def _allows_the_default(cls, days: int, info: ValidationInfo) -> int:
        if days < info.data.get("token_days", 0):
            raise ValueError("use at least sign_in.token_days")
        return days
