"""Writes the API reference, Markdown, from the docstrings of the installed package to standard output. See scripts/sdk_python.sh."""

from __future__ import annotations

import enum
import importlib
import inspect
import re
from types import ModuleType
from typing import Any

# What a user imports, and in which order it is best read.
MODULES = [
    "holysheep",
    "holysheep.client",
    "holysheep.types",
    "holysheep.pending",
    "holysheep.batch.resource",
    "holysheep.batch.results",
    "holysheep.batch.progress",
    "holysheep.batch.record",
    "holysheep.hybrid.clients",
    "holysheep.hybrid.side",
    "holysheep.hybrid.breaker",
    "holysheep.streams",
    "holysheep.models",
    "holysheep.retry",
    "holysheep.keys",
    "holysheep.settings",
    "holysheep.errors",
]
# Members that are a part of the promise although their names say otherwise.
SPECIAL = {"__init__", "__await__"}


def text_of(thing: object) -> str:
    return inspect.cleandoc(getattr(thing, "__doc__", None) or "")


def signature_of(name: str, thing: Any) -> str:
    try:
        signature = str(inspect.signature(thing))
    except (TypeError, ValueError):
        return name
    # Annotations are strings here; quotes and full paths only make them longer.
    signature = re.sub(r"'((?:[^'\"])*)'(?=[,)\]\s]|$)", r"\1", re.sub(r'"([^"]*)"', lambda held: held[1].replace("'", "`"), signature)).replace("`", "'")
    signature = signature.replace(", _guard: Guard | None = None", "")
    signature = re.sub(r"\b(?:holysheep|openai|httpx2|collections|typing|asyncio)(?:\.\w+)*\.(\w+)", r"\1", signature)
    signature = re.sub(r"<built-in function (\w+)>|<function (\w+) at 0x[0-9a-f]+>", r"\1\2", signature)
    return name + re.sub(r"<([\w.]+) object at 0x[0-9a-f]+>", "…", signature)


def public_members(kind: type) -> list[tuple[str, Any]]:
    found = []
    for name, raw in list(vars(kind).items()):
        member = raw.func if hasattr(raw, "func") else raw.__func__ if isinstance(raw, (classmethod, staticmethod)) else raw
        shown = not name.startswith("_") or name in SPECIAL
        if shown and (inspect.isfunction(member) or isinstance(member, property)) and text_of(member):
            found.append((name, member))
    return found


def class_lines(name: str, kind: type) -> list[str]:
    bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object and not base.__name__.startswith("_"))
    lines = [f"### class `{name}`" + (f" ({bases})" if bases else ""), ""]
    if "__init__" in vars(kind) and not issubclass(kind, BaseException):
        lines += ["```python", signature_of(name, kind), "```", ""]
    lines += [text_of(kind) if "__doc__" in vars(kind) else "", ""]
    for member_name, member in public_members(kind):
        title = f"`{name}.{member_name}`" if isinstance(member, property) else f"`{name}.{signature_of(member_name, member)}`"
        lines += [f"* {title}", *("  " + line if line else "" for line in text_of(member).splitlines()), ""]
    return lines


def module_lines(module: ModuleType) -> list[str]:
    lines = [f"## `{module.__name__}`", "", text_of(module), ""]
    if module.__name__ == "holysheep":
        return lines
    for name in module.__all__:
        thing = getattr(module, name)
        if isinstance(thing, type) and issubclass(thing, enum.Enum):
            continue
        if isinstance(thing, type):
            if thing.__name__ == name:
                lines += class_lines(name, thing)
        elif inspect.isfunction(thing):
            lines += [f"### `{signature_of(name, thing)}`", "", text_of(thing), ""]
        elif isinstance(thing, str):
            lines += [f"### `{name}` = `{thing!r}`", ""]
    return lines


def main() -> None:
    lines = ["# API reference of `holysheep`", "", "Made from the docstrings by `scripts/sdk_python.sh docs`; change those.", ""]
    for name in MODULES:
        lines += module_lines(importlib.import_module(name))
    print(re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip())


if __name__ == "__main__":
    main()
