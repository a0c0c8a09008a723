"""Text in, findings out; and text in, mended text out. Pure: no files here."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, replace

import libcst as cst

from .clients import Clients
from .findings import Finding, apply, choose
from .module import Module
from .rules import RULES, Look
from .source import Source

# A file without one of these can have none of the patterns, and is not parsed: most files of most projects. All but HS001 and HS002 need an import.
TRIGGERS = re.compile(r"(^|;)[ \t]*(import|from)\b[^\n#]*(\b(openai|holysheep)\b|\\\r?$)|(input|prompt|completion)[ _]?tokens?\b", re.IGNORECASE | re.MULTILINE)
# One fix may uncover the next (a client is replaced, then its import is not needed): two or three passes do. More is a bug of a rule.
PASSES_MAX = 10


class NotPython(Exception):
    """The text cannot be parsed; `line` and `column` say where, from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


class BadFix(Exception):
    """A fix made text that is no Python, or never came to rest. A bug of this package: the file is left as it was."""


@dataclass(frozen=True)
class Options:
    """Which rules run, and what is known about the project around the file."""

    ids: frozenset[str] = frozenset(RULES)
    httpx_declared: bool = False


def may_matter(source: Source) -> bool:
    return TRIGGERS.search(source.text) is not None


def scan(source: Source, options: Options) -> list[Finding]:
    """What is found, in the order of the text. Throws NotPython."""
    if not may_matter(source):
        return []
    return _findings(_parse(source), options)


def mend(source: Source, options: Options) -> tuple[str, list[Finding]]:
    """The mended text, and the findings that were mended (with places in the text before). Throws NotPython or BadFix."""
    done: list[Finding] = []
    text = source.text
    if source.notebook or not may_matter(source):
        return text, done
    is_good = _trouble(text) is None
    for _ in range(PASSES_MAX):
        module = _parse(replace(source, text=text))
        findings = [finding for finding in _findings(module, options) if finding.automatic]
        if not findings:
            return text, done
        edits = choose(findings)
        done += [finding for finding in findings if set(finding.edits) <= set(edits)]
        text = apply(text, edits)
        trouble = _trouble(text)
        if trouble is not None and is_good:
            raise BadFix(f"{', '.join(sorted({finding.id for finding in findings}))}: {trouble}")
    raise BadFix(f"still changing after {PASSES_MAX} passes")


def _trouble(text: str) -> str | None:
    """What Python says against a text, `await` outside a function aside: that is a finding here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "text", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else str(error)
    return None


def _findings(module: Module, options: Options) -> list[Finding]:
    look = Look(module, Clients(module), options.httpx_declared)
    found: dict[tuple[str, int, int], Finding] = {}
    for id, rule in RULES.items():
        if id in options.ids:
            for finding in rule(look):
                if not module.is_ignored(finding):
                    found.setdefault((id, finding.start, finding.end), finding)
    return sorted(found.values(), key=lambda finding: (finding.start, finding.id))


def _parse(source: Source) -> Module:
    # Python's own parser first: it says more clearly what is wrong, and it refuses deep nesting, on which libcst's ends the process.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source.text)
        return Module(source)
    except SyntaxError as error:
        raise NotPython(error.msg, error.lineno or 1, error.offset or 1) from error
    except cst.ParserSyntaxError as error:
        raise NotPython(error.message.strip().splitlines()[0], error.raw_line, error.raw_column + 1) from error
    except (RecursionError, MemoryError) as error:
        raise NotPython("nested too deep to be parsed") from error
    except ValueError as error:  # a zero byte far inside
        raise NotPython(str(error)) from error
