"""Names of people: recognize a name, find where it ends, and put it into natural order (given name first)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pipeline.classify.fields.date_parsing import MONTHS
from pipeline.classify.fields.label_keys import label_key, word_list
from pipeline.classify.fields.labels import lexicon
from pipeline.records import Word

ORGANIZATION_WORDS = word_list("organizations")
SUFFIXES, TITLES, PARTICLES, CREDENTIALS, NOT_NAMES, SURNAMES, STATES = (
    word_list(name)
    for name in ("suffixes", "titles", "particles", "credentials", "not_names", "surnames", "states")
)
NAME_TOKEN = re.compile(r"^[^\W\d_][^\W\d_'’.\-]*(?:['’\-.][^\W\d_]+)*\.?$")
SPECIALTY = re.compile(
    r"(ology|iatry|iatrics|surgery|medicine)$|^(internal|emergency|family|oncology|general)$"
)
NUMBERED_NAME = re.compile(r"[A-Z][^\W\d_'’-]+\d{1,4},?")
NICKNAME = re.compile(r"[(\"“][^\W\d_]+[)\"”]")
"""A nickname within a name: "Robert (Bob) Smith"."""

MISREAD_SUFFIXES = {
    **dict.fromkeys(
        ("Ill", "lll", "IIl", "IlI", "lII", "IlI", "llI", "lIl", "ILL", "111", "Il1", "1II"), "III"
    ),
    **dict.fromkeys(("Il", "ll", "lI", "IL", "11"), "II"),
    **dict.fromkeys(("lV", "1V", "LV"), "IV"),
}
"""Suffixes as OCR misreads them."""

DOCTOR_TITLES = ("dr", "doctor")
PARTICLES_THAT_ARE_NAMES = ("le", "van", "du")
CREDENTIALS_THAT_ARE_NAMES = ("do", "ma")
ZIP_DIGITS = 5
MAX_NAME_WORDS = 6
MAX_FAMILY_NAME_WORDS = 3
"""A comma ends the family name only within this many words."""


def name_words(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the leading words that make up a person's name; empty if there is no name.

    The name may be a clinician's, which is never the patient's: see `is_clinician`.
    """
    name: list[Word] = []
    for word in words:
        if name and NICKNAME.fullmatch(word.text):
            continue
        for part in _split_joined_words(word):
            text = _strip_punctuation(part.text)
            if text == "0" and len(name) >= 2 and any(each.text.endswith(",") for each in name):
                text, part = "O", replace(part, text="O")  # a misread initial
            if not text:
                if name and name[-1].text.endswith(","):
                    continue
                return tuple(name)
            is_surname = _comparable(text) in SURNAMES and (
                (not name and part.text.endswith(",")) or (bool(name) and word is words[-1])
            )
            if not (is_surname or _may_be_in_name(text)) or _starts_next_label(name, text):
                return tuple(name)
            name.append(part)
            if len(name) == MAX_NAME_WORDS:
                return tuple(name)
        if word.text.endswith((";", "|", ":")):
            break
    return tuple(name)


