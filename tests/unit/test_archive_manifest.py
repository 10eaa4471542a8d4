"""Manifests of every kind are read as documents; an invalid row is a problem with a code, never an error."""

from __future__ import annotations

import io
import random
from datetime import time
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from pipeline.archive.crosswalk import open_crosswalk
from pipeline.archive.join_tiffs import join_tiffs
from pipeline.archive.manifest import Manifest, ManifestDocument, natural_key
from pipeline.archive.manifest_mapping import ManifestMapping, load_mapping
from pipeline.archive.migration_plan import estimate_cost
from pipeline.archive.quality_sampling import exact_interval, sample_size
from pipeline.archive.throttle import Throttle, is_within, schedule_share
from pipeline.config import load_settings
from pipeline.errors import ConfigurationError, InvalidInput
from pipeline.ingest.tiff import NotTiff, page_count

SETTINGS = load_settings()


def listed(folder: Path, text: str, mapping: ManifestMapping) -> list[ManifestDocument]:
    file = folder / "index.txt"
    file.write_bytes(text.encode(mapping.encoding))
    return list(Manifest.at(file, None, mapping).documents(SETTINGS.archive))


def codes(document: ManifestDocument) -> list[str]:
    return [problem.code for problem in document.problems]


def test_a_row_of_a_csv_manifest_is_a_document_and_missing_columns_are_unknown(tmp_path: Path) -> None:
    (one,) = listed(tmp_path, "MRN,path,pages\r\n123,a/b.pdf,2\r\n", load_mapping("csv"))
    assert (one.key, one.mrn, one.files, one.pages, one.type) == ("2", "123", ("a/b.pdf",), 2, None)


def test_rows_of_one_document_are_joined_in_the_order_of_their_page_numbers(tmp_path: Path) -> None:
    rows = (
        "7|box|1|PN|01/02/2011|2|D:\\IMAGES\\B.TIF\r\n"
        "7|box|1|PN|01/02/2011|1|d:\\images\\A.TIF\r\n"
        "8|box|1|PN||1|C.TIF\r\n"
    )
    first, second = listed(tmp_path, rows, load_mapping("old-index"))
    assert (first.key, first.document, first.files, first.problems) == ("1", "7", ("A.TIF", "B.TIF"), ())
    assert (second.key, second.files) == ("3", ("C.TIF",))


@pytest.mark.parametrize(
    ("path", "code"),
    [("", "bad_row"), ("../../etc/passwd", "bad_row"), ("/etc/passwd", "bad_row"), ("C:\\x.tif", "bad_row")],
)
def test_a_path_outside_the_root_or_without_a_file_name_is_a_problem(
    tmp_path: Path, path: str, code: str
) -> None:
    (one,) = listed(tmp_path, f"path,mrn\n{path},1\n", load_mapping("csv"))
    assert (codes(one), one.files) == ([code], ())


def test_a_page_that_is_listed_twice_is_used_once_and_a_missing_number_is_reported(tmp_path: Path) -> None:
    rows = "7|b|1|PN||1|A.TIF\n7|b|1|PN||1|A.TIF\n9|b|1|PN||1|B.TIF\n9|b|1|PN||3|C.TIF\n"
    duplicate, gap = listed(tmp_path, rows, load_mapping("old-index"))
    assert (codes(duplicate), duplicate.files) == (["listed_twice"], ("A.TIF",))
    assert codes(gap) == ["page_numbers"]


def test_a_manifest_in_another_encoding_or_without_its_path_column_is_rejected(
    tmp_path: Path,
) -> None:
    with pytest.raises(InvalidInput, match="no column 'path'"):
        listed(tmp_path, "file,mrn\na,1\n", load_mapping("csv"))
    file = tmp_path / "latin.csv"
    file.write_bytes(b"path,mrn\n\xe4.tif,1\n")
    with pytest.raises(InvalidInput, match="encoding"):
        list(Manifest.at(file, None, load_mapping("csv")).documents(SETTINGS.archive))


@pytest.mark.parametrize(
    "table",
    [
        "kind = 'table'",
        "kind = 'tree'\npattern = '('",
        "kind = 'tree'\npattern = '(?P<color>.)'",
        "kind = 'table'\n[columns]\npath = 'p'\n[types]\nX = 'no such type'",
        "kind = 'table'\njoin = 'document'\n[columns]\npath = 'p'",
        "kind = 'table'\nheader = false\n[columns]\npath = 'p'",
        "kind = 'table'\ncolor = 1\n[columns]\npath = 'p'",
        "kind = ",
    ],
)
def test_an_invalid_mapping_is_rejected_with_the_reason(tmp_path: Path, table: str) -> None:
    (tmp_path / "m.toml").write_text(table, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"m\.toml"):
        load_mapping(str(tmp_path / "m.toml"))


def test_an_old_number_that_is_linked_to_two_records_is_ambiguous(tmp_path: Path) -> None:
    links = tmp_path / "links.csv"
    links.write_text("left,right,probability\nA-1,100,1\nA-2,200,1\nA-2,201,1\n", encoding="utf-8")
    with open_crosswalk(links) as numbers:
        assert [numbers.local_mrn(old) for old in ("A1", "a-1", "A-2", "A-3")] == ["100", "100", None, None]
    with open_crosswalk(None) as none:
        assert none.local_mrn("A-3") == "A-3"


