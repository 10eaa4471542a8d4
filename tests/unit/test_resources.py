"""Shipped files are found and never changed, and an installation's trained models are in its home folder."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import resources
from pipeline.classify.type_model import load_model, save_model
from pipeline.matching import weights
from pipeline.resources import MODELS, model_path, trained_model_path, write_trained_model

TYPES = "document_types.npz"
NOTE = "OPERATIVE REPORT\nPreoperative diagnosis: cholelithiasis.\nProcedure: laparoscopic cholecystectomy.\n"


@pytest.fixture
def shipped_models_unchanged() -> Iterator[None]:
    """Fail the test if it changes a shipped model."""
    before = digests()
    yield
    assert digests() == before


def digests() -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in MODELS.iterdir()}


def chartloom(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_package_uses_its_own_files_and_a_checkout_uses_its_top_level_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pipeline"
    (package / "_models").mkdir(parents=True)
    monkeypatch.setattr(resources, "PACKAGE", package)
    assert resources.shipped_folder("models") == package / "_models"
    assert resources.shipped_folder("config") == tmp_path / "config"


def test_a_model_trained_in_the_home_folder_is_used_instead_of_the_shipped_model() -> None:
    name = "boundaries.json"
    assert model_path(name) == MODELS / name
    write_trained_model(trained_model_path(name), lambda draft: draft.write_text("{}"), "# Card\n")
    assert model_path(name) == trained_model_path(name)
    assert model_path(name).with_suffix(".md").read_text() == "# Card\n"
    assert [file.name for file in sorted(model_path(name).parent.iterdir())] == [
        "boundaries.json",
        "boundaries.md",
    ]


@pytest.mark.usefixtures("shipped_models_unchanged")
def test_classify_uses_the_model_that_was_trained_in_its_home_folder(tmp_path: Path) -> None:
    assert json.loads(chartloom("classify", text=NOTE).stdout)["type"] == "operative_report"
    shipped = load_model(MODELS / TYPES)
    bias = shipped.bias.copy()
    bias[shipped.types.index("progress_note")] += 1000
    biased = replace(shipped, bias=bias)
    home = tmp_path / "another home"
    (home / "models").mkdir(parents=True)
    save_model(biased, home / "models" / TYPES)
    answer = json.loads(chartloom("classify", "--home", str(home), text="Nothing in particular. " * 9).stdout)
    assert answer["type"] == "progress_note"


@pytest.mark.usefixtures("shipped_models_unchanged")
def test_training_compares_with_the_current_model_and_writes_to_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    in_use = home / "models" / "field_confidence.json"
    in_use.parent.mkdir(parents=True)
    in_use.write_text(json.dumps({"fields": {"dob": {"slope": 0.0, "base": -9.0, "most": 0.01}}}))
    trained = chartloom("train", "fields", "--documents", "50", "--home", str(home))
    assert trained.returncode == 0, trained.stderr
    exam = json.loads(trained.stdout)["facts"]["exam"]
    assert exam["loss_new"] < exam["loss_old"]
    written = json.loads(in_use.read_text())
    assert written["fields"]["dob"]["base"] > -9
    assert written["facts"]["command"] in in_use.with_suffix(".md").read_text()


def test_matching_weights_in_the_home_folder_replace_the_shipped_weights() -> None:
    shipped = weights.shipped_rates()
    learned = {"fields": {"dob": {"exact": [0.5, 0.25]}}}
    write_trained_model(
        trained_model_path(weights.LEARNED), lambda draft: draft.write_text(json.dumps(learned)), "# Card\n"
    )
    weights.load_rates.cache_clear()
    try:
        used = weights.load_rates(None)
    finally:
        weights.load_rates.cache_clear()
    assert (used["dob"]["exact"].same, used["dob"]["exact"].stranger) == (0.5, 0.25)
    assert used["dob"]["exact"].twin == shipped["dob"]["exact"].twin
    assert used["mrn"] == shipped["mrn"]
