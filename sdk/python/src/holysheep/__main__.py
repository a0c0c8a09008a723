"""The command `holysheep`: `migrate scan|fix|explain`, `version`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from ._version import __version__

USAGE = """\
usage: holysheep COMMAND

  migrate scan|fix PATH…   find (or fix) what breaks or bites in Python code that moves to the gateway
                           (needs: pip install "bellwether-holysheep[migrate]")
  migrate explain [ID]     all about one pattern, or the list of them
  version                  the version of this package and of openai beneath it

example: holysheep migrate scan src/
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is the gateway's: 0 ok, 1 failed, 2 wrong usage, 3 invalid input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words[0] if words else "help"
    if command == "migrate":
        return _migrate(words[1:])
    if command in ("version", "--version"):
        import openai

        print(f"holysheep {__version__} (openai {openai.__version__})")
        return 0
    if command in ("help", "-h", "--help"):
        print(USAGE, end="")
        return 0 if words else 2
    print(f"holysheep: unknown command '{command}'\n{USAGE}", end="", file=sys.stderr)
    return 2


def _migrate(words: list[str]) -> int:
    try:
        migrate = importlib.import_module("holysheep.migrate")  # as late as this: it needs libcst
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("libcst"):
            raise
        print('holysheep: `migrate` needs libcst: pip install "bellwether-holysheep[migrate]"', file=sys.stderr)
        return 1
    return int(migrate.main(words))


if __name__ == "__main__":
    sys.exit(main())
