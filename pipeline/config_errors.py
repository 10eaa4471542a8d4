"""Describe what is wrong with the settings: one sentence for each problem, with the file and line or the
environment variable that it is in, and the name that was probably meant.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Name = tuple[str, ...]
"""A setting's name by its parts: ("web", "port")."""

ENV_PREFIX = "CHARTLOOM_"
ENV_SEPARATOR = "__"
TABLE_LINE = re.compile(r"^\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
KEY_LINE = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
MAX_VALUE_LENGTH = 60
KINDS = {int: "a whole number", float: "a number", bool: "true or false", Path: "a path", dict: "a table"}


def describe_problems(error: ValidationError, model: type[BaseModel], files: Sequence[Path]) -> list[str]:
    """Return one sentence for each problem that validation has found.

    Args:
        error: What pydantic has raised.
        model: The settings as a whole.
        files: The settings files, the one that has precedence first.
    """
    lines = [(file, key_lines(file)) for file in files if file.is_file()]
    sentences = []
    for problem in error.errors():
        name = _field_name(model, tuple(str(part) for part in problem["loc"]))
        sentences.append(_sentence(_source(name, lines), _complaint(problem, name, model)))
    return list(dict.fromkeys(sentences))


def unknown_variables(model: type[BaseModel]) -> list[str]:
    """Return one sentence for each environment variable that has the form of a setting but names a table that
    does not exist. Validation finds a wrong name within a table that exists.
    """
    return [
        _sentence(
            f"environment, {variable}: ", f"there is no setting {'.'.join(name)}{_suggestion(name, model)}"
        )
        for variable, name in _setting_variables()
        if name[0] not in model.model_fields
    ]


def misspelled_variables(model: type[BaseModel]) -> list[str]:
    """Return a warning for each environment variable that differs from a setting only in its underscores.

    It is not an error: Kubernetes sets CHARTLOOM_WEB_PORT for a service that is named chartloom-web.
    """
    meant = {name.replace("_", ""): name for name in map(variable_of, setting_names(model))}
    warnings = []
    for variable in sorted(os.environ):
        bare = variable.upper().replace("_", "")
        if ENV_SEPARATOR not in variable and variable.upper() != meant.get(bare, variable.upper()):
            warnings.append(f"{variable} is not a setting and has no effect; did you mean {meant[bare]}?")
    return warnings


def setting_names(model: type[BaseModel]) -> Iterator[Name]:
    """Yield the name of every setting, those of tables within tables too; not those of named destinations."""
    for key, field in model.model_fields.items():
        table = table_of(field.annotation)
        if table is None or get_origin(field.annotation) is dict:
            yield (key,)
        else:
            yield from ((key, *rest) for rest in setting_names(table))


def variable_of(name: Name) -> str:
    """Return the environment variable of a setting."""
    return ENV_PREFIX + ENV_SEPARATOR.join(name).upper()


def allowed_values(field: FieldInfo) -> str:
    """Return what a setting may be, in words: "a number from 0 to 1", '"move" or "delete"'."""
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not NoneType]
    if get_origin(field.annotation) is Literal:
        return " or ".join(f'"{value}"' for value in kinds)
    if get_origin(field.annotation) is tuple:
        return "a list of text"
    kind = KINDS.get(kinds[0], "text") if kinds else "text"
    return f"{kind} {limits}" if (limits := _limits(field)) else kind


def _limits(field: FieldInfo) -> str:
    bounds = {
        key: getattr(bound, key)
        for bound in field.metadata
        for key in ("ge", "gt", "le", "lt", "min_length", "max_length")
        if hasattr(bound, key)
    }
    match bounds:
        case {"ge": low, "le": high}:
            return f"from {low:g} to {high:g}" if high < 1e5 else f"from {low:g} to {high:,}"
        case {"gt": low, "le": high}:
            return f"above {low:g}, at most {high:,}"
        case {"gt": low, "lt": high}:
            return f"above {low:g} and below {high:g}"
        case {"min_length": low, "max_length": high}:
            return f"of {low} to {high} characters"
        case {"min_length": _}:
            return "that is not empty"
        case {"ge": low}:
            return f"of at least {low:g}"
        case {"gt": low}:
            return f"above {low:g}"
    return ""


