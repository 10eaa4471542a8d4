"""The kinds of values that settings take, with their ranges, and the base of all tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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


TesseractInterfaceChoice = Literal["auto", "library", "program"]
"""How Tesseract is called: see pipeline/ocr/engines/tesseract.py."""


class Section(BaseModel):
    """A table of the settings. An unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
