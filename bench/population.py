"""People who do not exist, as a hospital's index would hold them, and what a chart would print of them. The
same for a seed.

Households share family name, address and phone; some hold twins, some a father and a son of one name. Names
are as common as config/match_weights.toml says; those that are not listed there are made of syllables, a few
borne by many, most by few."""

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
KINDS_OF_STREET = ("Street", "Avenue", "Road", "Lane", "Court", "Drive")
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
    """The names of a part and how common each is."""
    listed = tomllib.loads((CONFIG / "match_weights.toml").read_text())["frequency"][part]
    chance = random.Random(part)
    made: set[str] = set()
    wanted, longest, endings = (
        (30_000, 3, ENDINGS) if part == "family" else (1_500, 2, ["a", "o", "ie", "en"])
    )
    while len(made) < wanted:
        made.add("".join(chance.choices(SYLLABLES, k=chance.randint(1, longest))) + chance.choice(endings))
    rest = 100 - sum(listed.values())
    ranks = [1 / (rank + 20) for rank in range(len(made))]
    whole = sum(ranks)
    shares = list(listed.values()) + [rest * share / whole for share in ranks]
    return [*listed, *sorted(made)], shares


def people(count: int, seed: int) -> Iterator[Row]:
    """`count` people in households of one to five."""
    chance = random.Random(seed)
    made, numbers = 0, set()
    families, family_shares = names("family")
    givens, given_shares = names("given")
    family_pool, given_pool = (
        chance.choices(n, s, k=200_000) for n, s in ((families, family_shares), (givens, given_shares))
    )
    while made < count:
        family, home = chance.choice(family_pool).title(), a_home(chance)
        before: Row | None = None
        for _ in range(chance.choice((1, 1, 2, 3, 4, 5))):
            person = {
                "given": chance.choice(given_pool).title(),
                "family": family,
                "dob": a_date(chance),
                "sex": chance.choice("FM"),
            } | home
            if chance.random() < 0.6:
                person["middle"] = chance.choice(given_pool).title()
            if before and chance.random() < 0.03:
                person["dob"] = before["dob"]
            elif before and chance.random() < 0.02:
                person |= {"given": before["given"], "sex": before["sex"]}
            person["mrn"] = str(chance.randrange(10_000_000, 99_999_999))
            if chance.random() < 0.4:
                person["ssn"] = (
                    f"{chance.randrange(100, 899)}-{chance.randrange(10, 99)}-{chance.randrange(1000, 9999)}"
                )
            if made < count and person["mrn"] not in numbers:
                numbers.add(person["mrn"])
                made += 1
                before = person
                yield person


def a_home(chance: random.Random) -> Row:
    """An address and its phone."""
    zip_code = chance.randrange(1000, 2800)
    street = f"{chance.choice(SYLLABLES).title()}{chance.choice(STREETS).lower()}"
    return {
        "address": f"{chance.randint(1, 1999)} {street} {chance.choice(KINDS_OF_STREET)}",
        "city": f"{chance.choice(STREETS)}{chance.choice(('ton', 'ville', 'field', ''))}",
        "state": "MA",
        "zip": f"{zip_code:05}",
        "phone": f"({chance.randrange(201, 989)}) 555-{chance.randrange(10000):04}",
    }


def a_date(chance: random.Random) -> str:
    """A date of birth."""
    return f"{chance.randint(1932, 2022)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"


def decoys(known: list[Row], seed: int) -> Iterator[Row]:
    """For each of the known a person who shares much: a twin, a namesake, one born the same day, a parent of
    the same name.
    """
    chance = random.Random(seed)
    for number, person in enumerate(known):
        other, third = chance.choice(known), chance.choice(known)
        while other["given"] == person["given"]:  # no parents give twins one name
            other = chance.choice(known)
        home = {key: person[key] for key in ("address", "city", "state", "zip", "phone")}
        base = {
            "given": person["given"],
            "family": person["family"],
            "dob": person["dob"],
            "sex": person["sex"],
        }
        kind = number % 4
        if kind == 0:
            decoy = base | home | {"given": other["given"], "sex": other["sex"]}
        elif kind == 1:
            decoy = base | {"dob": other["dob"]} | {key: other[key] for key in home}
        elif kind == 2:
            decoy = (
                base
                | {"given": other["given"], "family": third["family"], "sex": other["sex"]}
                | {k: other[k] for k in home}
            )
        else:
            decoy = (
                base
                | home
                | {"dob": f"{int(person['dob'][:4]) - chance.randint(19, 35)}{a_date(chance)[4:]}"}
            )
        yield decoy | {"mrn": f"9{number:08}"}


def printed(person: Row, damage: str, chance: random.Random) -> Row:
    """What a chart would print of the person, with that damage."""
    kept = ("given", "middle", "family", "dob", "sex")
    query: Row = {key: person[key] for key in kept if key in person}
    for keys, odds in ((("mrn",), 0.4), (("address", "city", "state", "zip"), 0.4), (("phone",), 0.2)):
        if chance.random() < odds or (damage == "number" and keys == ("mrn",)):
            query |= {key: person[key] for key in keys}
    where = "mrn" if "mrn" in query and chance.random() < 0.5 else "dob"
    if damage in ("name", "two errors"):
        part = chance.choice(("given", "family"))
        query[part] = confused(query[part], LOOKALIKE_LETTERS, chance)
    if damage == "number":
        query["mrn"] = confused(query["mrn"], LETTER_FOR_DIGIT, chance)
    if damage in ("date", "two errors"):
        query["dob"] = (
            query["dob"][:2] + confused(query["dob"][2:4], LOOKALIKE_DIGITS, chance) + query["dob"][4:]
        )
    if damage == "digit dropped":
        at = chance.randrange(len(query["mrn"])) if where == "mrn" else 3
        query[where] = query[where][:at] + query[where][at + 1 :]
    if damage == "digits swapped":
        at = chance.randrange(len(query["mrn"]) - 1) if where == "mrn" else 2
        text = query[where]
        query[where] = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if damage == "day and month" and query["dob"][8:] <= "12":
        query["dob"] = f"{query['dob'][:4]}-{query['dob'][8:]}-{query['dob'][5:7]}"
    if damage == "nickname":
        query["given"] = next(iter(nickname_variants(query["given"].lower())), query["given"][:3]).title()
    if damage == "no date":
        del query["dob"]
    if damage == "initial":
        query["given"] = query["given"][0]
    return query


def confused(text: str, table: dict[str, str], chance: random.Random) -> str:
    """One character taken for its look-alike, where there is one; never a name's first letter."""
    places = [
        (at, old)
        for old in table
        for at in range(len(text))
        if text.startswith(old, at) and (at or old.isdigit())
    ]
    if not places:
        return text
    at, old = chance.choice(places)
    return text[:at] + table[old] + text[at + len(old) :]
