"""The page in docs/sdk is the one that the catalogue makes today."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("libcst")

from holysheep.migrate.catalogue import PATTERNS
from holysheep.migrate.page import page

PAGE = Path(__file__).parents[4] / "docs" / "sdk" / "migrate.md"


@pytest.mark.skipif(not PAGE.parent.is_dir(), reason="an installed package has no docs/ beside it")
def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m holysheep.migrate.page > docs/sdk/migrate.md"


def test_each_pattern_has_its_anchor_and_its_output() -> None:
    text = page()
    for pattern in PATTERNS:
        section = text.split(f'<a id="{pattern.docs.split("#")[1]}"></a>')[1].split("<a id=")[0]
        assert f": {pattern.id} {pattern.severity}: " in section
        assert ("```diff" in section) == (pattern.mending != "suggestion")
