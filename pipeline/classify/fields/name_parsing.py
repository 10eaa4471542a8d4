"""Names of people: what looks like one, where it ends, and how it is put into the order of speech."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.classify.fields.date_parsing import MONTHS
from pipeline.classify.fields.labels import key_of, lexicon, word_list
from pipeline.records import Word

SUFFIXES, TITLES, PARTICLES, CREDENTIALS, NOT_NAMES, STATES = (
    word_list(name) for name in ("suffixes", "titles", "particles", "credentials", "not_names", "states")
)
TOKEN = re.compile(r"^[^\W\d_][^\W\d_'’.\-]*(?:['’\-.][^\W\d_]+)*\.?$")
SPECIALTY = re.compile(
    r"(ology|iatry|iatrics|surgery|medicine)$|^(internal|emergency|family|oncology|general)$"
)
LONGEST = 6


def name_words(words: Sequence[Word]) -> tuple[Word, ...]:
    """The leading words that make up a name; empty where there is none.

    A doctor's name (with a credential) is no patient's: see `is_clinician`.
    """
    taken: list[Word] = []
    for word in words:
        for piece in _pieces(word):
            text = _bare(piece.text)
            if not text:
                if taken and taken[-1].text.endswith(","):
                    continue
                return tuple(taken)
            low = text.lower().replace(".", "")
            if not TOKEN.match(text) or not (text[0].isupper() or low in PARTICLES) or _stops(low, text):
                return tuple(taken)
            if (
                _in_capitals(taken)
                and len(text) > 2
                and not text.isupper()
                and low not in SUFFIXES | PARTICLES
            ):
                return tuple(taken)  # "SMITH, HANNAH M Number": the next label
            taken.append(piece)
            if len(taken) == LONGEST:
                return tuple(taken)
        if word.text.endswith((";", "|", ":")):
            break
    return tuple(taken)


def _in_capitals(words: Sequence[Word]) -> bool:
    """Are family and given name there, all in capitals, and no comma before what follows?"""
    whole = [text for word in words if len(text := _bare(word.text)) > 2]
    return len(whole) >= 2 and all(text.isupper() for text in whole) and not words[-1].text.endswith(",")


def without_office(words: Sequence[Word]) -> Sequence[Word]:
    """The words without "Dr.", the specialty, or the end of a date before a clinician's name."""
    at = 0
    while (
        at < len(words) - 1
        and (low := _bare(words[at].text).lower().replace(".", ""))
        and (low in ("dr", "doctor") or low in MONTHS or SPECIALTY.search(low) is not None)
    ):
        at += 1
    return words[at:]


def _pieces(word: Word) -> list[Word]:
    """ "Solis,Eileen", ",Pamela", "A._Howard" and "KevinC" are words that the reader did not divide."""
    text = re.sub(r"(?<=[A-Za-z]),(?=[A-Za-z])", ", ", word.text)
    text = re.sub(r"(?<=[a-z.])_+(?=[A-Z])|(?<=[a-z]{2})(?=[A-Z]$)", " ", text)
    parts = text.split()
    return (
        [word]
        if len(parts) < 2
        else [Word(text=part, box=word.box, confidence=word.confidence) for part in parts]
    )


def _bare(text: str) -> str:
    return re.sub(r"[,;:|)\]}*_—–~“”\"\-]+$", "", re.sub(r"^[|(\[{*_—–~.,“”\"'‘:\-]+", "", text))


def _stops(low: str, text: str) -> bool:
    return (low in NOT_NAMES and not (len(text) <= 2)) or (len(low) > 3 and key_of(text) in lexicon().exact)


def is_name(words: Sequence[Word]) -> bool:
    """Two words or more, one of them longer than an initial, no credential."""
    bare = [_bare(word.text).lower().replace(".", "") for word in words]
    real = [text for text in bare if text not in SUFFIXES | TITLES | PARTICLES]
    return (
        len(real) >= 2
        and sum(len(text) >= 2 for text in real) >= (1 if "," in words[0].text else 2)
        and not is_clinician(words)
    )


def is_clinician(words: Sequence[Word]) -> bool:
    """Does a credential or "Dr." stand with the name?"""
    bare = [_bare(word.text).lower().replace(".", "") for word in words]
    return any(text in CREDENTIALS and len(text) >= 2 for text in bare[1:]) or bool(
        bare and bare[0] in ("dr", "doctor")
    )


def is_credential(text: str) -> bool:
    """Is the word "M.D.", "RN" or the like?"""
    return _bare(text).lower().replace(".", "") in CREDENTIALS


def credential_follows(words: Sequence[Word], named: Sequence[Word]) -> bool:
    """Does the name end in a credential, or the word after it?"""
    return is_clinician(named) or (len(words) > len(named) and is_credential(words[len(named)].text))


def _ends_family(text: str, follows: str) -> bool:
    """Does a comma follow this word of a name? A full stop after a whole word is a comma misread."""
    text = text.rstrip(")|*")
    stopped = text.endswith(".") and len(text) > 4 and text.isupper()
    return text.endswith(",") or follows.startswith(",") or stopped


def printed_name(words: Sequence[Word]) -> str:
    """The name in the order of speech: "SOLIS, EILEEN S" is Eileen S Solis; the letters' case stays as
    printed.
    """
    after = [word.text for word in words[1:]] + [""]
    parts = [
        (_bare(word.text), _ends_family(word.text, follows))
        for word, follows in zip(words, after, strict=True)
    ]
    parts = [(text, comma) for text, comma in parts if text and text.lower().replace(".", "") not in TITLES]
    comma = next((i for i, (_, ends) in enumerate(parts[:-1]) if ends and i < 3), None)
    texts = [text for text, _ in parts]
    if comma is None:
        return " ".join(texts)
    family, rest = texts[: comma + 1], texts[comma + 1 :]
    if all(text.lower().replace(".", "") in SUFFIXES | CREDENTIALS for text in rest):
        return " ".join(texts)  # "Joshua Luna, Jr."
    suffix = [text for text in family + rest if text.lower().replace(".", "") in SUFFIXES]
    given = [text for text in rest if text not in suffix]
    family = [text for text in family if text not in suffix]
    return " ".join(given + family + suffix)
