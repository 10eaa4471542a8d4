"""What is compared of labels, and the word lists of config/fields_words.toml."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache

from pipeline.resources import CONFIG

CONFUSABLE = str.maketrans({"0": "o", "1": "l", "5": "s", "8": "b", "¢": "c", "!": "l", "é": "e", "q": "o"})


@lru_cache(maxsize=20_000)
def label_key(text: str) -> str:
    """Return what is compared of a label: its letters, digits and number signs, in lower case.

    The key of several words is the concatenation of the keys of each.
    """
    return re.sub(r"[^a-z0-9#]", "", text.lower().replace("¢", "c").replace("number", "no"))


@lru_cache(maxsize=20_000)
def fold_confusable(key: str) -> str:
    """Return the key with characters that OCR confuses replaced by one of them."""
    return key.translate(CONFUSABLE).replace("rn", "m")


@lru_cache(maxsize=20_000)
def label_words(text: str) -> str:
    """Return the text as the patterns of labels have it: letters, digits, "#" and "/", in lower case."""
    return re.sub(r"[^a-z0-9#/ ]", "", text.lower().replace("'s ", "s ").replace("’s ", "s "))


@cache
def word_list(name: str) -> frozenset[str]:
    """Return a list of config/fields_words.toml."""
    table = tomllib.loads((CONFIG / "fields_words.toml").read_text(encoding="utf-8"))
    return frozenset(str(table[name]).split())
