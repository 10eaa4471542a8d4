"""Two persons compared field by field: which level of agreement each field reached. A field that either lacks
says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz.distance import OSA, JaroWinkler

from pipeline.matching.addresses import home_level
from pipeline.matching.birth_dates import date_level
from pipeline.matching.person import LAST_FOUR, Person
from pipeline.matching.person_names import ONE_NAME, family_level, given_level, spelling

ORDER = (
    "exact",
    "misread",
    "slip",
    "nickname",
    "part",
    "close",
    "former",
    "prefix",
    "initial",
    "turned",
    "sounds",
    "middle",
    "swapped",
    "different",
)
"""Levels of names, the strongest first."""
CONFUSABLE = str.maketrans("OQDILSBZG", "000115826")
LOOKALIKE_DIGITS = frozenset(
    frozenset(pair)
    for pair in ("08", "06", "38", "17", "14", "27", "56", "35", "68", "49", "89", "09", "69", "58")
)
CLOSE_ADDRESS = 0.92  # Jaro-Winkler between the parts of two e-mail addresses before the @
FAR_LENGTH = 2  # characters: a number that is this much longer or shorter is another kind of number
PHONE_LOCAL = 7  # digits without the area code


def levels(left: Person, right: Person) -> Iterator[tuple[str, str]]:
    """(field, level) of each field that both know; fields and levels are those of
    config/match_weights.toml.
    """
    given, family = best_given(left, right), best_family(left, right)
    if "different" in (given, family) and names_swapped(left, right):
        given = family = "swapped"
    if family:
        yield "family", family
    if given:
        yield "given", given
    if left.middle and right.middle and given not in ("middle", "turned"):
        yield "middle", middle_level(left.middle, right.middle)
    if left.suffix and right.suffix:
        yield "suffix", "same" if left.suffix == right.suffix else "different"
    if left.dob and right.dob:
        yield "dob", date_level(left.dob, right.dob)
    if left.sex and right.sex:
        agree = "named" if given in (*ONE_NAME, "nickname") else "same"
        yield "sex", agree if left.sex == right.sex else "different"
    yield from numbers(left, right)
    if home := home_level(left.home, right.home):
        yield "home", home
    if left.phone and right.phone:
        yield "phone", phone_level(left.phone, right.phone)
    if left.email and right.email:
        yield "email", email_level(left.email, right.email)
    yield from kin(left, right)


def numbers(left: Person, right: Person) -> Iterator[tuple[str, str]]:
    """The levels of the identifiers."""
    if left.mrn and right.mrn:
        yield (
            "mrn",
            best(
                (number_level(left.mrn, other) for other in (right.mrn, *right.other_numbers)), NUMBER_ORDER
            ),
        )
    if left.ssn and right.ssn:
        yield "ssn", ssn_level(left.ssn, right.ssn)
    if left.medicaid and right.medicaid:
        yield "medicaid", number_level(left.medicaid, right.medicaid)


def kin(left: Person, right: Person) -> Iterator[tuple[str, str]]:
    """What is known of the family. A mother's maiden name that is the family name itself says nothing new."""
    if (
        left.mother_maiden
        and right.mother_maiden
        and not {left.mother_maiden, right.mother_maiden} & {left.family, right.family}
    ):
        yield "mother_maiden", spelt(left.mother_maiden, right.mother_maiden)
    if left.guardian and right.guardian:
        yield "guardian", spelt(left.guardian, right.guardian)
    if left.birth_order and right.birth_order:
        yield "birth_order", "same" if left.birth_order == right.birth_order else "different"


def spelt(a: str, b: str) -> str:
    """exact, close or different, for the names of kin."""
    alike = spelling(a, b)
    return "different" if alike not in ONE_NAME else "exact" if alike == "exact" else "close"


def best(found: Iterator[str], order: tuple[str, ...]) -> str:
    """The strongest of some levels."""
    return min(found, key=order.index)


def best_given(left: Person, right: Person) -> str | None:
    """The level of the given names, by whichever of their names agree best."""
    if not left.given or not right.given:
        return None
    mine, others = (left.given, *left.other_given), (right.given, *right.other_given)
    level = best((given_level(a, b) for a in mine for b in others), ORDER)
    if level == "different" and (pairs := goes_by_middle(left, right)):
        return "turned" if pairs > 1 else "middle"
    return level


