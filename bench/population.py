"""Generate fictitious people as a hospital's patient index has them, and what a chart prints of them.
The same seed gives the same people.

Households share family name, address and phone; some have twins, some a father and a son of the same name.
Names are as common as config/match_weights.toml states. Names that are not listed there are made of
syllables; a few of these are common, most are rare.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from functools import cache

from pipeline.matching.person_names import nickname_variants
from pipeline.resources import CONFIG

Row = dict[str, str]

SYLLABLE_TEXT = (
    "an bar bel bo bra cas cor da del dor el fen fer gal gor hal han hol jar kel"
    " kos lan lem lin mar men mor nar or"
)
ENDING_TEXT = "ton son berg ski ley man ez ini ard well ford ov sen stein dez er as mann ham"
STREET_TEXT = (
    "Maple Oak Harbor Quarry Mill Church Lincoln Cedar Ridge Spring Hill Park"
    " Lake River Forest Union Walnut Prospect"
)
SYLLABLES, ENDINGS, STREETS = SYLLABLE_TEXT.split(), ENDING_TEXT.split(), STREET_TEXT.split()
STREET_SUFFIXES = ("Street", "Avenue", "Road", "Lane", "Court", "Drive")
LOOKALIKE_LETTERS = {
    "O": "0",
    "o": "0",
    "l": "1",
    "I": "l",
    "S": "5",
    "B": "8",
    "m": "rn",
    "rn": "m",
    "e": "c",
    "h": "b",
}
LOOKALIKE_DIGITS = {"0": "8", "8": "3", "3": "8", "1": "7", "7": "1", "5": "6", "6": "5", "4": "9", "9": "4"}
LETTER_FOR_DIGIT = {"0": "O", "1": "l", "5": "S", "8": "B"}
DAMAGES = (
    *(
        "exact",
        "name",
        "number",
        "date",
        "digit dropped",
        "digits swapped",
        "day and month",
        "nickname",
        "no date",
        "initial",
    ),
    "two errors",
)


@cache
def names(part: str) -> tuple[list[str], list[float]]:
    """Return the names of a part and how common each is."""
    listed = tomllib.loads((CONFIG / "match_weights.toml").read_text())["frequency"][part]
    rng = random.Random(part)
    generated: set[str] = set()
    count, max_syllables, endings = (
        (30_000, 3, ENDINGS) if part == "family" else (1_500, 2, ["a", "o", "ie", "en"])
    )
    while len(generated) < count:
        generated.add("".join(rng.choices(SYLLABLES, k=rng.randint(1, max_syllables))) + rng.choice(endings))
    rest = 100 - sum(listed.values())
    ranks = [1 / (rank + 20) for rank in range(len(generated))]
    total = sum(ranks)
    shares = list(listed.values()) + [rest * share / total for share in ranks]
    return [*listed, *sorted(generated)], shares


def people(count: int, seed: int) -> Iterator[Row]:
    """Yield `count` people in households of one to five."""
    rng = random.Random(seed)
    generated, numbers = 0, set()
    families, family_shares = names("family")
    givens, given_shares = names("given")
    family_pool, given_pool = (
        rng.choices(n, s, k=200_000) for n, s in ((families, family_shares), (givens, given_shares))
    )
    while generated < count:
        family, address = rng.choice(family_pool).title(), random_address(rng)
        previous: Row | None = None
        for _ in range(rng.choice((1, 1, 2, 3, 4, 5))):
            person = {
                "given": rng.choice(given_pool).title(),
                "family": family,
                "dob": random_birth_date(rng),
                "sex": rng.choice("FM"),
            } | address
            if rng.random() < 0.6:
                person["middle"] = rng.choice(given_pool).title()
            if previous and rng.random() < 0.03:
                person["dob"] = previous["dob"]
            elif previous and rng.random() < 0.02:
                person |= {"given": previous["given"], "sex": previous["sex"]}
            person["mrn"] = str(rng.randrange(10_000_000, 99_999_999))
            if rng.random() < 0.4:
                person["ssn"] = (
                    f"{rng.randrange(100, 899)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}"
                )
            if generated < count and person["mrn"] not in numbers:
                numbers.add(person["mrn"])
                generated += 1
                previous = person
                yield person


def random_address(rng: random.Random) -> Row:
    """Return an address and its phone number."""
    zip_code = rng.randrange(1000, 2800)
    street = f"{rng.choice(SYLLABLES).title()}{rng.choice(STREETS).lower()}"
    return {
        "address": f"{rng.randint(1, 1999)} {street} {rng.choice(STREET_SUFFIXES)}",
        "city": f"{rng.choice(STREETS)}{rng.choice(('ton', 'ville', 'field', ''))}",
        "state": "MA",
        "zip": f"{zip_code:05}",
        "phone": f"({rng.randrange(201, 989)}) 555-{rng.randrange(10000):04}",
    }


def random_birth_date(rng: random.Random) -> str:
    """Return a date of birth."""
    return f"{rng.randint(1932, 2022)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def decoys(originals: list[Row], seed: int) -> Iterator[Row]:
    """Yield a similar person for each person: a twin, a namesake, one with the same birth date, or a parent
    of the same name.
    """
    rng = random.Random(seed)
    for number, person in enumerate(originals):
        other, third = rng.choice(originals), rng.choice(originals)
        while other["given"] == person["given"]:  # parents do not give twins the same name
            other = rng.choice(originals)
        address = {key: person[key] for key in ("address", "city", "state", "zip", "phone")}
        base = {
            "given": person["given"],
            "family": person["family"],
            "dob": person["dob"],
            "sex": person["sex"],
        }
        kind = number % 4
        if kind == 0:
            decoy = base | address | {"given": other["given"], "sex": other["sex"]}
        elif kind == 1:
            decoy = base | {"dob": other["dob"]} | {key: other[key] for key in address}
        elif kind == 2:
            decoy = (
                base
                | {"given": other["given"], "family": third["family"], "sex": other["sex"]}
                | {k: other[k] for k in address}
            )
        else:
            decoy = (
                base
                | address
                | {"dob": f"{int(person['dob'][:4]) - rng.randint(19, 35)}{random_birth_date(rng)[4:]}"}
            )
        yield decoy | {"mrn": f"9{number:08}"}


def printed(person: Row, damage: str, rng: random.Random) -> Row:
    """Return what a chart would print of the person, with that damage."""
    always_printed = ("given", "middle", "family", "dob", "sex")
    query: Row = {key: person[key] for key in always_printed if key in person}
    for keys, odds in ((("mrn",), 0.4), (("address", "city", "state", "zip"), 0.4), (("phone",), 0.2)):
        if rng.random() < odds or (damage == "number" and keys == ("mrn",)):
            query |= {key: person[key] for key in keys}
    damaged_key = "mrn" if "mrn" in query and rng.random() < 0.5 else "dob"
    if damage in ("name", "two errors"):
        part = rng.choice(("given", "family"))
        query[part] = confused(query[part], LOOKALIKE_LETTERS, rng)
    if damage == "number":
        query["mrn"] = confused(query["mrn"], LETTER_FOR_DIGIT, rng)
    if damage in ("date", "two errors"):
        query["dob"] = (
            query["dob"][:2] + confused(query["dob"][2:4], LOOKALIKE_DIGITS, rng) + query["dob"][4:]
        )
    if damage == "digit dropped":
        at = rng.randrange(len(query["mrn"])) if damaged_key == "mrn" else 3
        query[damaged_key] = query[damaged_key][:at] + query[damaged_key][at + 1 :]
    if damage == "digits swapped":
        at = rng.randrange(len(query["mrn"]) - 1) if damaged_key == "mrn" else 2
        text = query[damaged_key]
        query[damaged_key] = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if damage == "day and month" and query["dob"][8:] <= "12":
        query["dob"] = f"{query['dob'][:4]}-{query['dob'][8:]}-{query['dob'][5:7]}"
    if damage == "nickname":
        query["given"] = next(iter(nickname_variants(query["given"].lower())), query["given"][:3]).title()
    if damage == "no date":
        del query["dob"]
    if damage == "initial":
        query["given"] = query["given"][0]
    return query


def confused(text: str, table: dict[str, str], rng: random.Random) -> str:
    """Replace one character by a similar one if there is one, but never the first letter of a name."""
    places = [
        (at, old)
        for old in table
        for at in range(len(text))
        if text.startswith(old, at) and (at or old.isdigit())
    ]
    if not places:
        return text
    at, old = rng.choice(places)
    return text[:at] + table[old] + text[at + len(old) :]
