"""Two places that can answer: a primary, and a fallback for when it cannot."""

from .breaker import Breaker
from .clients import AsyncHybridClient, AsyncHybridStream, HybridClient, HybridStream
from .side import Side, falls_back

__all__ = ["AsyncHybridClient", "AsyncHybridStream", "Breaker", "HybridClient", "HybridStream", "Side", "falls_back"]
