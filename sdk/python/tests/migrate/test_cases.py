"""Each pattern in several spellings, beside code that looks like it and is right. The files in cases/ are blocks that begin with `#: found`,
`#: fixed` (found, and gone after `fix`) or `#: clean` (not found)."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("libcst")

from holysheep.migrate.catalogue import BY_ID, PATTERNS
from holysheep.migrate.rules import RULES
from holysheep.migrate.scan import Options, mend, scan
from holysheep.migrate.source import decode

CASES = Path(__file__).parent / "cases"
BLOCKS = [
    (path.stem, number, block.split("\n", 1)[0].strip(), block.split("\n", 1)[1])
    for path in sorted(CASES.glob("*.py"))
    for number, block in enumerate(path.read_text().split("#: ")[1:], 1)
]


def ids(text: str) -> set[str]:
    return {finding.id for finding in scan(decode("case.py", text.encode()), Options())}


def test_catalogue_rules_and_cases_are_one_list() -> None:
    assert list(BY_ID) == list(RULES) == [f"HS{number:03}" for number in range(1, len(PATTERNS) + 1)]
    assert {id for id, *_ in BLOCKS} == set(BY_ID)
    for id in BY_ID:
        kinds = {kind for case, _, kind, _ in BLOCKS if case == id}
        assert "clean" in kinds and kinds & {"found", "fixed"}, id
        assert ("fixed" in kinds) == (BY_ID[id].mending != "suggestion"), id


@pytest.mark.parametrize(("id", "number", "kind", "text"), BLOCKS, ids=[f"{id}-{number}-{kind}" for id, number, kind, _ in BLOCKS])
def test_case(id: str, number: int, kind: str, text: str) -> None:
    assert (id in ids(text)) == (kind != "clean")
    source = decode("case.py", text.encode())
    mended, done = mend(source, Options())
    again, more = mend(decode("case.py", mended.encode()), Options())
    assert again == mended and more == []
    assert (mended == text) == (done == [])
    if kind == "fixed":
        assert id not in ids(mended)
        compile(mended, "case.py", "exec", dont_inherit=True)
    if kind == "found":
        assert id in ids(mended)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.id)
def test_the_example_of_a_pattern_has_that_pattern_and_no_other(pattern) -> None:
    assert ids(pattern.example) == {pattern.id}
    mended, done = mend(decode("example.py", pattern.example.encode()), Options())
    assert (done != []) == (pattern.mending != "suggestion")
    if done:
        assert ids(mended) == set()
