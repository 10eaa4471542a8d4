"""Locate the files that come with Chartloom (catalogs, default settings, models) and the models that this
installation has trained.

An installed package has the shipped files in pipeline/_config and pipeline/_models. A checkout has them in
its top-level folders config/ and models/. Shipped files are only read. A trained model belongs to one
installation: it is written to HOME/models and used in place of the shipped model of the same name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
HOME_VARIABLE = "CHARTLOOM_HOME"
"""Names the home of the installation. The option --home sets it for the process and its children."""
DEFAULT_HOME = Path("~/.chartloom")


def shipped_folder(name: str) -> Path:
    """Return a folder of shipped files: that of the installed package, or that of the checkout."""
    packaged = PACKAGE / f"_{name}"
    return packaged if packaged.is_dir() else PACKAGE.parent / name


CONFIG = shipped_folder("config")
MODELS = shipped_folder("models")


def home_folder() -> Path:
    """Return the home of the installation that this process works for."""
    return Path(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME).expanduser()


def set_home_folder(home: Path) -> None:
    """Make a folder the home of this process and of the processes that it starts."""
    os.environ[HOME_VARIABLE] = str(home.expanduser().absolute())


def trained_model_path(name: str) -> Path:
    """Return where training writes the model of that file name."""
    return home_folder() / "models" / name


def model_path(name: str) -> Path:
    """Return the model to use: the trained one if this installation has it, else the shipped one."""
    trained = trained_model_path(name)
    return trained if trained.is_file() else MODELS / name


def write_trained_model(path: Path, write: Callable[[Path], object], card: str) -> None:
    """Write a trained model and, next to it, its card (NAME.md).

    Args:
        path: The file of the model. Its folder is created. The file is replaced in one step: a worker that
            starts meanwhile reads the old or the new model.
        write: Writes the model to the path that it is given.
        card: Markdown: what the model was trained on and how well it does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".md").write_text(card, encoding="utf-8")
    draft = path.with_name(f".{path.name}.new")
    write(draft)
    draft.replace(path)
