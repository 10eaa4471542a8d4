"""Examples to learn document types from: folders of texts that people typed or that were read from paper, and
generated forms.

A CSV or JSON lines file has the columns id, text and type; text_reflow, where there is one, is taken in place
of text."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.classify.training.ocr_noise import misread
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from pipeline.synthetic import Patient

SHORTEST = 40  # characters; a shorter text teaches nothing
csv.field_size_limit(50_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text of known type. Examples of one `group` (near-duplicates, copies made worse) never part in a
    division. `real`: not generated. `source`: the file that it came from."""

    id: str
    text: str
    type: str
    source: str
    group: str
    real: bool = True


def read_folder(folder: Path) -> list[Example]:
    """The examples of every .csv and .jsonl file of a folder. Raises InvalidInput where there is none."""
    found = [
        e for path in sorted(folder.iterdir()) if path.suffix in (".csv", ".jsonl") for e in _read_file(path)
    ]
    if not found:
        raise InvalidInput(
            f"{folder} has no CSV or JSON lines file with the columns id, text and type.",
            "Name another folder.",
        )
    return found


def group_near_duplicates(examples: Sequence[Example]) -> list[Example]:
    """The examples with near-duplicates under one group."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(examples) < 2:
        return list(examples)
    vectors = TfidfVectorizer(sublinear_tf=True, min_df=1).fit_transform([e.text for e in examples])
    alike = (vectors @ vectors.T).tocoo()
    parent = list(range(len(examples)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j, value in zip(alike.row, alike.col, alike.data, strict=True):
        if i < j and value > ALIKE:
            parent[root(i)] = root(j)
    return [replace(e, group=examples[root(i)].id) for i, e in enumerate(examples)]


ALIKE = 0.6  # cosine of two texts' weighted words above which they count as near-duplicates


def generated(count: int, seed: int) -> list[Example]:
    """`count` generated documents of each type, as they stand on their pages; half of them without their
    title.
    """
    from pipeline.synthetic import document, patients, style_for, types, typeset

    rng = random.Random(f"examples {seed}")
    people = patients(300, seed)
    made = []
    for kind in types():
        for number in range(count):
            sample = document(rng, kind, rng.choice(people))
            if rng.random() < 0.5:
                sample = replace(sample, title="")
            printed = typeset(rng, sample, style_for(rng, kind))
            text = "\n".join(sheet.text for sheet in printed.sheets)
            name = f"generated {kind} {number}"
            made.append(
                Example(
                    id=name, text=misread(rng, text), type=kind, source="generated", group=name, real=False
                )
            )
    return made


def simulate_paper(example: Example, rng: random.Random) -> Example:
    """The example as it reads after it was set on pages with letterhead and patient data, scanned, and read
    again.
    """
    from pipeline.synthetic import style_for, typeset
    from pipeline.synthetic.compose import document
    from pipeline.synthetic.page_blocks import Text

    sample = document(rng, "letter", rng.choice(_people()))
    blocks = tuple(Text(line) for line in example.text.splitlines() if line.strip())
    generic = rng.choice(("", "", "", "REPORT", "MEDICAL RECORD", "TRANSCRIPTION"))
    sample = replace(sample, type=example.type, title=generic, blocks=blocks)
    sheets = typeset(rng, sample, style_for(rng, example.type)).sheets
    few = sheets[: rng.choice((1, 9, 9))]
    text = misread(rng, "\n".join(sheet.text for sheet in few))
    return replace(example, id=f"{example.id} on paper", text=text)


@cache
def _people() -> list[Patient]:
    from pipeline.synthetic import patients

    return patients(300, 11)


def _read_file(path: Path) -> Iterator[Example]:
    for number, row in enumerate(_rows(path), 1):
        text, kind = str(row.get("text_reflow") or row.get("text") or ""), row.get("type")
        if kind and len(text) >= SHORTEST:
            name = str(row.get("id") or f"{path.stem} {number}")
            yield Example(id=name, text=text, type=str(kind), source=path.stem, group=name)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            yield from csv.DictReader(file)
        else:
            yield from (json.loads(line) for line in file if line.strip())
