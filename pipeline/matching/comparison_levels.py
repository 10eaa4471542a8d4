"""Compare two persons field by field and name the level of agreement of each field. A field that one of them
lacks is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz.distance import OSA, JaroWinkler

from pipeline.matching.addresses import address_level
from pipeline.matching.birth_dates import date_level
from pipeline.matching.person import SSN_SUFFIX_DIGITS, Person
from pipeline.matching.person_names import SAME_NAME_LEVELS, family_level, given_level, spelling_level

NAME_LEVELS = (
    "exact",
    "misread",
    "typo",
    "nickname",
    "part",
    "close",
    "former",
    "prefix",
    "initial",
    "given_middle_swapped",
    "phonetic",
    "middle",
    "swapped",
    "different",
)
"""Levels of agreement of names, the strongest first."""
LOOKALIKE_TABLE = str.maketrans("OQDILSBZG", "000115826")
LOOKALIKE_PAIRS = frozenset(
    frozenset(pair)
    for pair in ("08", "06", "38", "17", "14", "27", "56", "35", "68", "49", "89", "09", "69", "58")
)
MIN_EMAIL_SIMILARITY = 0.92  # Jaro-Winkler of the parts of two e-mail addresses before the @
INCOMPATIBLE_LENGTH_DIFFERENCE = 2  # characters: such a number has another format
LOCAL_PHONE_DIGITS = 7  # without the area code


def compare_fields(left: Person, right: Person) -> Iterator[tuple[str, str]]:
    """Yield (field, level) of each field that both persons have. Fields and levels are those in
    config/match_weights.toml.
    """
    given, family = given_name_level(left, right), family_name_level(left, right)
    if "different" in (given, family) and names_swapped(left, right):
        given = family = "swapped"
    if family:
        yield "family", family
    if given:
        yield "given", given
    if left.middle and right.middle and given not in ("middle", "given_middle_swapped"):
        yield "middle", middle_level(left.middle, right.middle)
    if left.suffix and right.suffix:
        yield "suffix", "same" if left.suffix == right.suffix else "different"
    if left.dob and right.dob:
        yield "dob", date_level(left.dob, right.dob)
    if left.sex and right.sex:
        agreement = "implied" if given in (*SAME_NAME_LEVELS, "nickname") else "same"
        yield "sex", agreement if left.sex == right.sex else "different"
    yield from identifier_levels(left, right)
    if home := address_level(left.home, right.home):
        yield "home", home
    if left.phone and right.phone:
        yield "phone", phone_level(left.phone, right.phone)
    if left.email and right.email:
        yield "email", email_level(left.email, right.email)
    yield from relative_levels(left, right)


def identifier_levels(left: Person, right: Person) -> Iterator[tuple[str, str]]:
    """Yield (field, level) of the identifying numbers."""
    if left.mrn and right.mrn:
        yield (
            "mrn",
            strongest(
                (number_level(left.mrn, other) for other in (right.mrn, *right.other_numbers)), NUMBER_LEVELS
            ),
        )
    if left.ssn and right.ssn:
        yield "ssn", ssn_level(left.ssn, right.ssn)
    if left.medicaid and right.medicaid:
        yield "medicaid", number_level(left.medicaid, right.medicaid)


def relative_levels(left: Person, right: Person) -> Iterator[tuple[str, str]]:
    """Yield (field, level) of the family's names and the birth order.

    A mother's maiden name that equals the family name is not additional evidence."""
    if (
        left.mother_maiden
        and right.mother_maiden
        and not {left.mother_maiden, right.mother_maiden} & {left.family, right.family}
    ):
        yield "mother_maiden", relative_name_level(left.mother_maiden, right.mother_maiden)
    if left.guardian and right.guardian:
        yield "guardian", relative_name_level(left.guardian, right.guardian)
    if left.birth_order and right.birth_order:
        yield "birth_order", "same" if left.birth_order == right.birth_order else "different"


def relative_name_level(a: str, b: str) -> str:
    """Return exact, close or different for two names of relatives."""
    level = spelling_level(a, b)
    return "different" if level not in SAME_NAME_LEVELS else "exact" if level == "exact" else "close"


def strongest(levels: Iterator[str], order: tuple[str, ...]) -> str:
    """Return the strongest of some levels."""
    return min(levels, key=order.index)


def given_name_level(left: Person, right: Person) -> str | None:
    """Return the level of the given names, the strongest of all their current and other names."""
    if not left.given or not right.given:
        return None
    left_names, right_names = (left.given, *left.other_given), (right.given, *right.other_given)
    level = strongest((given_level(a, b) for a in left_names for b in right_names), NAME_LEVELS)
    if level == "different" and (count := count_middle_as_given(left, right)):
        return "given_middle_swapped" if count > 1 else "middle"
    return level


