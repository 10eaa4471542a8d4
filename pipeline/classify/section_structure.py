"""Describe how a note is built: which sections it has, in which order, and what its first lines say about who
asked for it.

A consultation names who requested it and why, an emergency note has triage, arrival and disposition, a
history and physical goes from the chief complaint through a complete examination to an admission, and a
progress note from subjective to plan. Their words are the same; their structure is not.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from pipeline.classify.type_cues import Headings

SECTIONS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (
            "requested",
            r"request(?:ed|ing)|consult(?:ed|ing) (?:by|physician)|referr(?:ed|ing)"
            r"|reason for (?:consult|referral)",
        ),
        (
            "triage",
            r"triage|acuity|\besi\b|mode of arrival|arriv|time seen|mechanism of injury|primary survey"
            r"|glasgow",
        ),
        (
            "ed course",
            r"\be[dr] course|emergency (?:department|room) course|medical decision|\bmdm\b|re ?evaluation",
        ),
        ("hospital course", r"hospital course|course in|clinical course"),
        ("disposition", r"disposition|condition (?:at|on)|discharge (?:instructions|plan)"),
        ("discharge", r"discharge|date of admission|admission date"),
        ("complaint", r"chief complaint|^cc$|presenting complaint|reason for visit"),
        ("present illness", r"present(?:ing)? illness|^hpi|history of present"),
        ("past surgical", r"surgical history|^psh"),
        ("past medical", r"past (?:medical )?history|medical history|^pmh|past medical"),
        ("family", r"family history|^fh"),
        ("social", r"social history|^sh$|habits"),
        ("systems", r"review of systems|^ros"),
        ("medications", r"medication|^meds"),
        ("allergies", r"allerg"),
        ("subjective", r"subjective|^s$|interval history|interim"),
        ("objective", r"^objective|^o$"),
        ("vitals", r"vital|blood pressure|temperature|pulse"),
        (
            "organ",
            r"heent|neck|lungs|chest|heart|abdomen|extremit|neurolog|skin|cardiovascular|respiratory|general",
        ),
        ("examination", r"exam"),
        ("mental status", r"mental status|axis"),
        ("results", r"laborator|labs|data|imaging|x ?ray|ekg|radiolog|studies|results"),
        ("preoperative", r"preoperative diag|pre ?op"),
        ("postoperative", r"postoperative diag|post ?op"),
        (
            "procedure",
            r"procedure|operation|technique|surgeon|anesthesia|blood loss|specimen|drains|complication",
        ),
        ("indication", r"indication"),
        ("findings", r"finding|comparison|gross|microscopic"),
        ("recommendation", r"recommend|suggest|opinion|discussion"),
        ("assessment", r"assessment|impression|^a$|^imp$|diagnos|problem"),
        ("plan", r"plan|^p$|follow|return|instruction"),
    )
)  # fmt: skip
"""Section -> headings that start one; the first that matches counts."""

OPENING_CHARS = 600
"""A note says in these characters why the patient was seen, and who asked."""

FIRST_SECTIONS = 5
"""Sections at the beginning whose position is used."""

FULL_HISTORY = frozenset({"family", "social", "systems", "past medical", "allergies"})
MIN_FULL_HISTORY = 3
"""Sections of a complete history that a history and physical has at least."""

ASKED = re.compile(
    r"asked (?:to|by)|at the request|request(?:ed)? (?:of|by)|referred (?:by|to|for)|thank you for"
    r"|in consultation|consult(?:ed)? (?:by|for|on)|kind referral|opinion"
)
ADMITTED = re.compile(
    r"\b(?:is|was|be|being|will be) admitted|admit (?:to|the|him|her|for)|for admission"
    r"|admitted (?:to|for|with)"
)
EMERGENCY = re.compile(
    r"\bemergency (?:room|department)|\b(?:the|this) e[dr]\b|ambulance|paramedic|\bems\b|triage|brought in"
    r"|urgent care"
)
RETURNING = re.compile(
    r"follow[- ]?up|returns?\b|recheck|last (?:visit|seen)|back for|interval|hospital day"
    r"|post ?op(?:erative)? day"
)
DISCHARGED = re.compile(r"discharged? (?:home|to)|sent home|hospital course|return to the e")


def structure_features(text: str, headings: Headings) -> Counter[str]:
    """Return the sections, their order and length, and how they go together with what the opening says."""
    kinds = [(section_of(name), len(words)) for name, words in headings]
    named = [(kind, length) for kind, length in kinds if kind]
    order = [kind for kind, _ in itertools.groupby(kind for kind, _ in named)]
    found = set(order)
    features = Counter(f"has {kind}" for kind in found)
    features.update(f"{kind}>{after}" for kind, after in itertools.pairwise(order))
    features.update(f"{i} {kind}" for i, kind in enumerate(order[:FIRST_SECTIONS]))
    if order:
        features.update((f"first {order[0]}", f"last {order[-1]}", f"sections {min(15, len(order))}"))
    facts = sorted(_facts(text, found))
    features.update(f"fact {fact}" for fact in facts)
    features.update(f"{a}+{b}" for a, b in itertools.combinations(facts, 2))
    features[f"all {' '.join(facts)}"] += 1
    return features


def _facts(text: str, sections: set[str]) -> Iterator[str]:
    """Yield what is true of the note as a whole."""
    low = text.lower()
    opening, rest = low[:OPENING_CHARS], low[OPENING_CHARS:]
    yield "asked" if ASKED.search(opening) or "requested" in sections else "not asked"
    yield "emergency" if EMERGENCY.search(opening) or sections & {"triage", "ed course"} else "no emergency"
    if ADMITTED.search(opening):
        yield "admitted early"
    if ADMITTED.search(rest):
        yield "admitted later"
    if RETURNING.search(opening):
        yield "returning"
    if DISCHARGED.search(low):
        yield "discharged"
    has_examination = bool(sections & {"examination", "organ", "vitals", "objective"})
    is_full = len(sections & FULL_HISTORY) >= MIN_FULL_HISTORY
    yield "full history and examination" if has_examination and is_full else "no full history"
    if sections & {"preoperative", "postoperative", "procedure"}:
        yield "procedure"


@cache
def section_of(heading: str) -> str:
    """Return the kind of section under a heading in lower case; empty if it is none of them."""
    return next((name for name, pattern in SECTIONS if pattern.search(heading)), "")
