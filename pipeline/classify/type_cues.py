"""Find cues that a person who knows charts would use: the kind of procedure that was done, and phrases that
distinguish visits and notes.

A scope, a needle or a line indicates a procedure note; opening or reconstructing indicates an operation.
"Returns for follow-up" indicates a progress note, "asked to see" a consultation, "brought by ambulance" an
emergency visit, "will be admitted" a history and physical.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TypeAlias

PROCEDURE_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "scope",
        re.compile(
            r"(colono|endo|gastroduodeno|gastro|broncho|cysto|urethro|uretero|sigmoido|laryngo"
            r"|hystero|esophago|pharyngo|ano|procto"
            r"|entero)scop|^(egd|ercp|cysto)$"
        ),
    ),
    (
        "needle",
        re.compile(
            r"^(biops|aspirat|inject|punctur|epidural|facet|bot(ox|ulinum)|block|needle|rhizotom"
            r"|neurolys|trigger)|centesis$"
        ),
    ),
    (
        "line",
        re.compile(
            r"^(cathet|picc|port|portacath|mediport|hickman|broviac|pacemaker|defibrillator|stent"
            r"|angio|gastrostomy|peg|tracheostom"
            r"|intubat|venogra|cardioversion|ablation|balloon|tube|line|aortogra|arteriogra)"
        ),
    ),
    (
        "minor",
        re.compile(
            r"^(circumcis|vasectom|extract|teeth|tooth|dental|debrid|lacerat|dilat|curettage"
            r"|suction|cauter|incision|foreign|shave"
            r"|punch|cast|delivery|lumbar)"
        ),
    ),
    (
        "open",
        re.compile(
            r"(ectom(y|ies)|plast(y|ies)|otom(y|ies)|orrhaphy|odesis)$|^(arthroscop|laparoscop"
            r"|bypass|graft|fusion|repair|reconstruct"
            r"|fixation|amputat|replace|resect|excision|transplant|hernia|cesarean|orif|implant"
            r"|release|explor|closure|flap|phaco)"
        ),
    ),
)
"""Kind of procedure -> words that name a procedure of this kind."""
PROCEDURE_HEADINGS = frozenset((
    "procedure", "procedures", "procedure performed", "procedures performed", "operation",
    "operations", "operation performed", "operations performed", "operative procedure",
    "operative procedures", "title of operation", "title of procedure", "surgery",
    "name of operation", "name of procedure", "surgical procedure", "surgery performed",
    "procedure done", "procedure note",
))  # fmt: skip
"""Headings under which the procedure is named, not described."""
CUE_PHRASES = {
    "emergency": re.compile(
        r"\bemergency (?:room|department)|\be[rd]\b|urgent care|ambulance|paramedic|triage|\bems\b"
    ),
    "asked": re.compile(
        r"\basked (?:to|by)|consult(?:ed|ation)?\b|referred (?:by|to|for)|referral|thank you for"
        r"|request of|opinion"
    ),
    "return": re.compile(
        r"\breturn(?:s|ed)?\b|\bfollow(?:s|ing)?[- ]?up|recheck|comes? back|last (?:visit|seen)"
        r"|interval|back for"
    ),
    "admitted": re.compile(r"\badmit(?:ted)?\b|\badmission|hospitali[sz]ed|inpatient"),
    "discharged": re.compile(r"\bdischarged?\b|\bdisposition|hospital course|sent home|condition (?:at|on)"),
    "today": re.compile(r"\btoday\b|presents? to the (?:office|clinic)"),
    "ward": re.compile(r"\bhospital day|post ?op(?:erative)? day|overnight|this morning"),
    "child": re.compile(r"\bmom\b|\bmother\b|month-old|sports physical|well[- ]child|checkup"),
    "letter": re.compile(r"\bdear\b|sincerely|regards|pleasure of seeing|to whom it may"),
}
SECTION_NAMES = (
    "physical examination", "family history", "social history", "review of systems", "subjective",
    "objective", "assessment", "plan", "impression", "recommendation", "hospital course",
    "emergency department course", "chief complaint", "present illness", "past medical history",
    "medications", "allergies", "laborator", "diagnosis", "disposition", "reason for consultation",
    "reason for visit", "vital signs", "mental status", "findings", "technique", "indication",
    "anesthesia", "blood loss", "complications", "specimen", "gross", "microscopic",
)  # fmt: skip
"""Sections whose presence and absence are both informative."""
MAX_NAME_WORDS = 25
"""Words of a procedure's name that are used."""