def test_names_are_sorted_by_the_numbers_in_them() -> None:
    assert sorted(["p10.tif", "p9.tif", "p1.tif", "²"], key=natural_key) == [
        "p1.tif",
        "p9.tif",
        "p10.tif",
        "²",
    ]


def tiff(folder: Path, name: str, seed: int, mode: str, compression: str, pages: int = 1) -> Path:
    rng = random.Random(seed)
    images = [
        Image.frombytes("RGB", (61, 47), rng.randbytes(61 * 47 * 3)).convert(mode) for _ in range(pages)
    ]
    file = folder / name
    images[0].save(
        file, "TIFF", save_all=True, append_images=images[1:], compression=compression, dpi=(200, 200)
    )
    return file


def test_joined_tiffs_have_every_page_pixel_for_pixel_and_always_the_same_bytes(tmp_path: Path) -> None:
    files = [
        tiff(tmp_path, "a.tif", 1, "1", "group4"),
        tiff(tmp_path, "b.tif", 2, "L", "tiff_lzw"),
        tiff(tmp_path, "c.tif", 3, "RGB", "jpeg"),
        tiff(tmp_path, "d.tif", 4, "1", "group4", pages=2),
    ]
    once, twice = io.BytesIO(), io.BytesIO()
    join_tiffs(files, once)
    join_tiffs(files, twice)
    assert once.getvalue() == twice.getvalue()
    whole = tmp_path / "whole.tif"
    whole.write_bytes(once.getvalue())
    assert page_count(whole) == 5
    joined, number = Image.open(whole), 0
    for file in files:
        source = Image.open(file)
        for frame in range(source.n_frames):  # type: ignore[attr-defined]
            source.seek(frame)
            joined.seek(number)
            assert joined.mode == source.mode
            assert ImageChops.difference(joined.convert("L"), source.convert("L")).getbbox() is None
            number += 1


@pytest.mark.parametrize(
    "data",
    [b"", b"%PDF-1.4", b"II*\0\x08\0\0\0", b"II*\0\x08\0\0\0\xff\xff" + bytes(40), b"II*\0" + bytes(4)],
)
def test_a_damaged_tiff_is_rejected_with_its_name(tmp_path: Path, data: bytes) -> None:
    bad = tmp_path / "bad.tif"
    bad.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"bad\.tif") as refused:
        join_tiffs([tiff(tmp_path, "good.tif", 1, "1", "group4"), bad], io.BytesIO())
    assert refused.value.code == "not_joinable"


def test_a_loop_of_tiff_directories_ends(tmp_path: Path) -> None:
    file = tmp_path / "round.tif"
    file.write_bytes(b"II*\0\x08\0\0\0\0\0\x08\0\0\0")
    with pytest.raises(NotTiff):
        page_count(file)


def test_the_schedule_may_pass_midnight() -> None:
    night = "19:00-06:00"
    assert [is_within(night, time(h)) for h in (18, 19, 23, 0, 5, 6, 12)] == [
        False,
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert [is_within("", time(3)), is_within("08:00-08:00", time(3))] == [True, True]
    assert (schedule_share(night), schedule_share("")) == (pytest.approx(11 / 24), 1.0)
    with pytest.raises(ConfigurationError):
        is_within("7pm-6am", time(3))


@pytest.mark.parametrize(("share", "workers", "most"), [(1.0, 4, 12), (0.5, 4, 2), (0.1, 4, 1), (1.0, 0, 3)])
def test_no_more_jobs_are_queued_than_the_share_of_workers_needs(
    share: float, workers: int, most: int
) -> None:
    settings = SETTINGS.archive.model_copy(update={"max_worker_share": share, "prefetch_per_worker": 2})
    assert Throttle(settings=settings, queued=lambda: 0, workers=lambda: workers).max_queued() == most


def test_the_cost_depends_on_the_schedule_and_the_worker_share() -> None:
    settings = SETTINGS.archive.model_copy(update={"schedule": "00:00-12:00", "max_worker_share": 0.5})
    cost = estimate_cost(1_000_000, 50, 16, settings)
    assert cost.cpu_hours == pytest.approx(1_000_000 * settings.cost_model.cpu_seconds / 3600)
    assert cost.days == pytest.approx(cost.cpu_hours / 24 / 4)


@pytest.mark.parametrize(
    ("population", "confidence", "limit", "size"),
    [
        (10**9, 0.95, 0.01, 299),
        (10**9, 0.95, 0.005, 598),
        (10**9, 0.99, 0.01, 459),
        (100, 0.95, 0.01, 95),
        (1, 0.95, 0.01, 1),
    ],
)
def test_the_sample_is_the_smallest_sufficient_one(
    population: int, confidence: float, limit: float, size: int
) -> None:
    assert sample_size(population, confidence, limit) == size


def test_the_interval_is_the_clopper_pearson_interval() -> None:
    assert exact_interval(0, 299, 0.95) == (0.0, pytest.approx(0.01226, abs=1e-4))
    assert exact_interval(2, 100, 0.95) == (
        pytest.approx(0.00243, abs=1e-4),
        pytest.approx(0.07038, abs=1e-4),
    )
    assert exact_interval(0, 0, 0.95) == (0.0, 1.0)
