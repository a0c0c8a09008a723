"""The sample project, where each pattern is found and explained, and the clean one, where nothing is."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("libcst")

from holysheep.migrate import PATTERNS, main

HERE = Path(__file__).parent
SAMPLE, CLEAN = HERE / "sample", HERE / "sample_clean"


def scanned(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict]:
    code = main(["scan", "--json", *words])
    body = json.loads(capsys.readouterr().out)
    assert body["schema"] == "holysheep.migrate/1"
    return code, body


def expected(path: Path) -> Counter[tuple[str, int, str]]:
    marks: Counter[tuple[str, int, str]] = Counter()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.search(r"# expect: (.*)", line)
        marks.update((path.name, number, id) for id in (found[1].split() if found else ()))
    return marks


def test_each_line_of_the_sample_gives_what_is_written_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, body = scanned(capsys, str(SAMPLE))
    assert code == 1 and body["problems"] == []
    found = Counter((Path(row["path"]).name, row["line"], row["id"]) for row in body["findings"] if row["cell"] is None)
    wanted: Counter[tuple[str, int, str]] = Counter()
    for path in sorted(SAMPLE.glob("*.py")):
        wanted += expected(path)
    assert found == wanted


def test_the_sample_has_all_of_the_catalogue_and_each_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    _, body = scanned(capsys, str(SAMPLE))
    assert set(body["counts"]) == {pattern.id for pattern in PATTERNS}
    for row in body["findings"]:
        assert row["message"] and row["advice"] and row["docs"].endswith("#" + row["id"].lower())
        assert main(["explain", row["id"]]) == 0
        assert row["name"] in capsys.readouterr().out


def test_cells_of_a_notebook_are_one_program_and_places_are_within_the_cell(capsys: pytest.CaptureFixture[str]) -> None:
    _, body = scanned(capsys, str(SAMPLE / "notebook.ipynb"))
    assert [(row["id"], row["cell"], row["line"], row["column"]) for row in body["findings"]] == [("HS013", 2, 3, 10), ("HS003", 4, 2, 7)]


def test_the_clean_project_has_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    code, body = scanned(capsys, str(CLEAN))
    assert (code, body["findings"], body["problems"], body["files"]) == (0, [], [], 8)


def test_fix_leaves_the_clean_project_byte_for_byte(tmp_path: Path) -> None:
    project = shutil.copytree(CLEAN, tmp_path / "clean")
    assert main(["fix", "--write", str(project)]) == 0
    for path in CLEAN.rglob("*.*"):
        assert (project / path.relative_to(CLEAN)).read_bytes() == path.read_bytes()


def test_fix_of_the_sample_compiles_leaves_suggestions_only_and_a_second_run_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = shutil.copytree(SAMPLE, tmp_path / "sample")
    assert main(["fix", "--write", str(project)]) == 0
    _, body = scanned(capsys, str(project))
    assert body["findings"] and not any(row["automatic"] for row in body["findings"])
    once = {path: path.read_bytes() for path in project.iterdir()}
    for path in project.glob("*.py"):
        compile(path.read_text(), str(path), "exec", dont_inherit=True)
    capsys.readouterr()
    assert main(["fix", "--diff", str(project)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["fix", "--write", str(project)]) == 0
    assert {path: path.read_bytes() for path in project.iterdir()} == once


@pytest.mark.parametrize("flags", [[], ["--diff"]])
def test_fix_changes_no_file_without_write(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = shutil.copytree(SAMPLE, tmp_path / "sample")
    assert main(["fix", *flags, str(project)]) == 0
    assert "+++ b/" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in project.iterdir()} == {path.name: path.read_bytes() for path in SAMPLE.iterdir()}