ORDERED_NAME_WORDS = 12
"""First words of a procedure's name, which show the kinds of procedure in order."""

OPENING_WORDS = 60
"""First words of a document, used if no heading names the procedure."""

MANNER_PHRASE = re.compile(
    r"\b(general|local|mac|conscious sedation|spinal|lidocaine|endotracheal|versed|fentanyl|demerol"
    r"|propofol|blood loss|drains"
    r"|specimen|sponge|vicryl|incision|prepped and draped|withdrawn|advanced|tolerated"
    r"|recovery room|consent)\b"
)
"""How it was done: a scope is advanced and withdrawn under sedation, an operation has sponge counts and
sutures.
"""

START_CHARS, EARLY_CHARS, END_CHARS = 300, 1000, 500
"""Zones of a text, in characters: its beginning and its end are more informative than the middle."""

Headings: TypeAlias = Sequence[tuple[str, Sequence[str]]]
"""The headings of a document: (name, the first words under it)."""


def procedure_features(words: Sequence[str], headings: Headings) -> Counter[str]:
    """Return what the named procedure is, from the document's words and headings."""
    name = _procedure_name(words, headings)
    named_kinds = [kind for word in name if (kind := procedure_kind(word))]
    features = Counter(f"named {kind}" for kind in named_kinds)
    if named_kinds:
        features[f"first {named_kinds[0]}"] += 1
    kind_counts = Counter(kind for word in words if (kind := procedure_kind(word)))
    features.update(f"{kind} {min(6, kind_counts[kind].bit_length())}" for kind, _ in PROCEDURE_KINDS)
    features.update(f"word {word}" for word in name)
    features.update(f"word -{word[-6:]}" for word in name if len(word) > 6)
    return features


def manner_features(text: str, words: Sequence[str], headings: Headings) -> Counter[str]:
    """Return how the procedure was done, alone and combined with the named kinds of procedure; and these
    kinds together.
    """
    name = _procedure_name(words, headings)[:ORDERED_NAME_WORDS]
    kinds = list(dict.fromkeys(kind for word in name if (kind := procedure_kind(word))))
    manners = sorted(set(MANNER_PHRASE.findall(text.lower())))
    all_kinds = {kind for word in set(words) if (kind := procedure_kind(word))}
    features = Counter(
        (
            f"order {' '.join(kinds[:3])}",
            f"named {' '.join(sorted(kinds))}",
            f"met {' '.join(sorted(all_kinds))}",
        )
    )
    features.update(manners)
    features.update(f"{manner} {kind}" for manner in manners for kind in kinds[:2])
    return features


def _procedure_name(words: Sequence[str], headings: Headings) -> Sequence[str]:
    """Return the words that name the procedure: those under its heading, or the document's first words."""
    under_heading = (under for name, under in headings if name in PROCEDURE_HEADINGS and under)
    return next(under_heading, words[:OPENING_WORDS])[:MAX_NAME_WORDS]


def phrase_features(text: str, headings: Iterable[str]) -> Counter[str]:
    """Return the cue phrases by their zone of the text, and which sections it has and has not."""
    low, names = text.lower(), list(headings)
    zones = (
        ("start", low[:START_CHARS]),
        ("early", low[START_CHARS:EARLY_CHARS]),
        ("middle", low[EARLY_CHARS:-END_CHARS]),
        ("end", low[-END_CHARS:]),
    )
    sections = (
        f"{'has' if any(section in name for name in names) else 'no'} {section}" for section in SECTION_NAMES
    )
    return Counter([*_phrases_by_zone(zones), *sections])


def _phrases_by_zone(zones: Iterable[tuple[str, str]]) -> Iterator[str]:
    for zone, text in zones:
        for name, pattern in CUE_PHRASES.items():
            count = len(pattern.findall(text))
            if count:
                yield f"{name} {zone}"
            if count > 1:
                yield f"{name} {zone} again"


@cache
def procedure_kind(word: str) -> str:
    """Return the kind of procedure that a word names; empty if it names none."""
    return next((kind for kind, pattern in PROCEDURE_KINDS if pattern.search(word)), "")
