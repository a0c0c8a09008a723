"""The command: exit codes, what is looked at, what is said."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("libcst")

import holysheep.migrate
from holysheep.migrate import PATTERNS, main

BAD = "import openai\nx = os.environ\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(BAD)
    return tmp_path


def test_codes_of_scan(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(folder)]) == 1
    out = capsys.readouterr().out
    assert f"{folder}/a.py:2:5: HS006 breaks: " in out and "    fix: `import os`" in out
    (folder / "a.py").write_text("import openai\n")
    assert main(["scan", str(folder)]) == 0
    (folder / "broken.py").write_text("import openai\ndef (:\n")
    (folder / "z.py").write_text(BAD)
    assert main(["scan", str(folder)]) == 3
    seen = capsys.readouterr()
    assert "z.py:2:5: HS006" in seen.out and "broken.py: line 2, column" in seen.err


@pytest.mark.parametrize(
    "words",
    [[], ["scan"], ["mend", "."], ["scan", "--select", "HS999", "."], ["scan", "no/such/file.py"], ["fix", "--diff", "--write", "."], ["explain", "HS0"]],
)
def test_wrong_usage_is_2_and_says_what_is_wrong(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err


def test_help_is_0_and_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["scan", "--help"], ["fix", "--help"], ["explain", "--help"]):
        assert main(words) == 0
        assert "examples:" in capsys.readouterr().out


def test_json_of_a_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--json", str(folder)]) == 1
    body = json.loads(capsys.readouterr().out)
    assert body["counts"] == {"HS006": 1} and body["files"] == 1 and body["skipped"] == []
    row = body["findings"][0]
    assert {key: row[key] for key in ("id", "severity", "automatic", "path", "cell", "line", "column", "end_line", "end_column")} == {
        "id": "HS006",
        "severity": "breaks",
        "automatic": True,
        "path": str(folder / "a.py"),
        "cell": None,
        "line": 2,
        "column": 5,
        "end_line": 2,
        "end_column": 7,
    }


def test_select_and_ignore(folder: Path) -> None:
    assert main(["scan", "--ignore", "HS006", str(folder)]) == 0
    assert main(["scan", "--select", "HS007,HS010", str(folder)]) == 0
    assert main(["scan", "--select", "hs006,except-timeout", str(folder)]) == 1
    assert main(["fix", "--write", "--ignore", "HS006", str(folder)]) == 0
    assert (folder / "a.py").read_text() == BAD


@pytest.mark.parametrize(
    "text",
    [
        "import openai\nx = os.environ  # holysheep: ignore[HS006]\n",
        "import openai\nx = os.environ  # noqa  # holysheep: ignore[HS001, hs006]\n",
        "import openai\nx = os.environ  # holysheep: ignore\n",
        "import openai\n# holysheep: ignore[HS006]\nx = os.environ\n",
        "# holysheep: ignore-file[HS006]\nimport openai\nx = os.environ\n",
    ],
)
def test_a_comment_keeps_a_pattern(text: str, folder: Path) -> None:
    (folder / "a.py").write_text(text)
    assert main(["scan", str(folder)]) == 0
    assert main(["fix", "--write", str(folder)]) == 0
    assert (folder / "a.py").read_text() == text


@pytest.mark.parametrize("text", ["import openai\nx = os.environ  # holysheep: ignore[HS007]\n", "import openai\nx = '# holysheep: ignore'; y = os.environ\n"])
def test_a_comment_for_another_pattern_or_a_string_keeps_nothing(text: str, folder: Path) -> None:
    (folder / "a.py").write_text(text)
    assert main(["scan", str(folder)]) == 1


def test_folders_that_are_not_the_project_are_skipped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (".git", "node_modules", "__pycache__", "env/lib/python3.12/site-packages/x", "myvenv"):
        (folder / name).mkdir(parents=True)
        (folder / name / "b.py").write_text(BAD)
    (folder / "myvenv" / "pyvenv.cfg").write_text("")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    main(["scan", "--json", str(folder), str(folder / "a.py")])
    assert [row["path"] for row in json.loads(capsys.readouterr().out)["findings"]] == [str(folder / "a.py")]


def test_files_that_cannot_be_looked_at_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b.py").write_bytes(b"import openai\n\0\0")
    (folder / "c.py").write_bytes(b"import openai  # \xff\n")
    (folder / "d.py").write_text("import openai\n" + "x = 1\n" * 400_000)
    (folder / "e.py").write_text("import openai\nx = " + "(" * 3000 + ")" * 3000)  # libcst's own parser ends the process here
    (folder / "h.py").write_text("import openai\nx = " + "lambda: " * 8000 + "1")
    (folder / "f.ipynb").write_text("{}")
    (folder / "g.ipynb").write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": ["import openai\n", "x = !ls"]}, {"cell_type": "code", "source": BAD}]})
    )
    assert main(["scan", "--json", str(folder)]) == 3
    body = json.loads(capsys.readouterr().out)
    assert {Path(row["path"]).name for row in body["skipped"]} == {"b.py", "c.py", "d.py"}
    assert {Path(row["path"]).name for row in body["problems"]} == {"e.py", "f.ipynb", "g.ipynb", "h.py"}
    assert [(Path(row["path"]).name, row["cell"], row["line"]) for row in body["findings"]] == [("a.py", None, 2), ("g.ipynb", 2, 2)]


def test_a_file_that_cannot_be_written_is_left_and_is_1(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["fix", "--write", str(folder)]) == 1
    assert (folder / "a.py").read_text() == BAD and os.listdir(folder) == ["a.py"]
    assert "No space left on device" in capsys.readouterr().err


def test_httpx_is_left_where_the_project_depends_on_it(folder: Path) -> None:
    (folder / "a.py").write_text("import httpx\nimport openai\nx = httpx.Timeout(3)\n")
    (folder / "pyproject.toml").write_text('[project]\ndependencies = ["httpx2>=2"]\n')
    assert main(["scan", str(folder)]) == 1
    other = folder / "other"
    other.mkdir()
    (other / "a.py").write_bytes((folder / "a.py").read_bytes())
    (other / "requirements-dev.txt").write_text("httpx>=0.27  # for our own calls\n")
    assert main(["scan", str(other)]) == 0


def test_explain_lists_and_explains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{pattern.id} " in listed and pattern.name in listed for pattern in PATTERNS)
    assert main(["explain", "hs007", "except-timeout"]) == 0
    text = capsys.readouterr().out
    assert "max_retries=0" in text and "HS010 except-timeout" in text and "docs/sdk/migrate.md#hs010" in text


def test_the_diff_is_one_that_patch_takes(folder: Path, tmp_path: Path) -> None:
    (folder / "a.py").write_text("import openai as ai\ntry:\n    pass\nexcept ai.Timeout:\n    pass")
    ran = subprocess.run([sys.executable, "-m", "holysheep.migrate", "fix", "a.py"], cwd=folder, capture_output=True, text=True, check=True)
    subprocess.run(["patch", "-p1"], cwd=folder, input=ran.stdout, text=True, check=True, capture_output=True)
    assert (folder / "a.py").read_text() == "import openai as ai\ntry:\n    pass\nexcept ai.APITimeoutError:\n    pass"


def test_a_reader_that_has_enough_is_no_failure(folder: Path) -> None:
    for number in range(300):
        (folder / f"m{number}.py").write_text(BAD)
    command = f"{sys.executable} -m holysheep.migrate scan . | head -1; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] in {"0", "1"} and "Traceback" not in ran.stderr


def test_nothing_here_imports_openai_or_the_rest_of_the_package() -> None:
    for path in Path(holysheep.migrate.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                depth = len(path.relative_to(Path(holysheep.migrate.__file__).parent).parts)
                assert node.level <= depth, path
                names = [node.module or ""] if node.level == 0 else []
            assert not any(name.split(".")[0] in {"openai", "holysheep", "httpx", "httpx2"} for name in names), path
