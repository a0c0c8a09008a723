"""What is not mended keeps its bytes: line ends, tabs, encodings, marks, odd spaces."""

from __future__ import annotations

import codecs
import os
import random
import re
import stat
from pathlib import Path

import pytest

pytest.importorskip("libcst")

from holysheep.migrate import main
from holysheep.migrate.scan import Options, mend, scan
from holysheep.migrate.source import SkippedFile, decode

HERE = Path(__file__).parent
CLEAN = sorted((HERE / "sample_clean").rglob("*.py"))
SAMPLE = sorted((HERE / "sample").glob("*.py"))


def mended(text: str) -> str:
    return mend(decode("file.py", text.encode()), Options())[0]


def tabs(text: str) -> str:
    return re.sub(r"(?m)^( {4})+", lambda match: "\t" * (len(match[0]) // 4), text)


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.name)
@pytest.mark.parametrize(
    "dress",
    [
        lambda text: text.replace("\n", "\r\n"),
        tabs,
        lambda text: "# 한국어 주석 — ünïcode 🐑\n" + text if not text.startswith('"""') else text.replace('"""', '"""🐑 ', 1),
        lambda text: text.replace("  # expect", "   # \x0c expect"),
    ],
    ids=["crlf", "tabs", "wide characters", "form feed"],
)
def test_fix_and_dress_may_change_places(path: Path, dress) -> None:
    text = path.read_text()
    assert mended(dress(text)) == dress(mended(text))


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.name)
def test_a_missing_last_line_end_stays_missing(path: Path) -> None:
    text = path.read_text()
    assert mended(text.rstrip("\n")) in {mended(text), mended(text).rstrip("\n")}
    if "await" not in text:
        assert not mended(text.rstrip("\n")).endswith("\n")


@pytest.mark.parametrize(("cookie", "encoding"), [("# -*- coding: latin-1 -*-\n", "latin-1"), ("# coding: cp949\n", "cp949"), ("", "utf-8-sig")])
def test_encodings_survive(cookie: str, encoding: str, tmp_path: Path) -> None:
    letter = "가" if encoding == "cp949" else "é"
    before = cookie + f'import openai as ai\nname = "{letter}"\ntry:\n    pass\nexcept ai.Timeout:\n    pass\n'
    path = tmp_path / "a.py"
    path.write_bytes(before.encode(encoding))
    assert main(["fix", "--write", str(path)]) == 0
    assert path.read_bytes() == before.replace("ai.Timeout", "ai.APITimeoutError").encode(encoding)
    assert path.read_bytes().startswith(codecs.BOM_UTF8) == (encoding == "utf-8-sig")


def mess(text: str, dice: random.Random) -> str:
    """Another formatting of the same program: nothing that matters to Python changes."""
    lines = []
    for line in text.split("\n"):
        plain = not re.search(r"['\"\\]", line)
        if plain and line.strip() and dice.random() < 0.2:
            line += dice.choice(["  ", "\t", "  # a remark", " # holysheep", "  #: x"]) if "#" not in line else "  "
        if plain and dice.random() < 0.15:
            line = line.replace(", ", dice.choice([",", ",  ", " , "])).replace(" = ", dice.choice(["=", "  =  ", " =\t"]))
        lines.append(line)
        if not line.strip() and dice.random() < 0.3:
            lines += dice.choice([["   "], ["\x0c"], ["", "# a remark", ""]])
    end = dice.choice(["\n", "\r\n"])
    out = end.join(lines)
    if dice.random() < 0.3:
        out = tabs(out)
    return out.rstrip() if dice.random() < 0.3 else out


@pytest.mark.parametrize("seed", range(12))
def test_a_clean_file_in_any_formatting_comes_back_byte_for_byte(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    for path in CLEAN:
        text = mess(path.read_text(), dice)
        try:
            compile(text, str(path), "exec")
        except SyntaxError:  # a docstring's tabs, a backslash: not a program any more
            continue
        source = decode(path.name, text.encode())
        assert scan(source, Options()) == []
        copy = tmp_path / f"{path.name}"
        copy.write_bytes(text.encode())
        assert main(["fix", "--write", str(copy)]) == 0
        assert copy.read_bytes() == text.encode()


@pytest.mark.parametrize("seed", range(12))
def test_fix_of_a_messy_sample_rests_after_one_run_and_changes_no_other_line(seed: int) -> None:
    dice = random.Random(seed)
    for path in SAMPLE:
        text = mess(path.read_text(), dice)
        once = mended(text)
        assert mended(once) == once
        kept = [line for line in text.split("\n") if not re.search(r"openai|httpx|Timeout|OpenAI|await|os\.", line) and line.strip()]
        moved = {line.strip() for line in once.split("\n")}
        assert all(line.strip() in moved for line in kept)


def test_the_import_stands_before_the_use() -> None:
    text = mended("import json, openai; x = os.environ\n")
    exec(compile(text.replace(", openai", ""), "text", "exec"), {})


def test_write_keeps_permissions_and_follows_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.py", tmp_path / "link.py"
    real.write_text("import openai\nx = os.environ\n")
    real.chmod(0o750)
    link.symlink_to(real)
    assert main(["fix", "--write", str(link)]) == 0
    assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o750
    assert "import os\n" in real.read_text()
    assert os.listdir(tmp_path).__len__() == 2  # no temporary file is left


@pytest.mark.parametrize("data", [b"# coding: nothing-such\n", b"x = '\xff'\n", b"# coding: ascii\nx = '\xc3\xa9'\n"])
def test_bytes_that_are_no_text_are_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(SkippedFile, match=r"encoding is not known|is not (utf-8|ascii)"):
        decode("a.py", data)