def goes_by_middle(left: Person, right: Person) -> int:
    """How many of the two have the other's middle name for a given name."""
    pairs = ((left.given, right.middle), (right.given, left.middle))
    return sum(bool(a and b and len(a) > 2 and len(b) > 2 and spelling(a, b) in ONE_NAME) for a, b in pairs)


def best_family(left: Person, right: Person) -> str | None:
    """The level of the family names, by whichever of their names agree best."""
    if not left.family or not right.family:
        return None
    level = family_level(left.family, right.family)
    if level in ONE_NAME:
        return level
    former = [(a, right.family) for a in left.other_family] + [(left.family, b) for b in right.other_family]
    if any(spelling(a, b) in ONE_NAME for a, b in former):
        return "former"
    return level


def names_swapped(left: Person, right: Person) -> bool:
    """Does each one's given name stand where the other's family name does?"""
    if (
        not (left.given and left.family and right.given and right.family)
        or min(len(left.given), len(right.given)) < 2
    ):
        return False
    return crossed(left, right.family) and crossed(right, left.family)


def crossed(person: Person, family: str) -> bool:
    """Is the person's given name (all of it, where it has several parts) that family name?"""
    given = person.given or ""
    return spelling(given, family) in ONE_NAME or bool(
        person.middle and spelling(f"{given} {person.middle}", family) in ONE_NAME
    )


def middle_level(a: str, b: str) -> str:
    """exact, initial, close or different; of several middle names the one that agrees."""
    if " " in a or " " in b:
        return best((middle_level(x, y) for x in a.split() for y in b.split()), MIDDLE_ORDER)
    if len(a) == 1 or len(b) == 1:
        return "initial" if a[0] == b[0] else "different"
    return spelt(a, b)


MIDDLE_ORDER = ("exact", "close", "initial", "different")
NUMBER_ORDER = ("exact", "misread", "digit", "next", "foreign", "different")
NEXT = 9  # numbers that are no further apart may have been given one after the other, to twins


def foreign(a: str, b: str) -> bool:
    """Are two numbers of different forms? One has letters that are no misread digits, or its length is far
    from the other's.
    """
    letters = ["".join(c for c in number if c.isalpha()) for number in (a, b)]
    return letters[0] != letters[1] or abs(len(a) - len(b)) >= FAR_LENGTH


def number_level(a: str, b: str) -> str:
    """exact, but for leading zeros; misread: the same but for look-alike characters; digit: one dropped,
    added, wrong, or two swapped; next: given shortly before or after; foreign: of another form, so perhaps
    another facility's; different."""
    if a.lstrip("0") == b.lstrip("0"):
        return "exact"
    a, b = a.translate(CONFUSABLE).lstrip("0"), b.translate(CONFUSABLE).lstrip("0")
    if a == b:
        return "misread"
    if len(a) == len(b) and a.isdigit() and b.isdigit() and abs(int(a) - int(b)) <= NEXT:
        return "next"
    if min(len(a), len(b)) < 3 or OSA.distance(a, b, score_cutoff=1) > 1:
        return "foreign" if foreign(a, b) else "different"
    if len(a) == len(b):
        wrong = [frozenset(pair) for pair in zip(a, b, strict=True) if pair[0] != pair[1]]
        if len(wrong) == 1 and wrong[0] in LOOKALIKE_DIGITS:
            return "misread"
    return "digit"


def ssn_level(a: str, b: str) -> str:
    """A number's level, or that of the last four digits where no more is known."""
    if LAST_FOUR in (len(a), len(b)):
        return "last_four" if a[-4:] == b[-4:] else "different"
    return number_level(a, b)


def phone_level(a: str, b: str) -> str:
    """exact, digit or different, without the area code."""
    a, b = a[-PHONE_LOCAL:], b[-PHONE_LOCAL:]
    return "exact" if a == b else "digit" if OSA.distance(a, b) == 1 else "different"


def email_level(a: str, b: str) -> str:
    """exact, close (the part before the @) or different."""
    if a == b:
        return "exact"
    alike = JaroWinkler.similarity(a.split("@")[0], b.split("@")[0])
    return "close" if alike >= CLOSE_ADDRESS else "different"
