"""How far a batch is, for `on_progress` and for the bar."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TextIO

__all__ = ["Bar", "Progress"]


@dataclass(frozen=True)
class Progress:
    """A moment of a batch. `total` is None where the tasks come from an iterator; `resumed` of `done` came from the file of an earlier run."""

    done: int
    failed: int
    resumed: int
    total: int | None
    seconds: float

    @property
    def per_second(self) -> float:
        """Items answered each second in this run."""
        return (self.done - self.resumed) / self.seconds if self.seconds > 0 else 0.0


class Bar:
    """One line on a terminal, drawn at most ten times a second; nothing where standard error is no terminal."""

    WIDTH = 30
    EVERY = 0.1

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn_at = -1.0

    def draw(self, progress: Progress) -> None:
        last = progress.done == progress.total
        if not self._shown or (not last and 0 <= progress.seconds - self._drawn_at < self.EVERY):
            return
        self._drawn_at = progress.seconds
        print("\r" + self.line(progress), end="", file=self._stream, flush=True)

    def line(self, progress: Progress) -> str:
        tail = f"{progress.per_second:.1f}/s" + (f", {progress.failed} failed" if progress.failed else "")
        if not progress.total:
            return f"{progress.done} done, {tail}"
        full = self.WIDTH * progress.done // progress.total
        return f"[{'#' * full}{'.' * (self.WIDTH - full)}] {progress.done}/{progress.total}, {tail}"

    def end(self) -> None:
        if self._shown and self._drawn_at >= 0:
            print(file=self._stream, flush=True)
