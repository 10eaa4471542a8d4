"""The names and endings of complete files, the meaning of their folders, and their move to done."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path, PurePath

import pytest
from PIL import Image

from pipeline.errors import ConfigurationError
from pipeline.ingest.completeness import is_complete, is_temporary_name
from pipeline.ingest.done_folder import FileModified, move_to_done
from pipeline.ingest.intake_source import Origin, origin_of, printable, subfolder_meanings
from pipeline.records import Priority


@pytest.mark.parametrize("name", ["scan.pdf", "SCAN.TIF", "party.jpg", "a.partial.pdf", "tmp.pdf", "~.pdf"])
def test_an_ordinary_name_is_not_a_temporary_one(name: str) -> None:
    assert not is_temporary_name(name)


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_is_complete_only_when_its_last_directory_can_be_reached(big: bool, tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    first, second = Image.new("L", (40, 40), 1), Image.new("L", (50, 50), 2)
    from PIL import TiffImagePlugin

    TiffImagePlugin.WRITE_LIBTIFF = False
    first.save(file, format="TIFF", save_all=True, append_images=[second], big_tiff=big)
    assert is_complete(file)
    file.write_bytes(file.read_bytes()[:-2600])
    assert not is_complete(file)


@pytest.mark.parametrize(("ending", "removed_bytes"), [("png", 8), ("jpg", 2), ("pdf", 8)])
def test_an_image_and_a_pdf_are_complete_with_their_end_marker(
    ending: str, removed_bytes: int, tmp_path: Path
) -> None:
    file = tmp_path / f"a.{ending}"
    Image.new("L", (40, 40)).save(file)
    assert is_complete(file)
    file.write_bytes(file.read_bytes()[:-removed_bytes])
    assert not is_complete(file)


def test_a_folder_may_need_files_that_are_unchanged_for_longer(tmp_path: Path) -> None:
    file = tmp_path / "folders.toml"
    file.write_text("[glass]\nstable_seconds = 90")
    meanings = subfolder_meanings(file)
    assert origin_of(PurePath("glass/a.tif"), meanings).stable_seconds == 90
    assert origin_of(PurePath("a.tif"), meanings).stable_seconds is None
    file = tmp_path / "wrong.toml"
    file.write_text('[glass]\nstable_seconds = "long"')
    with pytest.raises(ConfigurationError, match="stable_seconds"):
        subfolder_meanings(file)


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("a.pdf", Origin()),
        ("STAT/a.pdf", Origin(priority=Priority.STAT)),
        ("stat/Cardiology/a.pdf", Origin(priority=Priority.STAT, department="cardiology")),
        (
            "roi/box 17/a.pdf",
            Origin(source="release of information", default_type="records_request", batch="box 17"),
        ),
        ("box 17/STAT/a.pdf", Origin(batch="box 17")),
        ("stat.pdf", Origin()),
    ],
)
def test_subfolders_determine_the_source_of_a_file(path: str, origin: Origin) -> None:
    assert origin_of(PurePath(path)) == origin


def test_every_folder_rule_in_the_settings_is_valid() -> None:
    assert subfolder_meanings()["stat"]["priority"] == "stat"


def test_a_name_of_any_bytes_becomes_text_that_a_database_can_store() -> None:
    assert printable(os.fsdecode(b"caf\xe9.pdf")) == "caf\\xe9.pdf"
    assert printable("Jörg 📄\n.pdf") == "Jörg 📄\n.pdf"


def test_a_file_that_changed_since_it_was_stored_is_not_moved(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"one")
    found = file.stat()
    file.write_bytes(b"two!")
    with pytest.raises(FileModified):
        move_to_done(file, PurePath("a.pdf"), tmp_path / "done", found.st_size, found.st_mtime_ns)
    assert file.read_bytes() == b"two!"


def test_files_of_the_same_name_are_all_kept_in_done(tmp_path: Path) -> None:
    for content in (b"1", b"2", b"3"):
        file = tmp_path / "a.b.pdf"
        file.write_bytes(content)
        found = file.stat()
        move_to_done(file, PurePath("x/a.b.pdf"), tmp_path / "done", found.st_size, found.st_mtime_ns)
    day = tmp_path / "done" / date.today().isoformat() / "x"
    assert {entry.name: entry.read_bytes() for entry in day.iterdir()} == {
        "a.b.pdf": b"1",
        "a.b (2).pdf": b"2",
        "a.b (3).pdf": b"3",
    }
