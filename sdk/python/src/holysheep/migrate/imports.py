"""Edits that bring a name into a module, in the way this module already imports."""

from __future__ import annotations

import sys

import libcst as cst

from .findings import Edit
from .module import Module, dotted


def add_module(module: Module, name: str) -> tuple[Edit, ...] | None:
    """The edits after which `name` is the module of that name; none needed when it already is; None when the name means something else."""
    if module.imported.get(name) == name:
        return ()
    return None if _is_taken(module, name) else _new_line(module, f"import {name}", name)


def add_from_openai(module: Module, name: str) -> tuple[str, tuple[Edit, ...]] | None:
    """How to write `openai.<name>` in this module, and the edits that this takes. None when the name means something else here."""
    if f"openai.{name}" in module.imported:
        return module.imported[f"openai.{name}"], ()
    if "openai" in module.imported:
        return f"{module.imported['openai']}.{name}", ()
    if "openai" in module.stars:
        return name, ()
    if _is_taken(module, name):
        return None
    for statement in module.top_imports():
        if isinstance(statement, cst.ImportFrom) and dotted(statement.module) == "openai" and not isinstance(statement.names, cst.ImportStar):
            last = statement.names[-1]
            return name, (module.insert(module.end(last.asname or last.name), "," + module.gap_before(last) + name),)
    edits = _new_line(module, f"from openai import {name}", "openai")
    return (name, edits) if edits is not None else None


def remove(module: Module, statement: cst.Import | cst.ImportFrom, package: str) -> tuple[Edit, ...] | None:
    """The edits that take `import package` away, or the whole of a `from package import`. None when it stands alone in a block, which would be left empty."""
    line = module.parent(statement)
    if not isinstance(line, cst.SimpleStatementLine):
        return None
    if isinstance(statement, cst.Import) and len(statement.names) > 1:
        rest = [module.code(alias) for alias in statement.names if dotted(alias.name) != package]
        return (module.replace(statement, "import " + ", ".join(name.rstrip(", ") for name in rest)),)
    if len(line.body) > 1 or module.parent(line) is not module.tree or line.trailing_whitespace.comment is not None:
        return None
    start = module.line_start(module.start(line))
    end = module.end(line)
    for newline in (b"\r\n", b"\n", b"\r"):
        at = len(module.data[end:]) - len(module.data[end:].lstrip(b" \t"))
        if module.data[end + at :].startswith(newline):
            return (Edit(start, end + at + len(newline), ""),)
    return (Edit(start, end, ""),)


def _is_taken(module: Module, name: str) -> bool:
    # Anywhere in the file: a local variable of that name would hide the import just where it is needed.
    binders = (cst.AssignTarget, cst.Param, cst.AsName, cst.For, cst.CompFor)
    if any(node.value == name and isinstance(module.parent(node), binders) for node in module.all(cst.Name)):
        return True
    if any(node.name.value == name for node in module.all(cst.FunctionDef)) or any(node.name.value == name for node in module.all(cst.ClassDef)):
        return True
    return name in module.imported.values()


def _new_line(module: Module, text: str, package: str) -> tuple[Edit, ...] | None:
    newline = module.tree.default_newline
    block = _first_block(module)
    for line in block:
        first = line.body[0]
        later = isinstance(first, cst.ImportFrom) or (isinstance(first, cst.Import) and dotted(first.names[0].name) > package)
        if later and not text.startswith("from "):
            apart = line is block[0] and package in sys.stdlib_module_names and not _is_standard(first)
            return (module.insert(module.line_start(module.start(line)), text + newline * (2 if apart else 1)),)
    if block:
        last = block[-1]
        following = module.tree.body[list(module.tree.body).index(last) + 1 :]
        end = module.data.find(b"\n", module.end(last))
        only_imports = all(isinstance(small, (cst.Import, cst.ImportFrom)) for small in last.body)
        if end >= 0 and only_imports and (not following or module.start(following[0]) > end):
            return (module.insert(end + 1, text + newline),)
        return (module.insert(module.line_start(module.start(last)), text + newline),)
    body = [line for line in module.tree.body if not _is_docstring(module, line) and not _is_future(line)]
    if not body:
        return None
    at = module.line_start(module.start(body[0]))
    first_decorated = getattr(body[0], "decorators", ())
    if first_decorated:
        at = module.line_start(module.start(first_decorated[0]))
    return (module.insert(at, text + newline + newline),)


def _first_block(module: Module) -> list[cst.SimpleStatementLine]:
    """The first imports that follow each other without a blank line, `__future__` aside."""
    block: list[cst.SimpleStatementLine] = []
    for line in module.tree.body:
        is_import = isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], (cst.Import, cst.ImportFrom)) and not _is_future(line)
        if not is_import:
            if block:
                break
            continue
        assert isinstance(line, cst.SimpleStatementLine)
        if block and any(blank.comment is None for blank in line.leading_lines):
            break
        block.append(line)
    return block


def _is_standard(statement: cst.BaseSmallStatement) -> bool:
    if isinstance(statement, cst.Import):
        return dotted(statement.names[0].name).split(".")[0] in sys.stdlib_module_names
    return isinstance(statement, cst.ImportFrom) and dotted(statement.module).split(".")[0] in sys.stdlib_module_names


def _is_future(line: cst.BaseStatement) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.ImportFrom) and dotted(line.body[0].module) == "__future__"


def _is_docstring(module: Module, line: cst.BaseStatement) -> bool:
    return (
        line is module.tree.body[0]
        and isinstance(line, cst.SimpleStatementLine)
        and isinstance(line.body[0], cst.Expr)
        and isinstance(line.body[0].value, (cst.SimpleString, cst.ConcatenatedString))
    )
