"""Whether the primary is asked, and when a resting one is asked again. Time is passed in; nothing here waits."""

from __future__ import annotations

import threading
from dataclasses import dataclass

__all__ = ["Breaker", "Permit"]


@dataclass(frozen=True)
class Permit:
    """One request may go to the primary. What becomes of it is told back, once."""

    probe: bool
    era: int


class Breaker:
    """After `trip_after` failures in a row the primary rests for `rest` seconds; then one request probes it while the others still go to the
    fallback. A probe that is answered ends the rest; one that fails doubles it, up to `rest_max`. One breaker serves all threads of a client.
    """

    def __init__(self, *, trip_after: int = 3, rest: float = 10.0, rest_max: float = 300.0) -> None:
        self._lock = threading.Lock()
        self._trip_after, self._rest_first, self._rest_max = trip_after, rest, rest_max
        self._rest = rest
        self._failures = 0
        self._rests_until: float | None = None
        self._probing = False
        # Raised whenever it trips or heals: news of a request that began before is old news.
        self._era = 0

    @property
    def resting(self) -> bool:
        """Whether the primary is left alone, but for probes."""
        return self._rests_until is not None

    def ask(self, now: float) -> Permit | None:
        """A permit to ask the primary now; None while it rests or is being probed."""
        with self._lock:
            if self._rests_until is None:
                return Permit(probe=False, era=self._era)
            if self._probing or now < self._rests_until:
                return None
            self._probing = True
            return Permit(probe=True, era=self._era)

    def answered(self, permit: Permit) -> None:
        """The primary answered, be it with a refusal of the caller's own mistake."""
        with self._lock:
            if permit.era != self._era:
                return
            self._failures = 0
            if permit.probe:
                self._heal()

    def healed(self) -> None:
        """The primary answered a request that it was asked without a permit, because nothing else was left."""
        with self._lock:
            self._failures = 0
            if self._rests_until is not None:
                self._heal()

    def failed(self, permit: Permit, now: float, retry_after: float | None = None) -> None:
        """The primary did not answer; `retry_after` is how long it asked to be left alone, and is granted up to `rest_max`."""
        with self._lock:
            if permit.era != self._era:
                return
            self._failures += 1
            if permit.probe:
                self._rest = min(self._rest * 2, self._rest_max)
            elif self._failures < self._trip_after and not retry_after:
                return
            self._era += 1
            self._probing = False
            self._rests_until = now + max(self._rest, min(retry_after or 0.0, self._rest_max))

    def abandoned(self, permit: Permit) -> None:
        """Nobody waited for the answer: it says nothing about the primary. A probe may be made again."""
        with self._lock:
            if permit.probe and permit.era == self._era:
                self._probing = False

    def _heal(self) -> None:
        self._era += 1
        self._rests_until, self._probing, self._rest = None, False, self._rest_first