def count_middle_as_given(left: Person, right: Person) -> int:
    """Return for how many of the two persons (0, 1 or 2) the given name is the other's middle name."""
    pairs = ((left.given, right.middle), (right.given, left.middle))
    return sum(
        bool(a and b and len(a) > 2 and len(b) > 2 and spelling_level(a, b) in SAME_NAME_LEVELS)
        for a, b in pairs
    )


def family_name_level(left: Person, right: Person) -> str | None:
    """Return the level of the family names, the strongest of all their current and other names."""
    if not left.family or not right.family:
        return None
    level = family_level(left.family, right.family)
    if level in SAME_NAME_LEVELS:
        return level
    former = [(a, right.family) for a in left.other_family] + [(left.family, b) for b in right.other_family]
    if any(spelling_level(a, b) in SAME_NAME_LEVELS for a, b in former):
        return "former"
    return level


def names_swapped(left: Person, right: Person) -> bool:
    """Return whether each person's given name is the other's family name."""
    if (
        not (left.given and left.family and right.given and right.family)
        or min(len(left.given), len(right.given)) < 2
    ):
        return False
    return is_given_as_family(left, right.family) and is_given_as_family(right, left.family)


def is_given_as_family(person: Person, family: str) -> bool:
    """Return whether the person's given name, alone or with the middle name, is this family name."""
    given = person.given or ""
    return spelling_level(given, family) in SAME_NAME_LEVELS or bool(
        person.middle and spelling_level(f"{given} {person.middle}", family) in SAME_NAME_LEVELS
    )


def middle_level(a: str, b: str) -> str:
    """Return exact, initial, close or different; of several middle names the best pair counts."""
    if " " in a or " " in b:
        return strongest((middle_level(x, y) for x in a.split() for y in b.split()), MIDDLE_LEVELS)
    if len(a) == 1 or len(b) == 1:
        return "initial" if a[0] == b[0] else "different"
    return relative_name_level(a, b)


MIDDLE_LEVELS = ("exact", "close", "initial", "different")
NUMBER_LEVELS = ("exact", "misread", "digit", "adjacent_number", "incompatible_format", "different")
MAX_ADJACENT_GAP = 9  # numbers this close may have been assigned one after the other, to twins


def have_incompatible_formats(a: str, b: str) -> bool:
    """Return whether two numbers have different formats: different letters, or clearly different lengths."""
    letters = ["".join(c for c in number if c.isalpha()) for number in (a, b)]
    return letters[0] != letters[1] or abs(len(a) - len(b)) >= INCOMPATIBLE_LENGTH_DIFFERENCE


def number_level(a: str, b: str) -> str:
    """Return the level of agreement of two numbers.

    exact                the same except for leading zeros
    misread              the same except for look-alike characters
    digit                one character missing, added or wrong, or two swapped
    adjacent_number      assigned shortly before or after
    incompatible_format  in another format, so perhaps another facility's
    different            none of these
    """
    if a.lstrip("0") == b.lstrip("0"):
        return "exact"
    a, b = a.translate(LOOKALIKE_TABLE).lstrip("0"), b.translate(LOOKALIKE_TABLE).lstrip("0")
    if a == b:
        return "misread"
    if len(a) == len(b) and a.isdigit() and b.isdigit() and abs(int(a) - int(b)) <= MAX_ADJACENT_GAP:
        return "adjacent_number"
    if min(len(a), len(b)) < 3 or OSA.distance(a, b, score_cutoff=1) > 1:
        return "incompatible_format" if have_incompatible_formats(a, b) else "different"
    if len(a) == len(b):
        differing = [frozenset(pair) for pair in zip(a, b, strict=True) if pair[0] != pair[1]]
        if len(differing) == 1 and differing[0] in LOOKALIKE_PAIRS:
            return "misread"
    return "digit"


def ssn_level(a: str, b: str) -> str:
    """Return the level of two social security numbers; if only four digits of one are known, compare
    those."""
    if SSN_SUFFIX_DIGITS in (len(a), len(b)):
        return "last_four" if a[-4:] == b[-4:] else "different"
    return number_level(a, b)


def phone_level(a: str, b: str) -> str:
    """Return exact, digit or different; the area code does not count."""
    a, b = a[-LOCAL_PHONE_DIGITS:], b[-LOCAL_PHONE_DIGITS:]
    return "exact" if a == b else "digit" if OSA.distance(a, b) == 1 else "different"


def email_level(a: str, b: str) -> str:
    """Return exact, close (similar before the @) or different."""
    if a == b:
        return "exact"
    similarity = JaroWinkler.similarity(a.split("@")[0], b.split("@")[0])
    return "close" if similarity >= MIN_EMAIL_SIMILARITY else "different"