def key_lines(file: Path) -> dict[Name, int]:
    """Return the line on which each table and each key of a TOML file is first set."""
    table: Name = ()
    lines: dict[Name, int] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if header := TABLE_LINE.match(line):
            name = table = _parts(header[1])
        elif key := KEY_LINE.match(line):
            name = (*table, *_parts(key[1]))
        else:
            continue
        for end in range(1, len(name) + 1):
            lines.setdefault(name[:end], number)
    return lines


def _parts(dotted: str) -> Name:
    return tuple(part.strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[\w-]+", dotted))


def _setting_variables() -> Iterator[tuple[str, Name]]:
    for variable in sorted(os.environ):
        if variable.upper().startswith(ENV_PREFIX) and ENV_SEPARATOR in variable:
            yield variable, tuple(variable[len(ENV_PREFIX) :].lower().split(ENV_SEPARATOR))


def _sentence(source: str, complaint: str) -> str:
    return source + complaint + ("" if complaint.endswith("?") else ".")


def _source(name: Name, lines: Sequence[tuple[Path, dict[Name, int]]]) -> str:
    """Return where a setting was set: the environment has precedence over the files."""
    variables = {variable.upper(): variable for variable in os.environ}
    for end in range(len(name), 0, -1):
        if variable := variables.get(variable_of(name[:end])):
            return f"environment, {variable}: "
        for file, found in lines:
            if number := found.get(name[:end]):
                return f"{file}, line {number}: "
    return ""


def _complaint(problem: ErrorDetails, name: Name, model: type[BaseModel]) -> str:
    dotted = ".".join(name)
    match problem["type"]:
        case "extra_forbidden":
            is_table = len(name) == 1 and isinstance(problem["input"], dict)
            what = f"there is no table [{dotted}]" if is_table else f"there is no setting {dotted}"
            return what + _suggestion(name, model)
        case "missing":
            return f"{dotted} is missing"
        case "value_error":
            return f"{dotted}{_value(problem, name, model)}: {problem['ctx']['error']}"
    field = _field(model, name)
    if field is None or table_of(field.annotation):
        return f"{dotted} must be a table of settings"
    return f"{dotted}{_value(problem, name, model)}; it must be {allowed_values(field)}"


def _value(problem: ErrorDetails, name: Name, model: type[BaseModel]) -> str:
    """Return " is VALUE", or "" if the value is secret or long."""
    field, value = _field(model, name), problem["input"]
    secret = field is None or SecretStr in (field.annotation, *get_args(field.annotation))
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    short = isinstance(value, int | float | str) and len(shown) <= MAX_VALUE_LENGTH
    return f" is {shown}" if short and not secret else " is not valid"


def _suggestion(name: Name, model: type[BaseModel]) -> str:
    """Return "; did you mean NAME?", or "" if no setting has a similar name."""
    parent = _table_at(model, name[:-1])
    siblings = list(parent.model_fields) if parent else []
    if close := difflib.get_close_matches(name[-1], siblings, 1):
        return f"; did you mean {_written((*name[:-1], close[0]), model)}?"
    every = {".".join(each): each for each in setting_names(model)}
    elsewhere = [dotted for dotted, each in every.items() if each[-1] == name[-1]]
    close = difflib.get_close_matches(".".join(name), elsewhere, 1, cutoff=0.0)
    close = close or difflib.get_close_matches(".".join(name), every, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _written(name: Name, model: type[BaseModel]) -> str:
    return f"[{name[0]}]" if len(name) == 1 and _table_at(model, name) else ".".join(name)


def table_of(annotation: Any) -> type[BaseModel] | None:
    """Return the table of settings that a field is, or that each value of a field's dict is."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _table_at(model: type[BaseModel], name: Name) -> type[BaseModel] | None:
    if not name:
        return model
    field = _field(model, name)
    return table_of(field.annotation) if field else None


def _field(model: type[BaseModel], name: Name) -> FieldInfo | None:
    """Return the field of that name. The key of a dict of tables names the dict's own field."""
    field = model.model_fields.get(name[0])
    table = table_of(field.annotation) if field else None
    if field is None or len(name) == 1:
        return field
    rest = name[2:] if get_origin(field.annotation) is dict else name[1:]
    if not rest:
        return field
    return _field(table, rest) if table else None


def _field_name(model: type[BaseModel], loc: Name) -> Name:
    """Return the part of a problem's location that names a setting, without the index of a list element."""
    for end in range(len(loc), 0, -1):
        if _field(model, loc[:end]) is not None:
            return loc if end == len(loc) - 1 and not loc[-1].isdigit() else loc[:end]
    return loc
