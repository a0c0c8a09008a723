"""The one door through which every request of a batch goes: so many a minute, so many at once, and none while a 429's wait runs.

Belongs to one batch, on its event loop.
"""

from __future__ import annotations

import asyncio

__all__ = ["Gate"]

# A wait that nobody asked for: doubled from one 429 to the next, until a request is answered.
PAUSE_FIRST = 0.5
PAUSE_MAX = 30.0
# A server may ask for more, for days even; nobody is served by a batch that sleeps longer between two looks.
PAUSE_ASKED_MAX = 3600.0
# How many go first. Hundreds of connections opened in one moment take longer than a connection may take.
LIMIT_FIRST = 32


class Gate:
    """`limit` is how many may be in flight now: a few at first and one more with each answer; halved by a 429, and won back slowly then."""

    def __init__(self, concurrency: int, requests_per_minute: float | None) -> None:
        self.limit = min(concurrency, LIMIT_FIRST)
        self.pauses = 0
        self._concurrency = concurrency
        self._interval = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._in_flight = 0
        self._next_slot = 0.0
        self._open_at = 0.0
        self._pause = PAUSE_FIRST
        self._answers = 0
        self._starting = True
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()

    async def enter(self) -> float:
        """Waits for this request's turn. The moment it is let through, on the loop's clock; whoever was let through must `leave`."""
        loop = asyncio.get_running_loop()
        # Whoever holds the turn waits for all behind it: after a pause they go on at the pace, and not all at once.
        async with self._turn:
            while True:
                now = loop.time()
                if (wait := max(self._next_slot, self._open_at) - now) > 0:
                    await asyncio.sleep(wait)
                elif self._in_flight >= self.limit:
                    self._left.clear()
                    await self._left.wait()
                else:
                    break
            self._next_slot = now + self._interval
            self._in_flight += 1
            return now

    def leave(self) -> None:
        self._in_flight -= 1
        self._left.set()

    def refused(self, sent_at: float, retry_after: float | None) -> None:
        """A 429 came for a request that was let through at `sent_at`: nobody is let through until its wait is over."""
        now = asyncio.get_running_loop().time()
        wait = self._pause if retry_after is None else min(retry_after, PAUSE_ASKED_MAX)
        if sent_at < self._open_at:
            # One of those that were in flight when the pause began: the same news again, and no reason to slow down once more.
            if retry_after is not None:
                self._open_at = max(self._open_at, now + wait)
            return
        self.pauses += 1
        self._open_at = now + wait
        self._pause = min(self._pause * 2, PAUSE_MAX)
        self._starting = False
        self.limit = max(1, self.limit // 2)
        self._answers = 0

    def answered(self) -> None:
        """A request was answered: the wait is a short one again, and one more may be in flight (after a 429: for as many answers as the limit)."""
        self._pause = PAUSE_FIRST
        self._answers += 1
        if self.limit < self._concurrency and (self._starting or self._answers >= self.limit):
            self.limit += 1
            self._answers = 0
            self._left.set()
