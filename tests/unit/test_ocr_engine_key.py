"""The key of the OCR cache: it changes with everything that a result depends on, and with nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import OcrSettings, load_settings
from pipeline.ocr import engine_key as module
from pipeline.ocr.engine_key import engine_key
from pipeline.ocr.engines import rapidocr_engine, tesseract, tesseract_library, tesseract_program
from pipeline.ocr.image import orientation
from pipeline.ocr.recognition import word_confidence


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Forget the keys of this process before and after each test."""
    module._engine_key.cache_clear()
    yield
    module._engine_key.cache_clear()


def settings(**changes: object) -> OcrSettings:
    return load_settings().ocr.model_copy(update={"second_engine": "always", **changes})


def key_of_new_process() -> str:
    module._engine_key.cache_clear()
    return engine_key(settings())


def replace_for(patch: pytest.MonkeyPatch, function: str, argument: str, result: object) -> None:
    """Let a function of the module return another result for one argument."""
    original = getattr(module, function)
    patch.setattr(module, function, lambda name: result if name == argument else original(name))


def test_the_key_changes_with_settings_that_change_a_result_and_not_with_the_time_limit() -> None:
    assert engine_key(settings()) == engine_key(settings(page_timeout_seconds=1.0))
    keys = {
        engine_key(settings(**changes))
        for changes in (
            {},
            {"jpeg_quality": 30},
            {"second_engine": "never"},
            {"second_engine": "low_confidence"},
        )
    }
    assert len(keys) == 4


def test_a_changed_model_file_changes_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = key_of_new_process()
    retrained = tmp_path / "retrained"
    retrained.write_bytes(b"other weights")
    for name in (orientation.MODEL_FILE, word_confidence.MODEL_FILE):
        with monkeypatch.context() as patch:
            replace_for(patch, "model_path", name, retrained)
            assert key_of_new_process() != before, name
    with monkeypatch.context() as patch:
        patch.setattr(rapidocr_engine, "model_file", lambda: retrained)
        assert key_of_new_process() != before
    with monkeypatch.context() as patch:
        (tmp_path / "eng.traineddata").write_bytes(b"other weights")
        patch.setattr(tesseract, "tessdata_folder", lambda _: str(tmp_path))
        patch.setattr(tesseract, "installed_languages", lambda: frozenset({"eng"}))
        assert key_of_new_process() != before
    assert key_of_new_process() == before


def test_a_changed_version_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of_new_process()
    with monkeypatch.context() as patch:
        patch.setattr(tesseract_library, "library_version", lambda: "99.0")
        assert key_of_new_process() != before
    for changed in (*module.PACKAGES, *module.SECOND_ENGINE_PACKAGES):
        with monkeypatch.context() as patch:
            replace_for(patch, "_package_version", changed, "99.0")
            assert key_of_new_process() != before, changed
    with monkeypatch.context() as patch:
        patch.setattr(module, "READER_REVISION", module.READER_REVISION + 1)
        assert key_of_new_process() != before


def test_the_key_names_how_tesseract_is_called_and_the_version_of_what_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library, program = engine_key(settings(tesseract="library")), engine_key(settings(tesseract="program"))
    assert engine_key(settings(tesseract="auto")) == library != program
    with monkeypatch.context() as patch:
        module._engine_key.cache_clear()
        patch.setattr(tesseract_program, "program_version", lambda program: f"99.0 of {program}")
        assert engine_key(settings(tesseract="program")) not in (program, library)
        assert engine_key(settings(tesseract="library")) == library


def test_the_versions_of_every_package_are_known() -> None:
    assert all(module._package_version(name) for name in (*module.PACKAGES, *module.SECOND_ENGINE_PACKAGES))


def test_without_the_second_engine_its_files_are_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise AssertionError("not installed")

    monkeypatch.setattr(rapidocr_engine, "model_file", missing)
    assert engine_key(settings(second_engine="never"))


def test_files_are_hashed_once_per_process(monkeypatch: pytest.MonkeyPatch) -> None:
    engine_key(settings())

    def hashed_again(_: Path) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr(module, "_file_hash", hashed_again)
    assert engine_key(settings()) == engine_key(settings(page_timeout_seconds=2.0))
