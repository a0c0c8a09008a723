"""Writes docs/sdk/migrate.md from the catalogue: `python -m holysheep.migrate.page > docs/sdk/migrate.md`.

What the page shows as output is output: each example is scanned and fixed while the page is made.
"""

from __future__ import annotations

import sys

from .catalogue import PATTERNS, Pattern
from .report import Report, as_text, diff
from .scan import Options, mend, scan
from .source import decode

HEAD = """\
# Moving Python code: `holysheep migrate`

Made from the catalogue by `python -m holysheep.migrate.page`; change `sdk/python/src/holysheep/migrate/catalogue.py`.

```console
$ pip install "./sdk/python[migrate]"      # from a clone of the repository
$ holysheep migrate scan src/          # what breaks or bites, where, and what to do
$ holysheep migrate fix src/           # the diff of what can be fixed with certainty; nothing is changed
$ holysheep migrate fix --write src/   # changes the files
$ holysheep migrate explain HS007      # a section of this page
```

`scan` ends with 0 when nothing was found, 1 with findings, 2 on wrong usage, 3 when a file could not be read or parsed (the others were done). With
`--json` it prints one object whose `schema` is `holysheep.migrate/1`. `--select HS007,HS010` and `--ignore HS014` choose patterns. `fix` ends with 0,
with 1 when a file could not be written, with 2 and 3 as above.

The code is parsed and never imported or run. Names are followed through imports, aliases, assignments, attributes of `self`, annotations and
functions of the same file; not from one file to another. A file that does not import `openai` or `holysheep` is only looked at for HS001 and HS002.
`fix` replaces pieces of text: all else keeps its bytes, comments, line ends, tabs and encoding with it, and a second run changes nothing. In
notebooks the code cells are scanned, and not fixed. Virtual environments, `.git`, caches and files over 2 MiB are skipped.

To keep a pattern, write `# holysheep: ignore[HS007]` on its line or alone above it, or `# holysheep: ignore-file[HS007]` anywhere in the file.

Severity: *breaks* fails sooner or later, *bites* runs and costs money, data or a secret, *note* is worth a decision. The fixes of HS008, HS009 and
HS010 are for openai 3.

| | | severity | fix | matches |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = "".join(f"| [{row.id}](#{row.id.lower()}) | {row.name} | {row.severity} | {row.mending} | {_cell(row.matches)} |\n" for row in PATTERNS)
    return HEAD + rows + "".join(_section(row) for row in PATTERNS)


def _section(pattern: Pattern) -> str:
    source = decode("example.py", pattern.example.encode("utf-8"))
    found = [(source, finding) for finding in scan(source, Options())]
    text, _ = mend(source, Options())
    parts = [
        f'\n<a id="{pattern.id.lower()}"></a>\n\n## {pattern.id} {pattern.name}\n',
        f"*{pattern.severity}* · matches {pattern.matches}.\n",
        f"{pattern.why}\n",
        f"What to do: {pattern.advice}.\n",
        f"Source: {pattern.source}.\n",
        f"```python\n{pattern.example}```\n",
        f"```console\n$ holysheep migrate scan example.py\n{as_text(Report(found), colour=False)}```\n",
    ]
    if text != source.text:
        parts.append(f"```diff\n{diff(source.path, source.text, text)}```\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
