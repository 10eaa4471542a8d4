"""The kinds of values that settings take, with their ranges, and the base of all tables."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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


IpNetwork = IPv4Network | IPv6Network


def parse_network(value: Any) -> Any:
    """Return a network written as "10.20.0.0/16" or as one address. Raises ValueError."""
    if isinstance(value, IpNetwork):
        return value
    try:
        return ip_network(str(value))
    except ValueError:
        raise ValueError('write networks as "10.20.0.0/16", and single addresses as "10.20.0.7"') from None


Network = Annotated[IpNetwork, BeforeValidator(parse_network)]
Networks = tuple[Network, ...]


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, an IPv4 address in IPv6 notation as IPv4; None if the text is none."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def contains(networks: Networks, address: str) -> bool:
    """Return whether one of the networks has the address. An IPv4 address in IPv6 notation counts as IPv4."""
    found = parse_address(address)
    return found is not None and any(found in network for network in networks)


TesseractInterfaceChoice = Literal["auto", "library", "program"]
"""How Tesseract is called: see pipeline/ocr/engines/tesseract.py."""


class Section(BaseModel):
    """A table of the settings. An unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
