"""The sample charts: fictitious people and documents, the same for the same seed, with a truth that holds."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from pipeline.commands.synthesize import draw_separator
from pipeline.config import document_types
from pipeline.synthetic import document, documents, patients, style_for, types, typeset
from pipeline.synthetic.draw import draw_page
from pipeline.synthetic.grammar import expand, forms
from pipeline.synthetic.scanner import SCANNERS, scan
from pipeline.synthetic.stacks import scans
from pipeline.synthetic.write import write_charts

PEOPLE = patients(200, 7)


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts")
    write_charts(folder, 3, 6, separator=draw_separator, people=60)
    return folder


def test_the_same_seed_makes_the_same_patients_and_another_seed_others() -> None:
    assert patients(50, 7) == patients(50, 7)
    assert patients(50, 7) != patients(50, 8)


def test_record_numbers_are_unique_and_some_patients_are_easily_taken_for_others() -> None:
    assert len({p.mrn for p in PEOPLE}) == len(PEOPLE)
    born = [(p.family, p.dob) for p in PEOPLE]
    named = [(p.family, p.given) for p in PEOPLE]
    assert len(set(born)) < len(born)
    assert len(set(named)) < len(named)


def test_no_telephone_number_is_a_real_one() -> None:
    assert all(") 555-01" in p.phone for p in PEOPLE)


def test_every_type_of_the_catalog_can_be_generated() -> None:
    assert set(types()) == set(document_types())


@pytest.mark.parametrize("kind", types())
def test_a_document_has_no_unfilled_template(kind: str) -> None:
    rng = random.Random(kind)
    for _ in range(5):
        text = document(rng, kind, rng.choice(PEOPLE)).text
        assert not re.search(r"[{}|]|<\d|\[[a-z_]+\]", text), text
        assert len(text) > 60


def test_a_bank_that_does_not_exist_is_an_error_and_not_printed() -> None:
    with pytest.raises(KeyError):
        expand(random.Random(1), "[no_such_bank]", {})


def test_titles_of_most_types_vary() -> None:
    assert sum(len(form["titles"]) >= 4 for form in forms().values()) >= 30


def test_two_documents_of_a_type_are_seldom_alike() -> None:
    texts = [d.text for d in documents(PEOPLE, 40, 5, ("laboratory_report",))]
    assert len(set(texts)) == 40


def test_printed_values_of_the_truth_are_on_the_pages_and_words_are_within_them() -> None:
    rng = random.Random(5)
    for sample in documents(PEOPLE, 40, 5):
        printed = typeset(rng, sample, style_for(rng, sample.type))
        seen = "\n".join(sheet.text for sheet in printed.sheets)
        for value in printed.sample.printed.values():
            assert value is None or value in seen
        boxes = [word.box for sheet in printed.sheets for word in sheet.words]
        assert all(0 <= x0 <= x1 <= 1780 and 0 <= y0 < y1 <= 2200 for x0, y0, x1, y1 in boxes)


def test_every_scan_accounts_for_each_page_once(charts: Path) -> None:
    for path in charts.glob("*.json"):
        truth = json.loads(path.read_text())
        kinds = {p["page"]: p["kind"] for p in truth["pages"]}
        content = [n for n, kind in kinds.items() if kind == "content"]
        assert sorted(n for d in truth["documents"] for n in d["pages"]) == content
        assert _page_count(charts / truth["file"]) == len(kinds)


def test_the_same_seed_writes_the_same_files(charts: Path, tmp_path: Path) -> None:
    write_charts(tmp_path, 3, 6, separator=draw_separator, people=60)
    for path in charts.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_truth_of_a_stack_distinguishes_separator_sheets_from_document_pages() -> None:
    sheet = np.full((2200, 1700), 255, dtype=np.uint8)
    made = list(scans(PEOPLE, (), 8, 10, separator=lambda _: sheet, kinds=("insurance_card",)))
    with_sheets = [s for s in made if s.truth["separators"]]
    assert with_sheets
    for stack in with_sheets:
        kinds = [p["kind"] for p in stack.truth["pages"]]
        assert kinds.count("separator") == len(stack.truth["documents"]) - 1


def test_strangers_are_never_marked_as_patients_of_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.synthetic.stacks.UNLISTED_PATIENT_SHARE", 0.7)
    strangers = patients(260, 7)[200:]
    made = [
        d for s in scans(PEOPLE[:5], strangers, 5, 4, kinds=("insurance_card",)) for d in s.truth["documents"]
    ]
    known = {p.id for p in PEOPLE[:5]}
    assert any(d["patient"] is None for d in made)
    assert all(d["patient"] is None or d["patient"]["id"] in known for d in made)


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda s: s.name)
def test_a_scanner_gives_pages_of_its_own_resolution_and_depth(scanner) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(1)
    sample = next(documents(PEOPLE, 1, 1))
    page = draw_page(typeset(rng, sample, style_for(rng, sample.type)).sheets[0], scanner.dpi)
    scanned = scan(rng, page, scanner)
    across, down = (1, 0) if scanned.rotation in (0, 180) else (0, 1)
    assert scanned.pixels.shape[across] == pytest.approx(8.5 * scanner.across, abs=2)
    assert scanned.pixels.shape[down] == pytest.approx(11 * scanner.down, abs=2)
    assert (len(np.unique(scanned.pixels)) == 2) == scanner.bilevel


def _page_count(path: Path) -> int:
    if path.suffix == ".pdf":
        return len(PdfReader(path).pages)
    with Image.open(path) as image:
        return int(getattr(image, "n_frames", 1))
