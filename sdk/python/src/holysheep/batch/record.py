"""The file that a batch can be resumed from: JSON lines, only ever added to.

The first line names the format and the batch; each further line is one finished item:

    {"schema":"holysheep.batch/1","id":"…"}
    {"index":0,"task":"<sha256 of the parameters>","answer":{…}}
    {"index":1,"task":"…","error":{"type":"BadRequestError","status":400,"message":"…","body":{…}}}

An item is known again by its place *and* its content: where the parameters changed, it is done anew. Failed items are tried again.

What a crash can cost: a line is handed to the system as soon as its item is finished, so a killed process loses nothing; it is forced to
the disk every second and at the end, so a machine that loses power loses the last second. A last line that was torn is cut off.
The file is locked while a batch uses it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import time
import uuid
from array import array
from collections.abc import Mapping
from typing import Any

import httpx2
import openai

from ..errors import HolySheepError, ResumeFileError
from ..types import ChatCompletion

__all__ = ["Record", "decode", "task_digest"]

SCHEMA = "holysheep.batch/1"
SYNC_EVERY = 1.0
# Where an index has no line.
NOWHERE = -1


def task_digest(parameters: Mapping[str, Any]) -> str:
    """What an item is known by: the content of its parameters, whatever their order."""

    def plain(value: object) -> object:
        if hasattr(value, "model_dump"):
            return value.model_dump(mode="json", exclude_unset=True)
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, (set, frozenset)):
            return sorted(value)
        if isinstance(value, type) or callable(value) or "object at 0x" in repr(value):
            raise ResumeFileError(f"A task holds a {type(value).__name__}, whose content cannot be compared with an earlier run's: leave out resume=.")
        return list(value) if hasattr(value, "__iter__") else repr(value)

    # How long to wait is not what is asked.
    asked = {name: value for name, value in parameters.items() if name != "timeout"}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=plain).encode()).hexdigest()


def encode(index: int, task: str, outcome: ChatCompletion | Exception) -> bytes:
    line: dict[str, Any] = {"index": index, "task": task}
    if isinstance(outcome, Exception):
        line["error"] = {
            "type": type(outcome).__name__,
            "status": getattr(outcome, "status_code", None),
            "message": str(outcome),
            "body": getattr(outcome, "body", None),
            "request_id": getattr(outcome, "request_id", None),
        }
    else:
        line["answer"] = outcome.model_dump(mode="json", exclude_unset=True)
        line["request_id"] = getattr(outcome, "_request_id", None)
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str).encode() + b"\n"


def decode(line: bytes) -> ChatCompletion | Exception:
    """The result that a line holds. An error comes back as its class, with status, body and code."""
    held = json.loads(line)
    if "answer" in held:
        answer = ChatCompletion.construct(**held["answer"])
        answer._request_id = held.get("request_id")
        return answer
    told = held["error"]
    kind = getattr(openai, str(told.get("type")), None)
    request = httpx2.Request("POST", "http://recorded/")
    if isinstance(kind, type) and issubclass(kind, openai.APIStatusError):
        headers = {"x-request-id": told["request_id"]} if told.get("request_id") else {}
        return kind(told["message"], response=httpx2.Response(told["status"], headers=headers, request=request), body=told.get("body"))
    if kind is openai.APITimeoutError:
        return openai.APITimeoutError(request=request)
    if kind is openai.APIConnectionError:
        return openai.APIConnectionError(message=told["message"], request=request)
    return HolySheepError(f"{told.get('type')}: {told['message']}")


def _lock(file: io.FileIO, path: str) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows: an open file is not shared by default in the way that would hurt
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ResumeFileError(f"{path} is used by another batch that is still running: wait for it, or name another file.") from None


class Record:
    """One such file, open. Keeps where each item's line begins, 8 bytes an item, and no line itself."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.offsets = array("q")
        try:
            if os.path.exists(self.path) and not os.path.isfile(self.path):
                raise ResumeFileError(f"{self.path} is no regular file: name one that can be kept, or leave out resume=.")
            # Without a buffer: what could not be written is not tried again behind our back.
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
            self._reader = open(self.path, "rb")  # noqa: SIM115
        except OSError as error:
            raise ResumeFileError(f"{self.path} cannot be opened: {error.strerror}.") from error
        try:
            _lock(self._file, self.path)
            self.id = self._read()
        except BaseException:
            self._file.close()
            self._reader.close()
            raise
        self._synced_at = time.monotonic()

    def _read(self) -> str:
        first = self._reader.readline()
        if not first.endswith(b"\n"):
            # Nothing, or a first line that was torn before any item was finished.
            if first and not f'{{"schema":"{SCHEMA}"'.encode().startswith(first[: len(SCHEMA) + 12]):
                raise self._foreign()
            self._file.truncate(0)
            made = uuid.uuid4().hex
            self._write(json.dumps({"schema": SCHEMA, "id": made}, separators=(",", ":")).encode() + b"\n")
            return made
        try:
            head = json.loads(first)
            if head["schema"] != SCHEMA:
                raise self._foreign()
            found = str(head["id"])
        except (ValueError, KeyError, TypeError):
            raise self._foreign() from None
        offset = len(first)
        for number, line in enumerate(self._reader, 2):
            if not line.endswith(b"\n"):
                self._file.truncate(offset)
                break
            try:
                self._know(int(json.loads(line)["index"]), offset)
            except (ValueError, KeyError, TypeError):
                raise ResumeFileError(f"{self.path}:{number} is no line of a batch: restore the file or name another.") from None
            offset += len(line)
        return found

    def _foreign(self) -> ResumeFileError:
        return ResumeFileError(f"{self.path} is not the file of a batch (no {SCHEMA} in its first line): name another; nothing in it was changed.")

    def _know(self, index: int, offset: int) -> None:
        if index >= len(self.offsets):
            self.offsets.extend([NOWHERE] * (index + 1 - len(self.offsets)))
        self.offsets[index] = offset

    def _write(self, line: bytes) -> int:
        offset = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._file.truncate(offset)
            raise ResumeFileError(f"{self.path} cannot be written: {error.strerror}. What was finished before is kept; resume with the same file.") from error
        return offset

    def answer(self, index: int, task: str) -> ChatCompletion | None:
        """What an earlier run got for this very item; None if it has to be done."""
        if index >= len(self.offsets) or self.offsets[index] == NOWHERE:
            return None
        self._reader.seek(self.offsets[index])
        line = self._reader.readline()
        if f'"task":"{task}","answer":'.encode() not in line[:200]:
            return None
        found = decode(line)
        return found if isinstance(found, ChatCompletion) else None

    def add(self, index: int, task: str, outcome: ChatCompletion | Exception) -> None:
        """Writes one finished item; see the module for what that promises."""
        self._know(index, self._write(encode(index, task, outcome)))
        if (now := time.monotonic()) - self._synced_at >= SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._synced_at = now

    def close(self) -> None:
        if not self._file.closed:
            self._reader.close()
            with self._file:
                os.fsync(self._file.fileno())
