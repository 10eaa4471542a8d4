"""Collect examples to train document types: folders of texts that people typed or that were read from paper,
and generated documents.

A CSV or JSON lines file has the columns id, text and type; text_reflow, if it exists, is used instead of
text.
"""

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

MIN_TEXT_CHARS = 40
"""A shorter text has nothing to learn from."""

NEAR_DUPLICATE_SIMILARITY = 0.6
"""Cosine similarity of the tf-idf vectors above which two texts are near-duplicates."""

UNTITLED_SHARE = 0.5
"""Share of generated documents without their title."""

PATIENTS = 300
PAPER_PATIENTS_SEED = 11
GENERIC_TITLES = ("", "", "", "REPORT", "MEDICAL RECORD", "TRANSCRIPTION")
"""Titles that do not indicate a type; one is drawn for a text on simulated paper."""

MAX_PAGES_CHOICES = (1, 9, 9)
"""Most pages of a text on simulated paper; one is drawn."""

csv.field_size_limit(50_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text of known type.

    `source`: the file that it came from. `group`: examples of one group (near-duplicates, copies with
    simulated OCR errors, documents generated from one form) are never divided between training and test.
    `real`: not generated.
    """

    id: str
    text: str
    type: str
    source: str
    group: str
    real: bool = True


def read_folder(folder: Path) -> list[Example]:
    """Return the examples of every .csv and .jsonl file of a folder.

    Raises:
        InvalidInput: The folder has no examples.
    """
    examples = [
        example
        for path in sorted(folder.iterdir())
        if path.suffix in (".csv", ".jsonl")
        for example in _read_file(path)
    ]
    if not examples:
        raise InvalidInput(
            f"{folder} has no CSV or JSON lines file with the columns id, text and type.",
            "Name another folder.",
        )
    return examples


def group_near_duplicates(examples: Sequence[Example]) -> list[Example]:
    """Return the examples, near-duplicates with the same group."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(examples) < 2:
        return list(examples)
    vectors = TfidfVectorizer(sublinear_tf=True, min_df=1).fit_transform([e.text for e in examples])
    similarity = (vectors @ vectors.T).tocoo()
    parent = list(range(len(examples)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j, value in zip(similarity.row, similarity.col, similarity.data, strict=True):
        if i < j and value > NEAR_DUPLICATE_SIMILARITY:
            parent[root(i)] = root(j)
    return [replace(e, group=examples[root(i)].id) for i, e in enumerate(examples)]


def generate_examples(count: int, seed: int) -> list[Example]:
    """Return generated documents of each type, as they are on their pages; half of them without their title.

    Args:
        count: Documents of each type with one or two forms; a type with more forms has more documents.
        seed: The seed; it determines the documents.
    """
    from pipeline.synthetic import document, patients, style_for, types, typeset
    from pipeline.synthetic.grammar import variants

    rng = random.Random(f"examples {seed}")
    people = patients(PATIENTS, seed)
    examples = []
    for kind in types():
        for number in range(round(count * max(1.0, len(variants()[kind]) / 2))):
            sample = document(rng, kind, rng.choice(people))
            if rng.random() < UNTITLED_SHARE:
                sample = replace(sample, title="")
            printed = typeset(rng, sample, style_for(rng, kind))
            text = misread(rng, "\n".join(sheet.text for sheet in printed.sheets))
            name = f"generated {kind} {sample.variant} {number}"
            group = f"{kind} form {sample.variant}" if len(variants()[kind]) > 1 else name
            examples.append(
                Example(id=name, text=text, type=kind, source="generated", group=group, real=False)
            )
    return examples


def simulate_paper(example: Example, rng: random.Random) -> Example:
    """Return the example as it reads after it was typeset on pages with letterhead and patient data, scanned,
    and read by OCR.
    """
    from pipeline.synthetic import style_for, typeset
    from pipeline.synthetic.compose import document
    from pipeline.synthetic.page_blocks import Text

    sample = document(rng, "letter", rng.choice(_paper_patients()))
    blocks = tuple(Text(line) for line in example.text.splitlines() if line.strip())
    sample = replace(sample, type=example.type, title=rng.choice(GENERIC_TITLES), blocks=blocks)
    sheets = typeset(rng, sample, style_for(rng, example.type)).sheets
    kept = sheets[: rng.choice(MAX_PAGES_CHOICES)]
    text = misread(rng, "\n".join(sheet.text for sheet in kept))
    return replace(example, id=f"{example.id} on paper", text=text)


@cache
def _paper_patients() -> list[Patient]:
    from pipeline.synthetic import patients

    return patients(PATIENTS, PAPER_PATIENTS_SEED)


def _read_file(path: Path) -> Iterator[Example]:
    for number, row in enumerate(_read_rows(path), 1):
        text, kind = str(row.get("text_reflow") or row.get("text") or ""), row.get("type")
        if kind and len(text) >= MIN_TEXT_CHARS:
            name = str(row.get("id") or f"{path.stem} {number}")
            yield Example(id=name, text=text, type=str(kind), source=path.stem, group=name)


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            yield from csv.DictReader(file)
        else:
            yield from (json.loads(line) for line in file if line.strip())