def numbered_name_words(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the leading words of a name as generators of test records print it: "Aaron203 Abbott774"."""
    name: list[Word] = []
    for word in words:
        if not NUMBERED_NAME.fullmatch(word.text):
            break
        name.append(word)
    return tuple(name)


def _may_be_in_name(text: str) -> bool:
    low = _comparable(text)
    return bool(
        NAME_TOKEN.match(text) and (text[0].isupper() or low in PARTICLES) and not _is_not_a_name(text, low)
    )


def _is_not_a_name(text: str, low: str) -> bool:
    """Return whether the word is listed as no name, or is a label."""
    if low.endswith(("'s", "’s")):
        return True  # "OR AUTHORIZED PERSON'S" of a form
    return (low in NOT_NAMES and len(text) > 2) or (len(low) > 3 and label_key(text) in lexicon().exact)


def _starts_next_label(name: Sequence[Word], text: str) -> bool:
    """Return whether the word is no longer part of a name in capitals: "SMITH, HANNAH M Number" ends before
    "Number".
    """
    return (
        _is_complete_in_capitals(name)
        and len(text) > 2
        and not text.isupper()
        and _comparable(text) not in SUFFIXES | PARTICLES
    )


def _is_complete_in_capitals(words: Sequence[Word]) -> bool:
    """Return whether the words contain family and given name, all in capitals, and do not end in a comma."""
    long_words = [text for word in words if len(text := _strip_punctuation(word.text)) > 2]
    return (
        len(long_words) >= 2
        and all(text.isupper() for text in long_words)
        and not words[-1].text.endswith(",")
    )


def skip_clinician_prefix(words: Sequence[Word]) -> Sequence[Word]:
    """Return the words without "Dr.", the specialty, or the end of a date before a clinician's name."""
    start = 0
    while start < len(words) - 1 and _is_clinician_prefix(_comparable(_strip_punctuation(words[start].text))):
        start += 1
    return words[start:]


def _is_clinician_prefix(low: str) -> bool:
    return low in DOCTOR_TITLES or low in MONTHS or SPECIALTY.search(low) is not None


def _split_joined_words(word: Word) -> list[Word]:
    """Split words that OCR joined: "Solis,Eileen", ",Pamela", "A._Howard", "KevinC"."""
    text = re.sub(r"(?<=[A-Za-z]),(?=[A-Za-z])", ", ", word.text)
    text = re.sub(r"(?<=[a-z.])_+(?=[A-Z])|(?<=[a-z]{2})(?=[A-Z]$)", " ", text)
    parts = text.split()
    if len(parts) < 2:
        return [word]
    return [Word(text=part, box=word.box, confidence=word.confidence) for part in parts]


def _strip_punctuation(text: str) -> str:
    return re.sub(r"[,;:|)\]}*_—–~“”\"\-]+$", "", re.sub(r"^[|(\[{*_—–~.,“”\"'‘:\-]+", "", text))


def _comparable(text: str) -> str:
    """Return the text in lower case without periods, as the word lists have it."""
    return text.lower().replace(".", "")


def is_name(words: Sequence[Word], *, labeled: bool = False) -> bool:
    """Return whether the words are a person's name: two words or more, enough of them longer than an initial,
    and no credential. `labeled`: a label asks for the patient's name, so that "Do" at its end is a family
    name.
    """
    texts = [_comparable(_strip_punctuation(word.text)) for word in words]
    texts = [text for text in texts if text not in SUFFIXES | TITLES]
    complete = [text for text in texts if text not in PARTICLES]
    is_short_family_name = len(texts) == 2 and len(complete) == 1  # "Tuyet Le", "Van, An"
    ends_in_family_name = len(texts) >= 2 and texts[-1] in PARTICLES_THAT_ARE_NAMES and bool(complete)
    return (
        (len(complete) >= 2 or is_short_family_name or ends_in_family_name)
        and sum(len(text) >= 2 for text in texts) >= (1 if "," in words[0].text else 2)
        and not is_clinician(words, labeled=labeled)
    )


def is_clinician(words: Sequence[Word], *, labeled: bool = False) -> bool:
    """Return whether the name contains a credential or begins with "Dr.". `labeled`: see `is_name`."""
    texts = [_comparable(_strip_punctuation(word.text)) for word in words]
    after_comma = [words[i - 1].text.endswith(",") and i >= 2 for i in range(len(words))]
    has_credential = any(
        text in CREDENTIALS
        and len(text) >= 2
        and not _may_be_family_name(text, 1 if labeled else i, after_comma[i])
        for i, text in enumerate(texts)
        if i >= 1
    )
    return has_credential or (bool(texts) and texts[0] in DOCTOR_TITLES)


def _may_be_family_name(text: str, index: int, after_comma: bool) -> bool:
    """Return whether a credential of letters that are also a name ("Do", "Ma") is the second word of a name,
    or follows a given name: "QUANG DO".
    """
    return text in CREDENTIALS_THAT_ARE_NAMES and index == 1 and not after_comma


def is_organization_word(text: str) -> bool:
    """Return whether the word is part of an organization's name, such as "Plan" or "Clinic"."""
    return _comparable(_strip_punctuation(text)) in ORGANIZATION_WORDS


def is_credential(text: str) -> bool:
    """Return whether the word is "M.D.", "RN" or the like."""
    return _comparable(_strip_punctuation(text)) in CREDENTIALS


def is_town(name: Sequence[Word], following: Sequence[Word] = ()) -> bool:
    """Return whether the words are the town and state of an address: "Oak Brook, IL"."""
    state = _strip_punctuation(name[-1].text).strip(".")
    if state not in STATES:
        return False
    has_zip = bool(following) and following[0].text[:5].isdigit() and len(following[0].text) >= ZIP_DIGITS
    return has_zip or (len(name) >= 2 and name[-2].text.endswith(","))


def credential_follows(words: Sequence[Word], name: Sequence[Word], *, labeled: bool = False) -> bool:
    """Return whether the name ends in a credential, or the word after it is one. `name`: the first of
    `words`.
    """
    return is_clinician(name, labeled=labeled) or (
        len(words) > len(name) and is_credential(words[len(name)].text)
    )


def _ends_family_name(text: str, next_text: str) -> bool:
    """Return whether a comma follows this word of a name. A period after a complete word is a misread
    comma.
    """
    text = text.rstrip(")|*")
    has_misread_comma = text.endswith(".") and len(text) > 4 and text.isupper()
    return text.endswith(",") or next_text.startswith(",") or has_misread_comma


def natural_name_order(words: Sequence[Word]) -> str:
    """Return the name with the given name first: "SOLIS, EILEEN S" becomes "EILEEN S SOLIS". Letters keep
    their case.
    """
    next_texts = [word.text for word in words[1:]] + [""]
    parts = [
        (_strip_punctuation(word.text), _ends_family_name(word.text, next_text))
        for word, next_text in zip(words, next_texts, strict=True)
    ]
    parts = [(text, comma) for text, comma in parts if text and _comparable(text) not in TITLES]
    parts = [
        (MISREAD_SUFFIXES.get(text, text) if index >= 1 else text, comma)
        for index, (text, comma) in enumerate(parts)
    ]
    texts = [text for text, _ in parts]
    family_end = next(
        (i + 1 for i, (_, comma) in enumerate(parts[:-1]) if comma and i < MAX_FAMILY_NAME_WORDS), None
    )
    if family_end is None:
        return " ".join(texts)
    family, rest = texts[:family_end], texts[family_end:]
    if all(_comparable(text) in SUFFIXES | CREDENTIALS for text in rest):
        return " ".join(texts)  # "Joshua Luna, Jr."
    suffixes = [text for text in texts if _comparable(text) in SUFFIXES]
    given = [text for text in rest if text not in suffixes]
    family = [text for text in family if text not in suffixes]
    return " ".join(given + family + suffixes)
