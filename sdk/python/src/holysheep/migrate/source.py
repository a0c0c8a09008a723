"""From bytes on disk to text and back, without a loss: encoding cookie, byte order mark and line ends stay as they were."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import stat
import tempfile
import tokenize
from dataclasses import dataclass
from pathlib import Path

# Past this a file is data or generated; parsing it would take minutes and gigabytes, and nobody would review the diff.
BYTES_MAX = 2 * 1024 * 1024


class SkippedFile(Exception):
    """The file is not looked at; the text says why."""


class UnreadableFile(Exception):
    """The file is meant to be looked at and cannot be; the text says why."""


@dataclass(frozen=True)
class Source:
    """One file's text. `blank_lines` are lines (from 1) of a notebook that hide magics; `cells` maps lines to cells."""

    path: str
    text: str
    encoding: str = "utf-8"
    mark: bytes = b""
    notebook: bool = False
    cells: tuple[tuple[int, int], ...] = ()  # (first line in `text`, number of the cell, from 1)
    unparsed_cells: tuple[int, ...] = ()

    def encoded(self, text: str) -> bytes:
        """The bytes of a changed text, as this file writes them."""
        return self.mark + text.encode(self.encoding)

    def place(self, line: int) -> tuple[int | None, int]:
        """The cell (None outside notebooks) and the line in it."""
        found: tuple[int | None, int] = (None, line)
        for first, number in self.cells:
            if first <= line:
                found = (number, line - first + 1)
        return found


def read(path: Path) -> Source:
    """Reads a Python file or a notebook. Throws SkippedFile or UnreadableFile."""
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            raise SkippedFile(f"{size} bytes; files over {BYTES_MAX} bytes are not looked at")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(error.strerror or str(error)) from error
    if b"\0" in data[:8192]:
        raise SkippedFile("binary (it holds zero bytes)")
    if path.suffix == ".ipynb":
        return _notebook(str(path), data)
    return decode(str(path), data)


def decode(path: str, data: bytes) -> Source:
    """The text of a Python file, by its byte order mark and encoding cookie."""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise SkippedFile(f"its encoding is not known: {error.msg}") from error
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise SkippedFile(f"byte {error.start + len(mark)} is not {encoding}; add an encoding cookie or save it as UTF-8") from error
    if text.encode(encoding) != data[len(mark) :]:
        raise SkippedFile(f"its bytes do not survive {encoding} and back")
    return Source(path, text, encoding, mark)


def write(path: Path, data: bytes) -> None:
    """Replaces the file in one step, keeping its permissions; a symbolic link keeps pointing, its target is replaced."""
    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _notebook(path: str, data: bytes) -> Source:
    # All code cells become one text, since a name of one cell is used in the next. Line magics become comments of the same length.
    try:
        cells = json.loads(data)["cells"]
        if not isinstance(cells, list):
            raise TypeError("`cells` is no list")
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(f"not a notebook of format 4: {error}") from error
    lines: list[str] = []
    starts: list[tuple[int, int]] = []
    unparsed: list[int] = []
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        text = cell.get("source", "")
        text = "".join(part for part in text if isinstance(part, str)) if isinstance(text, list) else str(text)
        if text.lstrip().startswith("%%"):
            continue
        body = [_without_magic(line) for line in text.splitlines()]
        if not _parses("\n".join(body)):
            unparsed.append(number)
            continue
        starts.append((len(lines) + 1, number))
        lines += body
    return Source(path, "\n".join([*lines, ""]), notebook=True, cells=tuple(starts), unparsed_cells=tuple(unparsed))


def _without_magic(line: str) -> str:
    stripped = line.lstrip()
    if stripped[:1] not in {"%", "!", "?"}:
        return line
    return line[: len(line) - len(stripped)] + "#" + stripped[1:]


def _parses(text: str) -> bool:
    import ast

    try:
        compile(text, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError):
        return False
    return True
