"""The course of one call over the two sides: which is asked first, which next, and what is raised in the end. It decides; the clients do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeAlias

from ..errors import BothSidesFailedError
from ..retry import headers_of, retry_after
from .breaker import Breaker
from .side import falls_back

__all__ = ["Course", "Which"]

Which: TypeAlias = Literal["primary", "fallback"]
Clock: TypeAlias = Callable[[], float]


class Course:
    """Made for one call. Told how each try went, it says which side is next or raises what the caller is to see."""

    def __init__(self, breaker: Breaker, clock: Clock = time.monotonic) -> None:
        self._breaker, self._clock = breaker, clock
        self._began = clock()
        self._permit = breaker.ask(self._began)
        self._primary_error: Exception | None = None
        self._fallback_error: Exception | None = None
        self.side: Which = "primary" if self._permit else "fallback"

    def waited_ms(self) -> float:
        return (self._clock() - self._began) * 1000

    def answered(self) -> None:
        if self.side == "primary":
            self._breaker.answered(self._permit) if self._permit else self._breaker.healed()

    def abandoned(self) -> None:
        if self.side == "primary" and self._permit:
            self._breaker.abandoned(self._permit)

    def began_to_stream(self) -> None:
        """The side says something. A probe has seen enough; whether the answer is whole, the end of the stream tells."""
        if self.side == "primary" and (self._permit is None or self._permit.probe):
            self.answered()
            self._permit = self._breaker.ask(self._clock())

    def broke_off(self, error: Exception) -> None:
        """The stream was cut after that: no success, though the caller has a part of it."""
        if self.side == "primary" and self._permit and falls_back(error):
            self._breaker.failed(self._permit, self._clock())

    def failed(self, error: Exception) -> Which:
        """The next side to ask; raises if there is none, or if the request itself was refused."""
        if not falls_back(error):
            # Whoever refuses a request is well.
            self.answered()
            raise error
        if self.side == "primary":
            self._primary_error = error
            if self._permit:
                self._breaker.failed(self._permit, self._clock(), retry_after(headers_of(error)))
        else:
            self._fallback_error = error
        if self._fallback_error is None:
            self.side = "fallback"
        elif self._primary_error is None:
            # The primary rests, and the fallback is down: better a try than none.
            self.side = "primary"
        else:
            raise BothSidesFailedError(self._primary_error, self._fallback_error) from error
        return self.side
