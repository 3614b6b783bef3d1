"""Configuration files: ``tailrace.toml``, and ini files as Skytools users have them.

Imported only when there is one, since parsers cost every command some milliseconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailrace.config import SETTINGS, Setting

if TYPE_CHECKING:
    import configparser


def read_file(
    path: Path, report: list[str], warnings: list[str]
) -> dict[Setting, tuple[object, str]]:
    """Read what a file sets: for each setting its value and its key there."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        report.append(f"{path}: cannot be read: {reason}")
        return {}
    if path.suffix == ".toml":
        return _read_toml(path, content, report)
    return _read_ini(path, content, report, warnings)


def _read_toml(path: Path, content: str, report: list[str]) -> dict[Setting, tuple[object, str]]:
    import tomllib

    try:
        document = tomllib.loads(content)
    except tomllib.TOMLDecodeError as exc:
        report.append(f"{path}: is not TOML: {_toml_problem(str(exc), content)}")
        return {}
    by_key = {setting.toml: setting for setting in SETTINGS}
    sections = {key.partition(".")[0] for key in by_key if "." in key}
    found: dict[Setting, tuple[object, str]] = {}
    for key, value in _flattened(document, sections):
        setting = by_key.get(key)
        if setting is None:
            report.append(f"{path}: {key}: there is no such setting; {_nearest(key, by_key)}")
        else:
            found[setting] = (value, key)
    return found


# What the parser says of the slips that are made most, and what is meant.
_TOML_REASONS = {
    "Invalid value": "a value is missing or invalid; texts stand in quotes",
    "Cannot overwrite a value": "it is set a second time",
}


def _toml_problem(told: str, content: str) -> str:
    """Show the line that the parser only counts, and what is mostly wrong with it."""
    reason, _, place = told.rpartition(" (at ")
    reason = _TOML_REASONS.get(reason, reason[:1].lower() + reason[1:])
    found = re.match(r"line (\d+)", place)
    if found is None:
        return f"at its end: {reason}"
    return f'line {found[1]}: "{_line(content, int(found[1]))}": {reason}'


def _line(content: str, number: int) -> str:
    return content.split("\n")[number - 1].strip()


def _flattened(document: dict[str, Any], sections: set[str]) -> Iterable[tuple[str, object]]:
    for key, value in document.items():
        if isinstance(value, dict) and key in sections:
            for inner, inner_value in value.items():
                yield f"{key}.{inner}", inner_value
        else:
            yield key, value


def _nearest(key: str, known: Iterable[str]) -> str:
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"


def _read_ini(
    path: Path, content: str, report: list[str], warnings: list[str]
) -> dict[Setting, tuple[object, str]]:
    import configparser

    parser = configparser.ConfigParser(
        interpolation=None, inline_comment_prefixes=None, strict=True
    )
    try:
        parser.read_string(content)
    except configparser.Error as exc:
        report.append(f"{path}: is not an ini file: {_ini_problem(exc, content)}")
        return {}
    section = _ini_section(path, parser, report)
    if section is None:
        return {}
    by_key = {setting.ini: setting for setting in SETTINGS if setting.ini}
    found: dict[Setting, tuple[object, str]] = {}
    foreign: list[str] = []
    values = parser[section]
    for key in values:
        if not values[key]:
            continue  # "logfile =" says the same as no line at all
        if key in by_key:
            found[by_key[key]] = (_expanded(values[key], values, path), f"{section}.{key}")
        else:
            foreign.append(key)
    if foreign:
        warnings.append(f"{path}: ignored, not used by tailrace: {', '.join(sorted(foreign))}")
    return found


def _ini_problem(exc: configparser.Error, content: str) -> str:
    """Say in our words what the parser met first, with the line as it was written."""
    import configparser

    if isinstance(exc, configparser.DuplicateOptionError):
        return f'line {exc.lineno}: "{exc.option}" is set twice in section [{exc.section}]'
    if isinstance(exc, configparser.DuplicateSectionError):
        return f"line {exc.lineno}: section [{exc.section}] begins a second time"
    if isinstance(exc, configparser.MissingSectionHeaderError):
        number, line = exc.lineno, _line(content, exc.lineno)
        if not line.startswith("["):
            return f'line {number}: "{line}" stands in no section; begin with one, as [londiste3]'
    elif isinstance(exc, configparser.ParsingError):
        number, line = exc.errors[0][0], _line(content, exc.errors[0][0])
    else:
        return exc.message
    return f'line {number}: "{line}" is neither "[SECTION]" nor "KEY = VALUE"'


def _ini_section(path: Path, parser: configparser.ConfigParser, report: list[str]) -> str | None:
    """Choose the section: Londiste's own where there are several."""
    sections = parser.sections()
    for preferred in ("tailrace", "londiste3", "londiste"):
        if preferred in sections:
            return preferred
    if len(sections) == 1:
        return sections[0]
    found = ", ".join(f"[{name}]" for name in sections) or "none"
    report.append(f"{path}: needs one section such as [londiste3]; it has: {found}")
    return None


def _expanded(value: str, section: configparser.SectionProxy, path: Path) -> str:
    """Fill in ``%(job_name)s`` and ``~`` as Skytools does for file names and connection strings."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name == "config_file":
            return str(path)
        return section.get(name, match[0])

    filled = re.sub(r"%\((\w+)\)s", fill, value)
    return os.path.expanduser(filled) if filled.startswith("~") else filled
