"""What was found, for a person and for a program."""

from __future__ import annotations

import difflib
import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .catalogue import BY_ID, PATTERNS, Pattern
from .findings import Finding
from .source import Source

SCHEMA = "holysheep.migrate/1"
COLOURS = {"breaks": "31", "bites": "33", "note": "36"}
WIDTH = 110


@dataclass
class Report:
    """The sum of one run. `problems` and `skipped` are pairs of path and reason."""

    found: list[tuple[Source, Finding]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0

    def where(self, source: Source, finding: Finding) -> str:
        cell, line = source.place(finding.line)
        return f"{source.path}:{f'cell {cell}:' if cell is not None else ''}{line}:{finding.column}"


def as_text(report: Report, colour: bool) -> str:
    """One finding in two lines: where and what, then what to do."""
    lines: list[str] = []
    for source, finding in report.found:
        severity = BY_ID[finding.id].severity
        mark = f"\x1b[{COLOURS[severity]}m{severity}\x1b[0m" if colour else severity
        lines.append(f"{report.where(source, finding)}: {finding.id} {mark}: {finding.message}")
        lines.append(f"    {'fix' if finding.automatic else 'do'}: {finding.advice}")
    return "".join(line + "\n" for line in lines)


def as_json(report: Report) -> str:
    """One object; its `schema` is `holysheep.migrate/1`."""
    counts = Counter(finding.id for _, finding in report.found)
    rows = []
    for source, finding in report.found:
        cell, line = source.place(finding.line)
        _, end_line = source.place(finding.end_line)
        pattern = BY_ID[finding.id]
        rows.append(
            {
                "id": finding.id,
                "name": pattern.name,
                "severity": pattern.severity,
                "automatic": finding.automatic,
                "path": source.path,
                "cell": cell,
                "line": line,
                "column": finding.column,
                "end_line": end_line,
                "end_column": finding.end_column,
                "message": finding.message,
                "advice": finding.advice,
                "docs": pattern.docs,
            }
        )
    body = {
        "schema": SCHEMA,
        "files": report.files,
        "findings": rows,
        "counts": dict(sorted(counts.items())),
        "problems": [{"path": path, "reason": reason} for path, reason in report.problems],
        "skipped": [{"path": path, "reason": reason} for path, reason in report.skipped],
    }
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"


def summary(report: Report) -> str:
    """One line for a person."""
    files = len({source.path for source, _ in report.found})
    automatic = sum(finding.automatic for _, finding in report.found)
    if not report.found:
        return f"nothing found in {count(report.files, 'file')}"
    return f"{count(len(report.found), 'finding')} in {files} of {count(report.files, 'file')}, {automatic} of them can be fixed by `holysheep migrate fix`"


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def diff(path: str, before: str, after: str) -> str:
    """A unified diff that `patch -p1` takes."""
    name = path.lstrip("/")
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> Sequence[str]:
    # Only at \n, as patch does: a form feed or a lone \r is a character like others.
    return [line + "\n" for line in text.split("\n")[:-1]] + ([text.rsplit("\n", maxsplit=1)[-1]] if not text.endswith("\n") and text else [])


def page(pattern: Pattern) -> str:
    """All that is known about one pattern."""
    mending = {"automatic": "`fix` mends it", "where certain": "`fix` mends it where that is certain", "suggestion": "by hand"}[pattern.mending]
    parts = [
        f"{pattern.id} {pattern.name} ({pattern.severity})",
        "",
        _fill("Matches", pattern.matches),
        _fill("Why", pattern.why),
        _fill("Source", pattern.source),
        _fill("What to do", pattern.advice),
        _fill("Mending", mending),
        _fill("To keep it", f"# holysheep: ignore[{pattern.id}]"),
        "",
        "Example:",
        "",
        textwrap.indent(pattern.example.rstrip(), "    "),
        "",
        f"More: {pattern.docs}",
    ]
    return "\n".join(parts) + "\n"


def table() -> str:
    """The catalogue, a line for each row."""
    return "".join(f"{row.id}  {row.severity:6}  {row.mending:13}  {row.name}: {row.matches}\n" for row in PATTERNS)


def _fill(head: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=f"{head + ':':12} ", subsequent_indent=" " * 13, break_long_words=False, break_on_hyphens=False)
