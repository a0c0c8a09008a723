"""`holysheep migrate scan|fix|explain`: arguments, files, exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import report as reports
from . import walk
from .catalogue import BY_ID, PATTERNS
from .rules import RULES
from .scan import BadFix, NotPython, Options, mend, scan
from .source import SkippedFile, Source, UnreadableFile, read, write

OK, FOUND, FAILED, USAGE, INVALID, INTERRUPTED = 0, 1, 1, 2, 3, 130

EXAMPLES = """\
examples:
  holysheep migrate scan src/                     what breaks or bites, and what to do
  holysheep migrate scan --json --ignore HS014 .  for a program
  holysheep migrate fix src/ | less               the diff of what can be fixed; no file is changed
  holysheep migrate fix --write src/              fixes it
  holysheep migrate explain HS007                 all about one pattern

exit codes: 0 nothing found (scan), done (fix) · 1 findings (scan), a file could not be written (fix) · 2 wrong usage ·
            3 a file could not be read or parsed (the others were done)
A comment `# holysheep: ignore[HS007]` on the line, or alone above it, keeps a pattern; `# holysheep: ignore-file[HS007]` in the whole file.
"""


def main(words: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    try:
        arguments = _parser().parse_args(list(words))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        print("holysheep: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has enough. Python would complain once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="holysheep migrate",
        description="Finds, explains and fixes in Python code what breaks or bites when it moves from a vLLM to the gateway.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="scan|fix|explain")
    for name, run, text in (("scan", _scan, "report what is found"), ("fix", _fix, "print the diff of what can be fixed, or --write it")):
        command = commands.add_parser(name, help=text, description=text, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
        command.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="a file or a folder; virtual environments, .git and caches are skipped")
        command.add_argument("--select", type=_ids, default=frozenset(RULES), metavar="IDS", help="only these, separated by commas: HS007,HS010")
        command.add_argument("--ignore", type=_ids, default=frozenset(), metavar="IDS", help="all but these")
        command.set_defaults(run=run)
        if name == "scan":
            command.add_argument("--json", action="store_true", help=f"one JSON object ({reports.SCHEMA})")
        else:
            how = command.add_mutually_exclusive_group()
            how.add_argument("--diff", action="store_true", help="print a unified diff and change nothing (the default)")
            how.add_argument("--write", action="store_true", help="change the files, each in one step")
    explain = commands.add_parser(
        "explain", help="print the page of a pattern, or the catalogue", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    explain.add_argument("ids", nargs="*", metavar="ID", type=_id)
    explain.set_defaults(run=_explain)
    return parser


def _id(text: str) -> str:
    if text.upper() in BY_ID:
        return text.upper()
    by_name = {pattern.name: pattern.id for pattern in PATTERNS}
    if text in by_name:
        return by_name[text]
    raise argparse.ArgumentTypeError(f"there is no pattern '{text}'; they are {PATTERNS[0].id} to {PATTERNS[-1].id} (`holysheep migrate explain` lists them)")


def _ids(text: str) -> frozenset[str]:
    return frozenset(_id(word.strip()) for word in text.split(",") if word.strip())


def _explain(arguments: argparse.Namespace) -> int:
    if not arguments.ids:
        print(reports.table(), end="")
    print("\n".join(reports.page(BY_ID[id]) for id in arguments.ids), end="")
    return OK


def _scan(arguments: argparse.Namespace) -> int:
    report = reports.Report()
    sources = _sources(arguments, report)
    if sources is None:
        return USAGE
    for path in sources:
        source = _read(path, report)
        if source is None:
            continue
        try:
            report.found += [(source, finding) for finding in scan(source, _options(arguments, path))]
        except NotPython as error:
            report.problems.append((source.path, f"line {error.line}, column {error.column}: {error}"))
    if arguments.json:
        sys.stdout.write(reports.as_json(report))
    else:
        sys.stdout.write(reports.as_text(report, sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    _tell(report)
    print(f"holysheep: {reports.summary(report)}", file=sys.stderr)
    return INVALID if report.problems else FOUND if report.found else OK


def _fix(arguments: argparse.Namespace) -> int:
    report = reports.Report()
    sources = _sources(arguments, report)
    if sources is None:
        return USAGE
    changed = failed = 0
    for path in sources:
        source = _read(path, report)
        if source is None:
            continue
        try:
            text, done = mend(source, _options(arguments, path))
        except NotPython as error:
            report.problems.append((source.path, f"line {error.line}, column {error.column}: {error}"))
            continue
        except BadFix as error:
            failed += 1
            print(f"holysheep: {path}: left as it was, a fix went wrong; please report it: {error}", file=sys.stderr)
            continue
        report.found += [(source, finding) for finding in done]
        if text == source.text:
            continue
        changed += 1
        if not arguments.write:
            sys.stdout.write(reports.diff(source.path, source.text, text))
            continue
        try:
            write(path, source.encoded(text))
        except (OSError, UnicodeEncodeError) as error:
            failed += 1
            print(f"holysheep: {path}: left as it was: {error}", file=sys.stderr)
    _tell(report)
    what = "fixed" if arguments.write else "to fix (nothing is changed without --write)"
    print(f"holysheep: {reports.count(len(report.found), 'finding')} in {reports.count(changed, 'file')} {what}", file=sys.stderr)
    return INVALID if report.problems else FAILED if failed else OK


def _sources(arguments: argparse.Namespace, report: reports.Report) -> list[Path] | None:
    missing = [path for path in arguments.paths if not path.exists()]
    for path in missing:
        print(f"holysheep: {path}: no such file or folder", file=sys.stderr)
    return None if missing else list(walk.files(arguments.paths))


def _options(arguments: argparse.Namespace, path: Path) -> Options:
    return Options(arguments.select - arguments.ignore, walk.httpx_declared(path))


def _read(path: Path, report: reports.Report) -> Source | None:
    report.files += 1
    try:
        source = read(path)
    except SkippedFile as reason:
        report.skipped.append((str(path), str(reason)))
        return None
    except UnreadableFile as reason:
        report.problems.append((str(path), str(reason)))
        return None
    report.problems += [(str(path), f"cell {cell} could not be parsed; the others were looked at") for cell in source.unparsed_cells]
    return source


def _tell(report: reports.Report) -> None:
    for path, reason in report.skipped:
        print(f"holysheep: {path}: skipped: {reason}", file=sys.stderr)
    for path, reason in report.problems:
        print(f"holysheep: {path}: {reason}", file=sys.stderr)
