"""What a person who knows charts looks for: which kind of procedure was done, and phrases that tell visits
and notes apart.

A scope, a needle or a line makes a procedure note, opening or rebuilding an operation; "returns for
follow-up" a progress note, "asked to see" a consultation, "brought by ambulance" an emergency visit, "will be
admitted" a history and physical."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "scope",
        re.compile(
            r"(colono|endo|gastroduodeno|gastro|broncho|cysto|urethro|uretero|sigmoido|laryngo|hystero|esophago|pharyngo|ano|procto"
            r"|entero)scop|^(egd|ercp|cysto)$"
        ),
    ),
    (
        "needle",
        re.compile(
            r"^(biops|aspirat|inject|punctur|epidural|facet|bot(ox|ulinum)|block|needle|rhizotom|neurolys|trigger)|centesis$"
        ),
    ),
    (
        "line",
        re.compile(
            r"^(cathet|picc|port|portacath|mediport|hickman|broviac|pacemaker|defibrillator|stent|angio|gastrostomy|peg|tracheostom"
            r"|intubat|venogra|cardioversion|ablation|balloon|tube|line|aortogra|arteriogra)"
        ),
    ),
    (
        "minor",
        re.compile(
            r"^(circumcis|vasectom|extract|teeth|tooth|dental|debrid|lacerat|dilat|curettage|suction|cauter|incision|foreign|shave"
            r"|punch|cast|delivery|lumbar)"
        ),
    ),
    (
        "open",
        re.compile(
            r"(ectom(y|ies)|plast(y|ies)|otom(y|ies)|orrhaphy|odesis)$|^(arthroscop|laparoscop|bypass|graft|fusion|repair|reconstruct"
            r"|fixation|amputat|replace|resect|excision|transplant|hernia|cesarean|orif|implant|release|explor|closure|flap|phaco)"
        ),
    ),
)
"""Kind of procedure -> words that name one."""
NAMING = frozenset(
    """procedure|procedures|procedure performed|procedures performed|operation|operations|operation performed|operations performed
    operative procedure|operative procedures|title of operation|title of procedure|surgery|name of operation|name of procedure
    surgical procedure|surgery performed|procedure done|procedure note""".replace("\n    ", "|").split("|")
)
"""Headings under which the procedure is named, not described."""
PHRASES = {
    "emergency": re.compile(
        r"\bemergency (?:room|department)|\be[rd]\b|urgent care|ambulance|paramedic|triage|\bems\b"
    ),
    "asked": re.compile(
        r"\basked (?:to|by)|consult(?:ed|ation)?\b|referred (?:by|to|for)|referral|thank you for|request of|opinion"
    ),
    "return": re.compile(
        r"\breturn(?:s|ed)?\b|\bfollow(?:s|ing)?[- ]?up|recheck|comes? back|last (?:visit|seen)|interval|back for"
    ),
    "admitted": re.compile(r"\badmit(?:ted)?\b|\badmission|hospitali[sz]ed|inpatient"),
    "discharged": re.compile(r"\bdischarged?\b|\bdisposition|hospital course|sent home|condition (?:at|on)"),
    "today": re.compile(r"\btoday\b|presents? to the (?:office|clinic)"),
    "ward": re.compile(r"\bhospital day|post ?op(?:erative)? day|overnight|this morning"),
    "child": re.compile(r"\bmom\b|\bmother\b|month-old|sports physical|well[- ]child|checkup"),
    "letter": re.compile(r"\bdear\b|sincerely|regards|pleasure of seeing|to whom it may"),
}
SECTIONS = tuple(
    """physical examination|family history|social history|review of systems|subjective|objective|assessment|plan|impression
    recommendation|hospital course|emergency department course|chief complaint|present illness|past medical history|medications
    allergies|laborator|diagnosis|disposition|reason for consultation|reason for visit|vital signs|mental status|findings
    technique|indication|anesthesia|blood loss|complications|specimen|gross|microscopic""".replace(
        "\n    ", "|"
    ).split("|")
)
"""Sections whose presence and absence both tell something."""
NAMED_WORDS = 25  # of a procedure's name that are looked at
FIRST_NAMED = 12  # of them that say which kinds of procedure it was, in order
MANNER = re.compile(
    r"\b(general|local|mac|conscious sedation|spinal|lidocaine|endotracheal|versed|fentanyl|demerol|propofol|blood loss|drains"
    r"|specimen|sponge|vicryl|incision|prepped and draped|withdrawn|advanced|tolerated|recovery room|consent)\b"
)
"""How it was done: a scope is advanced and withdrawn under sedation, an operation has sponge counts and
sutures.
"""
START, EARLY, END = 300, 1000, 500  # characters of a text's zones: what is said first and last tells more


def procedures(words: Sequence[str], found: Sequence[tuple[str, Sequence[str]]]) -> Counter[str]:
    """What the named procedure is, from the document's words and its headings with the words under them."""
    named = _named(words, found)
    kinds = [kind for word in named if (kind := kind_of(word))]
    out = Counter(f"named {kind}" for kind in kinds)
    if kinds:
        out[f"first {kinds[0]}"] += 1
    all_kinds = Counter(kind for word in words if (kind := kind_of(word)))
    out.update(f"{kind} {min(6, all_kinds[kind].bit_length())}" for kind, _ in KINDS)
    out.update(f"word {word}" for word in named)
    out.update(f"word -{word[-6:]}" for word in named if len(word) > 6)
    return out


def manner(text: str, words: Sequence[str], found: Sequence[tuple[str, Sequence[str]]]) -> Counter[str]:
    """How the procedure was done, alone and with the kinds of procedure that are named; and these kinds
    together.
    """
    named = (kind for word in _named(words, found)[:FIRST_NAMED] if (kind := kind_of(word)))
    kinds = list(dict.fromkeys(named))
    done = sorted(set(MANNER.findall(text.lower())))
    met = {kind for word in set(words) if (kind := kind_of(word))}
    out = Counter(
        (f"order {' '.join(kinds[:3])}", f"named {' '.join(sorted(kinds))}", f"met {' '.join(sorted(met))}")
    )
    out.update(done)
    out.update(f"{how} {kind}" for how in done for kind in kinds[:2])
    return out


def _named(words: Sequence[str], found: Sequence[tuple[str, Sequence[str]]]) -> Sequence[str]:
    """The words that name the procedure: those under its heading, or the document's first."""
    return next((after for name, after in found if name in NAMING and after), words[:60])[:NAMED_WORDS]


def phrases(text: str, names: Iterable[str]) -> Counter[str]:
    """Telling phrases by the zone that they stand in, and which sections there are and are not."""
    low, headings = text.lower(), list(names)
    zones = (
        ("start", low[:START]),
        ("early", low[START:EARLY]),
        ("middle", low[EARLY:-END]),
        ("end", low[-END:]),
    )
    return Counter(
        [*_said(zones), *(f"{'has' if any(s in h for h in headings) else 'no'} {s}" for s in SECTIONS)]
    )


def _said(zones: Iterable[tuple[str, str]]) -> Iterator[str]:
    for zone, part in zones:
        for name, pattern in PHRASES.items():
            times = len(pattern.findall(part))
            if times:
                yield f"{name} {zone}"
            if times > 1:
                yield f"{name} {zone} again"


@cache
def kind_of(word: str) -> str:
    """The kind of procedure that a word names, or nothing."""
    return next((kind for kind, pattern in KINDS if pattern.search(word)), "")
