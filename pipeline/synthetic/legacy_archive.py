"""A small legacy archive with its index, and every fault that such archives have (`chartloom synthesize
archive`).

Kinds: csv (PDFs and multi-page TIFFs with a CSV in Chartloom's format), old-index (single-page TIFFs
with an old system's index and a crosswalk), tree (a folder tree). Pages are small and quick to read. The
folder also has patients.csv, and planted.json with every fault: {"code", "row", "path"}.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pipeline.synthetic.legacy_files import (
    CODES,
    FIRST_DAY,
    HEIGHT,
    WIDTH,
    Archive,
    Kind,
    Maker,
    encrypted_pdf,
    pdf,
    tiff,
)
from pipeline.synthetic.people import Patient

UNKNOWN_MRN = "9990001"  # a record number that the index does not know


def make_archive(
    folder: Path, kind: Kind, documents: int, seed: int = 1, *, faults: int = 1, recur: int | None = None
) -> Archive:
    """Write an archive of documents of one to three pages, with faults of every kind among them.

    Args:
        folder: The folder to write to.
        kind: The kind of archive.
        documents: The number of documents without a fault.
        seed: Seed of the random numbers.
        faults: The number of faults of each kind.
        recur: After this number of documents, the pages of earlier documents recur in other files. Such an
            archive is read quickly, because a page that has been read before is not read again. None: all
            pages differ.
    """
    maker = Maker(folder, kind, seed, recur)
    for number in range(documents):
        maker.document(maker.person())
        due = (number + 1) * faults // documents
        for turn in range(number * faults // documents, due):
            Faults(maker, turn).plant()
    return maker.finish()


class Faults:
    """One fault of each kind. `turn` distinguishes them from those planted before."""

    def __init__(self, maker: Maker, turn: int) -> None:
        self.maker = maker
        self.turn = turn

    def plant(self) -> None:
        """Plant them all."""
        maker, plant = self.maker, self.maker.plant
        one, two = maker.people[:2]
        key, _ = maker.document(one, when="99999999")
        plant("bad_date", key)
        key, _ = maker.document(one, code="ZZ")
        plant("unmapped_type", key)
        key, _ = maker.document(one, mrn=UNKNOWN_MRN)
        plant("unknown_patient", key)
        key, paths = maker.document(one, data=b"II*\0\x08\0\0\0 cut short %d" % self.turn, ending=".tif")
        plant("quarantined", key, paths[0])
        key, paths = maker.document(one, data=encrypted_pdf(self.turn), ending=".pdf")
        plant("quarantined", key, paths[0])
        same = tiff([maker.page(two, FIRST_DAY, 7)], f"same {self.turn}")
        maker.document(two, data=same, ending=".tif")
        key, paths = maker.document(two, data=same, ending=".tif")
        plant("duplicate", key, paths[0])
        key, _ = maker.document(one, data=same, ending=".tif")
        plant("other_patient", key)
        maker.made.pages += 3
        key, _ = maker.document(
            two, pages=[maker.page(two, FIRST_DAY, 8), Image.new("1", (WIDTH, HEIGHT), 1)]
        )
        plant("blank_page", key)
        key, _ = maker.document(one, listed=two)
        plant("legacy_patient_conflict", key)
        if maker.kind == "tree":
            loose = f"box000/loose{self.turn}.pdf"
            maker.put(loose, pdf([maker.page(one, FIRST_DAY, 9)], loose))
            maker.made.documents += 1
            maker.made.pages += 1
            plant("bad_row", loose)
        else:
            self.of_rows(one)

    def of_rows(self, one: Patient) -> None:
        """Those that only an index can have."""
        maker, plant = self.maker, self.maker.plant
        code, when = CODES[maker.kind], maker.written(FIRST_DAY)
        mrn = maker.old(one) if maker.kind == "old-index" else one.mrn
        stray, lost, number = (
            f"box000/stray{self.turn}.tif",
            f"box000/lost{self.turn}.tif",
            90_001 + 2 * self.turn,
        )
        maker.put(stray, tiff([maker.page(one, FIRST_DAY, 10)], stray))
        plant("unlisted", f"file {stray}", stray)
        key = maker.row(lost, number, "1", "box000", mrn, code, when)
        plant("missing_file", key, lost)
        key = maker.row("../outside.tif", number + 1, "1", "box000", mrn, code, when)
        plant("bad_row", key)
        maker.made.documents += 2
        if maker.kind == "csv":
            again = maker.rows[self.turn]
            maker.rows.append(list(again))
            maker.made.documents += 1
            maker.made.pages += int(again[2])
            plant("listed_twice", str(len(maker.rows) + 1))
            key, _ = maker.document(one)
            maker.rows[-1][1] = maker.rows[0][1]
            plant("document_twice", key)
            key, _ = maker.document(one)
            maker.rows[-1][2] = "9"
            plant("page_count", key)
        else:
            self.of_pages(one)

    def of_pages(self, one: Patient) -> None:
        """Those of documents whose pages are files."""
        maker, plant = self.maker, self.maker.plant
        key, _ = maker.document(one, pages=[maker.page(one, FIRST_DAY, n) for n in (11, 12)])
        maker.rows.append(list(maker.rows[-1]))
        plant("listed_twice", key)
        key, _ = maker.document(one, pages=[maker.page(one, FIRST_DAY, n) for n in (13, 14)])
        maker.rows[-1][5] = "5"
        plant("page_numbers", key)
        key, paths = maker.document(one, pages=[maker.page(one, FIRST_DAY, n) for n in (15, 16)])
        (maker.files / paths[1]).unlink()
        maker.made.pages -= 1
        plant("missing_file", key, paths[1])
        key, paths = maker.document(one, pages=[maker.page(one, FIRST_DAY, n) for n in (17, 18)])
        (maker.files / paths[1]).write_bytes(b"MM\0*" + bytes(40))
        maker.made.pages -= 2
        plant("not_joinable", key, paths[1])
