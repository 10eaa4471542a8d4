"""Form pages: many families of layouts, divided by structure, with a truth that is printed on them."""

from __future__ import annotations

import pytest

from pipeline.synthetic.form_layouts import LayoutFamily, form_pages, layout_families
from pipeline.synthetic.form_subject import FIELDS
from pipeline.synthetic.page import HEIGHT, WIDTH

FAMILIES = layout_families()


def test_there_are_many_families_and_every_structure_is_in_one_part() -> None:
    assert len(FAMILIES) >= 60
    parts = {
        split: {f.structure for f in layout_families(split)}
        for split in ("development", "left_out", "locked")
    }
    assert all(len(structures) >= 5 for structures in parts.values())
    assert sum(map(len, parts.values())) == len(set().union(*parts.values()))


def test_the_same_seed_gives_the_same_pages_and_another_seed_others() -> None:
    families = FAMILIES[:10]
    once = [page.canvas.text for page in form_pages(1, 3, families)]
    assert once == [page.canvas.text for page in form_pages(1, 3, families)]
    assert once != [page.canvas.text for page in form_pages(1, 4, families)]


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_every_page_names_its_patient_within_the_paper(family: LayoutFamily) -> None:
    (page,) = form_pages(1, 9, [family])
    assert set(page.truth) == set(FIELDS)
    assert page.truth["patient_name"]
    text = " ".join(word.text for word in page.canvas.words).lower()
    assert all(part.strip(".,").lower() in text for part in page.truth["patient_name"].split())
    number = page.truth["mrn"]
    assert number is None or number.lower() in text
    assert all(0 <= word.box[0] < WIDTH and 0 <= word.box[1] < HEIGHT for word in page.canvas.words)
