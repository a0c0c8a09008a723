"""Which files are looked at, and what the project around them depends on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SUFFIXES = {".py", ".pyw", ".ipynb"}
SKIPPED = {
    ".git",
    ".hg",
    ".svn",
    ".tox",
    ".nox",
    ".eggs",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".ipynb_checkpoints",
    "__pycache__",
    "node_modules",
    "site-packages",
}
DECLARATIONS = ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "environment.yml", "environment.yaml")
HTTPX = re.compile(r"(?<![\w-])httpx(?![\w-])")
# A project is rarely deeper than this, and a search upwards must not end at another one's files.
LEVELS_MAX = 12


def files(paths: list[Path]) -> Iterator[Path]:
    """The files to look at, sorted, each once. A file that is named is looked at whatever its suffix; links to folders are not followed."""
    seen: set[Path] = set()
    for path in paths:
        for found in _below(path) if path.is_dir() else [path]:
            real = found.resolve()
            if real not in seen:
                seen.add(real)
                yield found


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not os.path.exists(os.path.join(root, name, "pyvenv.cfg")))
        for name in sorted(names):
            path = Path(root, name)
            if path.suffix in SUFFIXES and path.is_file():
                yield path


def httpx_declared(path: Path) -> bool:
    """Whether the project that a file belongs to names httpx (not httpx2) among its dependencies."""
    return _declared_in(path.resolve().parent)


@cache
def _declared_in(folder: Path) -> bool:
    for level, at in enumerate((folder, *folder.parents)):
        if level >= LEVELS_MAX:
            break
        for declaration in (*(at / name for name in DECLARATIONS), *sorted(at.glob("requirements*.txt"))):
            try:
                text = declaration.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if any(HTTPX.search(line.split("#", maxsplit=1)[0]) for line in text.splitlines()):
                return True
        if (at / ".git").exists() or (at / "pyproject.toml").exists():
            break
    return False
