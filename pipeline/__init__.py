"""Chartloom: a hospital's paper charts become a findable electronic record."""

__version__ = "0.1.0"
