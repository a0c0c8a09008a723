"""The one door through which every request of a batch goes: so many a minute, so many at once, and none while a 429's wait runs.

Belongs to one batch, on its event loop.
"""

from __future__ import annotations

import asyncio

__all__ = ["Gate"]

# A wait that nobody asked for: doubled from one 429 to the next, until a request is answered.
PAUSE_FIRST = 0.5
PAUSE_MAX = 30.0


class Gate:
    """`limit` is how many may be in flight now: halved by a 429, and won back one by one as answers come."""

    def __init__(self, concurrency: int, requests_per_minute: float | None) -> None:
        self.limit = concurrency
        self._concurrency = concurrency
        self._interval = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._next_slot = 0.0
        self._open_at = 0.0
        self._pause = PAUSE_FIRST
        self._answers = 0
        self._turn = asyncio.Lock()

    async def passed(self) -> float:
        """Waits for this request's turn. The moment it is let through, on the loop's clock."""
        loop = asyncio.get_running_loop()
        # Whoever holds the turn waits for all behind it: after a pause they go on at the pace, and not all at once.
        async with self._turn:
            while (now := loop.time()) < (wanted := max(self._next_slot, self._open_at)):
                await asyncio.sleep(wanted - now)
            self._next_slot = now + self._interval
            return now

    def refused(self, sent_at: float, retry_after: float | None) -> None:
        """A 429 came for a request that was let through at `sent_at`: nobody is let through until its wait is over."""
        now = asyncio.get_running_loop().time()
        if sent_at < self._open_at:
            # One of those that were in flight when the pause began. Its wait counts, from now; it is no new reason to slow down.
            if retry_after is not None:
                self._open_at = max(self._open_at, now + retry_after)
            return
        self._open_at = max(self._open_at, now + (self._pause if retry_after is None else retry_after))
        self._pause = min(self._pause * 2, PAUSE_MAX)
        self.limit = max(1, self.limit // 2)
        self._answers = 0

    def answered(self) -> None:
        """A request was answered: the wait is a short one again, and after as many answers as the limit one more may be in flight."""
        self._pause = PAUSE_FIRST
        self._answers += 1
        if self.limit < self._concurrency and self._answers >= self.limit:
            self.limit += 1
            self._answers = 0
