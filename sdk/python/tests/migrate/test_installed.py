"""The command as pip installs it, and what it says where libcst is not installed."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("libcst")

SCRIPT = Path(sysconfig.get_path("scripts")) / "holysheep"
# An entry of None makes an import fail as it does where the package is not installed.
WITHOUT_LIBCST = "import sys; sys.modules['libcst'] = None; from holysheep.__main__ import main; sys.exit(main(sys.argv[1:]))"


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("door", [[SCRIPT], [sys.executable, "-W", "error", "-m", "holysheep"]], ids=["script", "module"])
def test_scan_fix_and_explain_by_both_doors(tmp_path: Path, door: list[object]) -> None:
    (tmp_path / "a.py").write_text("import openai\nx = os.environ\n")
    scanned = run(*door, "migrate", "scan", tmp_path)
    assert scanned.returncode == 1 and "HS006" in scanned.stdout and "1 finding" in scanned.stderr
    explained = run(*door, "migrate", "explain", "HS006")
    assert explained.returncode == 0 and "HS006" in explained.stdout
    shown = run(*door, "migrate", "fix", tmp_path)
    assert shown.returncode == 0 and "+import os\n" in shown.stdout and "import os\n" not in (tmp_path / "a.py").read_text()
    assert run(*door, "migrate", "fix", "--write", tmp_path).returncode == 0
    assert run(*door, "migrate", "scan", tmp_path).returncode == 0


def test_without_libcst_it_says_what_to_install(tmp_path: Path) -> None:
    done = run(sys.executable, "-c", WITHOUT_LIBCST, "migrate", "scan", tmp_path)
    assert done.returncode == 1 and done.stderr == 'holysheep: `migrate` needs libcst: pip install "bellwether-holysheep[migrate]"\n'
    assert run(sys.executable, "-c", WITHOUT_LIBCST, "version").returncode == 0
