"""Misuse that would otherwise show as a hang or as somebody else's error: a closed client, a fork, a second event loop.

One guard stands before one pool of connections; copies of a client share both.
"""

from __future__ import annotations

import asyncio
import os
import weakref

from .errors import ClientClosedError, EventLoopError, ForkedClientError

__all__ = ["Guard"]


class Guard:
    """Knows the process and the event loop that the connections belong to, from the first request on."""

    def __init__(self) -> None:
        self._process: int | None = None
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None

    def check(self, closed: bool) -> None:
        """Before each request of either kind of client."""
        if closed:
            raise ClientClosedError("This client is closed (or a copy that shares its connections is): make a new one.")
        if self._process is None:
            self._process = os.getpid()
        elif self._process != os.getpid():
            raise ForkedClientError(
                f"This client was used in process {self._process}, and this is its child {os.getpid()}: both would write to the same sockets. "
                "Make the client after the fork (in a worker's initialiser), one for each process."
            )

    def check_loop(self) -> None:
        """Before each request of an asynchronous client."""
        loop = running_loop()
        known = self._loop() if self._loop else None
        if self._loop is None:
            self._loop = weakref.ref(loop)
        elif known is not loop:
            raise EventLoopError(
                "This client was used in another event loop, and its connections live there. Make one client for each loop: inside the coroutine "
                "that asyncio.run() runs, not at the top of the module; or run everything in a single asyncio.run()."
            )


def running_loop() -> asyncio.AbstractEventLoop:
    """The running asyncio loop, or `EventLoopError` that says what to do without one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise EventLoopError(
            "No asyncio event loop is running. Run this inside `async def main()` with asyncio.run(main()), "
            "or use the synchronous client: from holysheep import HolySheep."
        ) from None
